"""Having something printed by a process of its own: typesetting takes seconds and hundreds of megabytes."""

import asyncio
import signal

import msgspec

from quietzone_kit.errors import Unavailable
from quietzone_kit.processes import answer_of
from quietzone_storage.prints.messages import FEWER, Job, encode, result_of

WITHIN_S = 180.0
MAX_RESULT_BYTES = 50_000_000
"""1,000 labels are 1 MB; of symbols with 89 modules a side 21 MB."""

BY_BOUNDS = frozenset((signal.SIGXCPU, signal.SIGABRT))
"""Signals that its own bounds bring about, of the processor's time and of memory: another try would end alike."""


class NotPrintable(ValueError):
    """It can't be printed: says why."""


class Printer:
    """Prints, one at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(1)

    async def make(self, job: Job) -> bytes:
        """The file.

        Raises:
            NotPrintable: it is asked for what can't be.
            Unavailable: it was ended, by a machine that is short of time or memory: try again.
        """
        async with self._free:
            try:
                async with asyncio.timeout(WITHIN_S):
                    answer, code = await answer_of("quietzone_storage.prints", encode(job), max_bytes=MAX_RESULT_BYTES)
            except TimeoutError as error:
                raise Unavailable(f"it isn't printed within {WITHIN_S:g} s") from error
        if len(answer) > MAX_RESULT_BYTES:
            raise NotPrintable(f"the file is larger than {MAX_RESULT_BYTES:,} bytes: {FEWER}")
        if -code in BY_BOUNDS:
            raise NotPrintable(f"it takes more time or memory than a print may: {FEWER}")
        if code != 0:
            raise Unavailable(f"the process that prints ended with {code}")
        try:
            result = result_of(answer)
        except msgspec.DecodeError as error:
            raise Unavailable("the process that prints gave no answer that makes sense") from error
        if result.refused:
            raise NotPrintable(result.refused)
        return result.data
