"""How long something of ours may take to answer: later is as good as not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def deadline(
    within_s: float, kind: Callable[[str], Exception], message: str, *, away: tuple[type[Exception], ...] = ()
) -> AsyncIterator[None]:
    """The block under a deadline. When it passes, and where the block raises one of `away`, that becomes `kind(message)`."""
    failures: tuple[type[Exception], ...] = (TimeoutError, *away)
    try:
        async with asyncio.timeout(within_s):
            yield
    except failures as error:
        raise kind(message) from error
