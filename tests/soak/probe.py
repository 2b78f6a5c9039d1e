"""The real program with a probe: asked by SIGUSR1, it writes how many tasks and objects it has.

python -m tests.soak.probe FILE run
"""

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from notifier import cli


def main() -> int:
    """Run the command line that follows the file's name."""
    file = Path(sys.argv[1])
    asked = 0

    def answer(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            tasks = 0
        draft = file.with_suffix(".new")
        draft.write_text(
            json.dumps({"asked": asked, "tasks": tasks, "objects": len(gc.get_objects())}), "utf-8"
        )
        draft.replace(file)

    signal.signal(signal.SIGUSR1, answer)
    file.touch()
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
