"""`python -m notifier`, and the `notifier` command."""

import os
import sys

from notifier.cli import main as _main


def main() -> None:
    """Run the command line and leave with its exit code."""
    # pydantic would look through every installed package for a plugin, and show it the settings.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(_main(sys.argv[1:]))


if __name__ == "__main__":
    main()
