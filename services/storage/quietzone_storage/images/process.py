"""Having an image decoded by a process of its own: whatever is in it, this process only waits, for a bounded time and bounded bytes."""

import asyncio
import signal

import msgspec

from quietzone_kit.errors import Unavailable
from quietzone_kit.processes import answer_of
from quietzone_storage.images.messages import Job, Made, Result, encode, result_of
from quietzone_storage.variants.domain import Form

WITHIN_S = 40.0
"""Twice the processor's time that it may use, on a busy machine; by that time an image that was at fault would have been ended."""
FROM_OUTSIDE = frozenset((signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
"""Signals that no image brings about: its own bounds end a decoder by SIGXCPU, or in its memory."""
MAX_RESULT_BYTES = 60_000_000
"""Four variants and three copies of 2,048 pixels squared; the largest is a PNG of noise, 17 MB."""
AT_ONCE = 2
"""Each takes a processor, and up to 128 MB."""


class ImageFailed(ValueError):
    """The image can't be decoded within bounds: says why."""


class Images:
    """Decodes images, `at_once` at a time."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def look(self, data: bytes, media_type: str) -> tuple[int, int]:
        """An image's pixels, after it was decoded whole.

        Raises:
            ImageFailed: says why it can't be.
            Unavailable: it isn't the image's fault: try again.
        """
        result = await self._run(Job(data, media_type, only_look=True))
        return result.width, result.height

    async def make(self, data: bytes, media_type: str) -> tuple[Made, ...]:
        """An image's variants and optimised copies; raises as `look`."""
        return (await self._run(Job(data, media_type))).files

    async def resize(self, data: bytes, media_type: str, form: Form) -> Made:
        """An image in its own proportions, at most `form.side_px` a side, never enlarged; raises as `look`."""
        [made] = (await self._run(Job(data, media_type, form=form))).files
        return made

    async def _run(self, job: Job) -> Result:
        async with self._free:
            try:
                async with asyncio.timeout(WITHIN_S):
                    answer, code = await answer_of("quietzone_storage.images", encode(job), max_bytes=MAX_RESULT_BYTES)
            except TimeoutError as error:
                raise Unavailable(f"a decoder didn't have its turn within {WITHIN_S:g} s: this machine is too busy") from error
        if len(answer) > MAX_RESULT_BYTES:
            raise ImageFailed("its decoder answers more than an image can be")
        if -code in FROM_OUTSIDE:
            raise Unavailable("a decoder was ended from outside, as a machine does that is short of memory")
        if code != 0:
            raise ImageFailed("its decoder was ended: it takes more time or memory than an image may")
        try:
            result = result_of(answer)
        except msgspec.DecodeError as error:
            raise ImageFailed("its decoder gave no answer that makes sense") from error
        if result.refused:
            raise ImageFailed(result.refused)
        return result
