import io

import pytest
import resvg_py
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from unit.qr.drawings import MENU

from quietzone_qr.rendering import read_svg, svg
from quietzone_qr.rendering.geometry import ImageTooSmall
from quietzone_qr.rendering.matrix import Matrix
from quietzone_qr.rendering.shown import WrongDrawing

SQUARES = st.integers(1, 12).flatmap(
    lambda side: st.binary(min_size=side * side, max_size=side * side).map(lambda data: Matrix(side, bytes(byte & 1 for byte in data)))
)


def seen_by_resvg(data: bytes, across_px: int) -> bytes:
    """The drawing as resvg paints it over a grey page, 8 bits a pixel."""
    painted = resvg_py.svg_to_bytes(svg_string=data.decode(), width=across_px, background="#888888", skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(painted))).convert("L").tobytes()


def read(data: bytes, *, size_px: int = 300) -> bytes:
    return read_svg.modules_of(data, side=MENU.side, size_px=size_px)


def in_its_quiet_zone(modules: bytes) -> bytes:
    """One pixel a module, 8 bits a pixel."""
    symbol = Image.frombytes("L", (MENU.side, MENU.side), bytes(0 if module else 255 for module in modules))
    return ImageOps.expand(symbol, border=4, fill=255).tobytes()


def test_resvg_sees_the_modules_in_their_quiet_zone() -> None:
    assert seen_by_resvg(svg.draw(MENU, 300), MENU.side_with_quiet_zone) == in_its_quiet_zone(MENU.modules)


def test_a_drawing_is_read_as_it_was_meant() -> None:
    assert read(svg.draw(MENU, 300)) == MENU.modules


@given(SQUARES.filter(lambda square: 1 in square.modules))
def test_any_pattern_of_squares_is_read_as_it_was_meant(square: Matrix) -> None:
    filled = read_svg._fill(svg._path(square), square.side_with_quiet_zone)

    assert read_svg._inside(filled, square.side_with_quiet_zone) == square.modules


def test_the_size_is_what_was_asked_for() -> None:
    assert b'width="300" height="300"' in svg.draw(MENU, 300)


def test_a_size_with_less_than_two_pixels_a_module_is_refused() -> None:
    with pytest.raises(ImageTooSmall):
        svg.draw(MENU, 64)


@given(st.data())
def test_a_path_with_a_changed_digit_is_refused_or_read_as_resvg_sees_it(data: st.DataObject) -> None:
    drawn = svg.draw(MENU, 300).decode()
    begin, end = drawn.rindex('d="') + 3, drawn.rindex('"')
    place = data.draw(st.sampled_from([place for place in range(begin, end) if drawn[place].isdigit()]))
    changed = drawn[:place] + data.draw(st.sampled_from("0123456789")) + drawn[place + 1 :]

    try:
        modules = read(changed.encode())
    except WrongDrawing:
        return

    assert in_its_quiet_zone(modules) == seen_by_resvg(changed.encode(), MENU.side_with_quiet_zone)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('viewBox="0 0 33 33"', 'viewBox="0 0 25 25"'),
        ('viewBox="0 0 33 33"', 'viewBox="4 4 33 33"'),
        ('width="300"', 'width="200"'),
        ('<path fill="#fff"', '<path fill="none"'),
        ("M0 0h33v33H0z", "M0 0h33v32H0z"),
        ("M0 0h33v33H0z", "M0 0h33v33h1z"),
        ("M4 4", "M3 4"),
        ("M4 4", "m40 4"),
        ("M4 4h7v1h-7z", "M4 4h7v1h-7"),
        ("M4 4h7v1h-7z", "M4 4h7v1h-7zz"),
        ("M4 4h7v1h-7z", "M4 4c7 1 7 1 7 1z"),
        ("</svg>", "<image/></svg>"),
        ("</svg>", ""),
    ],
)
def test_a_drawing_that_is_wrong_is_refused(right: str, wrong: str) -> None:
    drawn = svg.draw(MENU, 300).decode()
    assert right in drawn

    with pytest.raises(WrongDrawing):
        read(drawn.replace(right, wrong, 1).encode())
