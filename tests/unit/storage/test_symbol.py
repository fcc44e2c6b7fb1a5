"""Codes are drawn in the files of the table, and each file is read back."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from unit.storage.drawings import symbol

from quietzone_qr.rendering.decoders import DECODERS
from quietzone_storage.assets.domain import Symbol
from quietzone_storage.variants.domain import CODE_FORMS, JPEG, PNG, THUMB, WEB_FORMS, WEBP, Form, WrongSymbol
from quietzone_storage.variants.symbol import NotShown, draw, draw_code, pack, paint, prove

PAYLOAD = "https://q.example/menu"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_the_table_is_the_products() -> None:
    table = [(form.variant, form.side_px, form.media_type, form.quality) for form in CODE_FORMS]

    assert table == [
        ("", 1036, PNG, None),
        ("_thumb", 256, JPEG, 80),
        ("_medium", 512, PNG, None),
        ("_large", 1024, PNG, None),
        ("_thumb_webp", 256, WEBP, 80),
    ]


def test_optimised_copies_are_the_products() -> None:
    assert [(form.media_type, form.quality, form.progressive) for form in WEB_FORMS] == [
        (WEBP, 85, False),
        (JPEG, 90, True),
        (PNG, None, False),
    ]


@pytest.mark.parametrize("form", CODE_FORMS, ids=lambda form: form.variant or "master")
def test_each_file_is_what_the_table_says(form: Form) -> None:
    drawing = draw(symbol(PAYLOAD), form)

    with opened(drawing.data) as image:
        assert (Image.MIME[str(image.format)], image.size) == (form.media_type, (form.side_px, form.side_px))


@pytest.mark.parametrize("version", [1, 2, 3, 7, 10, 18])
@pytest.mark.parametrize("form", CODE_FORMS, ids=lambda form: form.variant or "master")
@pytest.mark.parametrize(("name", "decode"), DECODERS)
def test_each_file_is_read_by_each_decoder(form: Form, version: int, name: str, decode) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    payload = "https://a.io/x"[: 14 if version == 1 else None] + "y" * (0 if version == 1 else 4)
    drawing = draw(symbol(payload, version=version), form)

    with opened(drawing.data) as image:
        read = decode(image.convert("L").tobytes(), form.side_px)

    assert read == payload.encode(), name


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=300))
def test_whatever_a_code_says_its_files_show_it(path: str) -> None:
    assert len(draw_code(symbol(f"https://q.example/{path}"))) == len(CODE_FORMS)


def test_the_same_modules_make_the_same_bytes() -> None:
    assert draw_code(symbol(PAYLOAD)) == draw_code(symbol(PAYLOAD))


@pytest.mark.parametrize("form", CODE_FORMS, ids=lambda form: form.variant or "master")
def test_a_file_that_shows_another_symbol_isnt_handed_out(form: Form) -> None:
    other = pack(paint(symbol("https://q.example/evil"), form.side_px), form)

    with pytest.raises(NotShown):
        prove(other, paint(symbol(PAYLOAD), form.side_px))


def test_a_file_whose_modules_are_grey_isnt_handed_out() -> None:
    picture = paint(symbol(PAYLOAD), THUMB.side_px)
    out = io.BytesIO()
    image = Image.frombytes("1", (picture.side_px, picture.side_px), picture.pixels)
    image.convert("L").point([130] * 128 + [255] * 128).save(out, "PNG")

    with pytest.raises(NotShown):
        prove(out.getvalue(), picture)


@pytest.mark.parametrize(
    ("side", "modules"),
    [(20, bytes(50)), (22, bytes(61)), (93, bytes(1082)), (21, bytes(55)), (21, bytes(57)), (0, b"")],
    ids=["too small", "no symbol's size", "too large", "too few", "too many", "none"],
)
def test_what_is_no_symbol_isnt_drawn(side: int, modules: bytes) -> None:
    with pytest.raises(WrongSymbol):
        draw(Symbol(side, modules), THUMB)


def test_a_size_in_which_no_decoder_would_read_it_is_refused() -> None:
    with pytest.raises(WrongSymbol, match="at least 66 pixels"):
        draw(symbol(PAYLOAD), Form("", 60, PNG))
