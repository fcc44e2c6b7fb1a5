import asyncio

import pytest
from unit.qr.codes import Inline

from quietzone_qr.rendering import Gate, Renderer, Unreadable, WarmUp


async def test_it_is_warm_when_a_symbol_was_drawn_and_read_back() -> None:
    warm_up = WarmUp(Renderer(Inline(), Gate()))
    before = warm_up.not_ready()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(warm_up.run())
        while warm_up.not_ready():
            await asyncio.sleep(0)
        running.cancel()

    assert before == "not read back yet"


async def test_a_process_whose_decoders_read_something_else_ends() -> None:
    warm_up = WarmUp(Renderer(Inline(), Gate([("misreader", lambda _pixels, _size_px: b"https://example.com/")])))

    with pytest.raises(Unreadable, match="misreader reads"):
        await asyncio.wait_for(warm_up.run(), 5)

    assert warm_up.not_ready() is not None
