"""Where every task of the process stands, for an operator who looks at one that hangs."""

import asyncio
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import TextIO


def print_tasks(to: TextIO = sys.stderr) -> None:
    """Print each task's name and the chain of awaits in which it stands."""
    for task in sorted(asyncio.all_tasks(), key=lambda task: task.get_name()):
        to.write(f"task {task.get_name()}\n")
        to.writelines(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in _frames(task)).format())
    to.flush()


def _frames(task: asyncio.Task[object]) -> Iterator[FrameType]:
    """The frames of a suspended task; `Task.get_stack` gives only the outermost."""
    waiting: object = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None)
        if frame is None:
            return
        yield frame
        waiting = getattr(waiting, "cr_await", None)
