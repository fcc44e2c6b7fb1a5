"""A role that starts at once: `stubborn` ones don't stop when they are asked to, `slow` ones are never ready, others say that they stop."""

import os
import signal
import sys
from typing import NoReturn

NAME = sys.argv[1]


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def stop(*_: object) -> NoReturn:
    say(f"{NAME} stopped")
    sys.exit()


signal.signal(signal.SIGTERM, signal.SIG_IGN if NAME == "stubborn" else stop)
say(f"{NAME} {os.getpid()}")
if NAME != "slow":
    os.write(int(os.environ["QUIETZONE_READY_FD"]), b"ready\n")
os.read(int(os.environ["QUIETZONE_PARENT_FD"]), 1)
