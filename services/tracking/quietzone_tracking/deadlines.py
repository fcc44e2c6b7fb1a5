"""How long the store may take; later is as good as not there, and the caller tries again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.documents import DocumentsUnavailable

STORE_S = 10.0
"""A page or a bulk takes some 50 ms; a store that elects a new primary is back within this."""


@asynccontextmanager
async def store_answers(within_s: float = STORE_S) -> AsyncIterator[None]:
    """The block under a deadline; raises DocumentsUnavailable when it passes."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as error:
        raise DocumentsUnavailable(f"the store gave no answer within {within_s:g} s") from error
