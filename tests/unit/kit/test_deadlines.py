"""A block under a deadline ends in the error that its callers know."""

import asyncio

import pytest

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import NotFound, Unavailable


async def test_a_block_that_takes_too_long_ends_in_the_error_that_was_chosen() -> None:
    with pytest.raises(Unavailable, match="try again"):
        async with deadline(0, Unavailable, "try again"):
            await asyncio.Event().wait()


async def test_what_is_away_is_that_error_too() -> None:
    with pytest.raises(Unavailable, match="try again"):
        async with deadline(5, Unavailable, "try again", away=(DocumentsUnavailable,)):
            raise DocumentsUnavailable("no route")


async def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(NotFound):
        async with deadline(5, Unavailable, "try again", away=(DocumentsUnavailable,)):
            raise NotFound("no code")
