"""`python -m notifier`, and the `notifier` command."""

import sys

from notifier.cli import main as _main


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(_main(sys.argv[1:]))


if __name__ == "__main__":
    main()
