import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from unit.qr.drawings import MENU

from quietzone_qr.rendering import png, read_png
from quietzone_qr.rendering.deflate import Line, compress_lines, piece
from quietzone_qr.rendering.geometry import MAX_SIZE_PX, ImageTooSmall
from quietzone_qr.rendering.matrix import Matrix, encode
from quietzone_qr.rendering.shown import WrongDrawing

SIZES = st.integers(2 * MENU.side_with_quiet_zone, 700)


def opened(data: bytes) -> Image.Image:
    """The image as Pillow reads it, which shares nothing with our writer."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    return image


def enlarged(matrix: Matrix, size_px: int) -> bytes:
    """What should be seen: 8 bits a pixel; the left margin may be up to 7 pixels narrower than the right one."""
    module_px, spare_px = divmod(size_px, matrix.side_with_quiet_zone)
    left, top = spare_px // 2 // 8 * 8 + 4 * module_px, spare_px // 2 + 4 * module_px
    picture = Image.new("L", (size_px, size_px), 255)
    symbol = Image.frombytes("L", (matrix.side, matrix.side), bytes(0 if module else 255 for module in matrix.modules))
    picture.paste(symbol.resize((matrix.side * module_px,) * 2, Image.Resampling.NEAREST), (left, top))
    return picture.tobytes()


@given(SIZES)
def test_pillow_sees_each_module_as_a_square_of_whole_pixels(size_px: int) -> None:
    image = opened(png.draw(MENU, size_px))

    assert image.size == (size_px, size_px)
    assert image.convert("L").tobytes() == enlarged(MENU, size_px)


@pytest.mark.parametrize("size_px", [1036, 1037, MAX_SIZE_PX])
def test_pillow_sees_large_images_too(size_px: int) -> None:
    assert opened(png.draw(MENU, size_px)).convert("L").tobytes() == enlarged(MENU, size_px)


def test_a_pixel_is_one_bit() -> None:
    assert opened(png.draw(MENU, 300)).mode == "1"


def test_the_usual_image_takes_less_than_three_kilobytes() -> None:
    assert len(png.draw(MENU, 1036)) < 3000


def test_a_size_with_less_than_two_pixels_a_module_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(ImageTooSmall, match="37 modules from edge to edge: ask for at least 74 pixels"):
        png.draw(encode("https://q.example/Ab3dEf7-long"), 73)


@given(SIZES)
def test_what_was_drawn_is_what_is_read(size_px: int) -> None:
    assert read_png.modules_of(png.draw(MENU, size_px), side=MENU.side, size_px=size_px) == MENU.modules


@settings(max_examples=300)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    drawn = bytearray(png.draw(MENU, 120))
    place = data.draw(st.integers(0, len(drawn) - 1))
    drawn[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(WrongDrawing):
        read_png.modules_of(bytes(drawn), side=MENU.side, size_px=120)


def test_an_image_of_another_size_is_noticed() -> None:
    with pytest.raises(WrongDrawing, match="header"):
        read_png.modules_of(png.draw(MENU, 120), side=MENU.side, size_px=121)


def test_a_truncated_image_is_noticed() -> None:
    with pytest.raises(WrongDrawing):
        read_png.modules_of(png.draw(MENU, 120)[:-12], side=MENU.side, size_px=120)


def test_a_module_that_bleeds_into_its_neighbour_is_noticed() -> None:
    image = opened(png.draw(MENU, 297))  # 9 pixels a module
    image.putpixel((4 * 9 + 1 * 9, 4 * 9 + 1 * 9), 0)  # the white ring of the finder pattern gets a black corner

    with pytest.raises(WrongDrawing, match="aren't squares"):
        read_png.modules_of(saved(image), side=MENU.side, size_px=297)


def test_a_speck_in_the_margin_is_noticed() -> None:
    image = opened(png.draw(MENU, 300))
    image.putpixel((2, 150), 0)

    with pytest.raises(WrongDrawing):
        read_png.modules_of(saved(image), side=MENU.side, size_px=300)


def test_a_cut_quiet_zone_is_noticed() -> None:
    image = opened(png.draw(MENU, 330)).crop((10, 10, 320, 320))  # one module of ten pixels less on every side

    with pytest.raises(WrongDrawing, match=r"quiet zone is 3\.0 modules wide, 4 are needed"):
        read_png.modules_of(saved(image), side=MENU.side, size_px=310)


def test_an_empty_image_is_noticed() -> None:
    with pytest.raises(WrongDrawing, match="nothing is black"):
        read_png.modules_of(saved(Image.new("1", (120, 120), 1)), side=MENU.side, size_px=120)


def saved(image: Image.Image) -> bytes:
    """Another writer's file, brought to the form that ours has: lines without filters in one chunk."""
    width = (image.width + 7) // 8
    data = image.tobytes()
    lines = [Line([piece(b"\0" + data[start : start + width])], 1) for start in range(0, len(data), width)]
    header = image.width.to_bytes(4, "big") + image.height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    chunks = ((b"IHDR", header), (b"IDAT", compress_lines(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png._chunk(kind, content) for kind, content in chunks)
