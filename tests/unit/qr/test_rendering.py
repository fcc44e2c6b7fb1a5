import pytest
from ports import Inline
from unit.qr.codes import OTHERS, OURS, Desk

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound
from quietzone_qr.codes import use_cases
from quietzone_qr.codes.domain import AccountId, State
from quietzone_qr.rendering import Gate, ImageFormat, Renderer
from quietzone_qr.rendering.matrix import encode


class TestRender:
    async def render(
        self, desk: Desk, code_id: str, *, size_px: int = 0, image_format: ImageFormat = ImageFormat.PNG, account_id: AccountId = OURS
    ) -> bytes:
        image = await use_cases.render_code(
            desk.codes, desk.renderer, account_id=account_id, code_id=code_id, image_format=image_format, size_px=size_px
        )
        return image.data

    async def test_an_image_has_1036_pixels_unless_told_otherwise(self, desk: Desk) -> None:
        code = await desk.create()

        assert (await self.render(desk, code.code_id))[16:24] == (1036).to_bytes(4, "big") * 2

    async def test_a_change_leaves_what_is_printed_as_it_is(self, desk: Desk) -> None:
        code = await desk.create()
        before = await self.render(desk, code.code_id)
        await desk.update(code.code_id, destination="https://example.com/new", title="New", state=State.PAUSED)

        assert await self.render(desk, code.code_id) == before

    @pytest.mark.parametrize("size_px", [-1, 63, 4097])
    async def test_a_size_out_of_bounds_is_refused(self, desk: Desk, size_px: int) -> None:
        code = await desk.create()

        with pytest.raises(InvalidInput, match="size_px: use 64 to 4096 pixels"):
            await self.render(desk, code.code_id, size_px=size_px)

    async def test_a_size_too_small_for_the_symbol_is_refused_with_one_that_would_do(self, desk: Desk) -> None:
        code = await desk.create(slug="a-slug-that-makes-a-larger-symbol")

        with pytest.raises(InvalidInput, match="size_px: this symbol has 41 modules from edge to edge: ask for at least 82 pixels"):
            await self.render(desk, code.code_id, size_px=81, image_format=ImageFormat.SVG)

    async def test_an_unreadable_symbol_is_not_handed_out(self, desk: Desk) -> None:
        code = await desk.create()
        desk.renderer = Renderer(Inline(), Gate([("blind", lambda _pixels, _size_px: None)]))

        with pytest.raises(FailedPrecondition, match="blind reads nothing"):
            await self.render(desk, code.code_id)

    async def test_another_accounts_code_is_not_found(self, desk: Desk) -> None:
        code = await desk.create()

        with pytest.raises(NotFound):
            await self.render(desk, code.code_id, account_id=OTHERS)


async def test_a_codes_symbol_is_the_one_that_is_printed(desk: Desk) -> None:
    code = await desk.create()

    matrix = await use_cases.get_symbol(desk.codes, desk.renderer, account_id=OURS, code_id=code.code_id)

    assert matrix == encode(code.payload)


async def test_a_symbol_that_a_decoder_cant_read_isnt_handed_out(desk: Desk) -> None:
    code = await desk.create()
    desk.renderer = Renderer(Inline(), Gate([("blind", lambda _pixels, _size_px: None)]))

    with pytest.raises(FailedPrecondition, match="blind"):
        await use_cases.get_symbol(desk.codes, desk.renderer, account_id=OURS, code_id=code.code_id)


async def test_the_symbol_of_another_accounts_code_is_not_found(desk: Desk) -> None:
    code = await desk.create()

    with pytest.raises(NotFound):
        await use_cases.get_symbol(desk.codes, desk.renderer, account_id=OTHERS, code_id=code.code_id)
