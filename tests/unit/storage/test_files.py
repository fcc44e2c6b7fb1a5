"""What is sent is told apart by its bytes; whatever is damaged, too large, or two things at once is refused with the reason."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from quietzone_storage.uploads.files import GIF, JPEG, PNG, SVG, WEBP, Looked, Refused, alone, clean_name, look


def image(form: str = "PNG", size: tuple[int, int] = (30, 20), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, form, **options)  # type: ignore[arg-type] # Pillow's own
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that says that it is so large."""
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("evil.sh", "rm -rf /")
    return out.getvalue()


GOOD: dict[str, tuple[bytes, str]] = {
    "png": (image(), PNG),
    "png, palette": (image(mode="P"), PNG),
    "png, 16 bit": (image(mode="I;16"), PNG),
    "jpeg": (image("JPEG"), JPEG),
    "jpeg, progressive": (image("JPEG", progressive=True), JPEG),
    "jpeg, restarts": (image("JPEG", restart_marker_rows=1), JPEG),
    "webp": (image("WEBP"), WEBP),
    "webp, lossless": (image("WEBP", lossless=True), WEBP),
    "webp, extended": (image("WEBP", mode="RGB", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), WEBP),
    "gif": (image("GIF", mode="P"), GIF),
    "gif, animated": (image("GIF", mode="P", save_all=True, append_images=[Image.new("P", (30, 20), 7)]), GIF),
}


@pytest.mark.parametrize("name", GOOD)
def test_an_image_is_taken_with_its_size(name: str) -> None:
    data, media_type = GOOD[name]

    assert look(data, media_type) == Looked(media_type, 30, 20)


@pytest.mark.parametrize("name", GOOD)
def test_an_image_that_is_declared_as_another_is_refused(name: str) -> None:
    data, media_type = GOOD[name]

    with pytest.raises(Refused, match="was declared"):
        look(data, SVG if media_type != SVG else PNG)


@pytest.mark.parametrize("name", GOOD)
def test_an_image_whose_end_is_missing_is_refused(name: str) -> None:
    data, media_type = GOOD[name]

    with pytest.raises(Refused):
        look(data[:-3], media_type)


SVG_TAG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
SVGS = {
    "bare": SVG_TAG.encode(),
    "a tab in its tag": b"<svg\t/>",
    "nothing in its tag": b"<svg/>",
    "a comment before it": f"<!-- drawn by hand -->\n<!-- <html> -->{SVG_TAG}".encode(),
    "a declaration": f"<?xml version='1.0'?>\n{SVG_TAG}".encode(),
    "a document type": f'<!-- old --><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">{SVG_TAG}'.encode(),
    "a prefix": b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
    "a mark of UTF-8": f"\ufeff <!-- a -->{SVG_TAG}".encode(),
    "UTF-16": SVG_TAG.encode("utf-16"),
    "UTF-16, the other way round": f"\ufeff<?xml version='1.0'?>{SVG_TAG}".encode("utf-16-be"),
}


@pytest.mark.parametrize("how", SVGS)
def test_an_svg_is_known_by_its_first_element(how: str) -> None:
    assert look(SVGS[how], SVG) == Looked(SVG, 0, 0)


@pytest.mark.parametrize("data", [b"<!-- <svg/> --><html/>", b"<!-- <svg/>", b"<!DOCTYPE html><svg/>", b"<svgs/>", b"<?xml?><html/>"])
def test_other_texts_are_no_svg_whatever_they_speak_of(data: bytes) -> None:
    with pytest.raises(Refused, match="no image"):
        look(data, SVG)


POLYGLOTS: dict[str, Callable[[bytes], bytes]] = {
    "an archive behind it": lambda data: data + archive(),
    "a script behind it": lambda data: data + b"<script>alert(1)</script>",
}
BEHIND = {"one byte": b"x", "zeros": bytes(100), "a second picture": image("JPEG")}


@pytest.mark.parametrize("what", POLYGLOTS)
@pytest.mark.parametrize("name", GOOD)
def test_a_polyglot_is_refused(name: str, what: str) -> None:
    data, media_type = GOOD[name]

    with pytest.raises(Refused):
        look(POLYGLOTS[what](data), media_type)


@pytest.mark.parametrize("what", BEHIND)
@pytest.mark.parametrize("name", [name for name in GOOD if GOOD[name][1] != JPEG])
def test_nothing_may_be_behind_an_image(name: str, what: str) -> None:
    data, media_type = GOOD[name]

    with pytest.raises(Refused):
        look(data + BEHIND[what], media_type)


@pytest.mark.parametrize("what", BEHIND)
@pytest.mark.parametrize("name", [name for name in GOOD if GOOD[name][1] == JPEG])
def test_what_a_phone_writes_behind_a_jpeg_is_left_away(name: str, what: str) -> None:
    data, media_type = GOOD[name]

    assert look(data + BEHIND[what], media_type) == look(data, media_type)
    assert alone(data + BEHIND[what], media_type) == data


@pytest.mark.parametrize("kind", [b"iDOT", b"oFFs", b"vpAg", b"caNv", b"cLLI", b"acTL"])
def test_a_png_may_have_what_common_programs_write(kind: bytes) -> None:
    data = image()

    assert look(data[:33] + chunk(kind, bytes(28)) + data[33:], PNG) == look(data, PNG)


@pytest.mark.parametrize("hidden", [b"<script>", b"<?php system()", b"<!DOCTYPE html>", b"%PDF-1.7", b"javascript:x", archive()])
def test_what_hides_in_a_comment_is_refused(hidden: bytes) -> None:
    data = image()
    stuffed = data[:33] + chunk(b"tEXt", b"Comment\0" + hidden) + data[33:]

    with pytest.raises(Refused, match="something else at once"):
        look(stuffed, PNG)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (16_385, 1), (1, 2**31), (0, 10), (2_900, 2_900)])
def test_a_pixel_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    with pytest.raises(Refused, match="pixels"):
        look(png_of(width, height), PNG)


def gif_of(width: int, height: int) -> bytes:
    """A GIF whose screen is one pixel, and whose picture is so large."""
    return b"GIF89a\1\0\1\0\0\0\0\x2c\0\0\0\0" + struct.pack("<HH", width, height) + b"\0\2\1\0\0\x3b"


def frame(marker: int, width: int, height: int) -> bytes:
    """A JPEG's frame of one colour, and its scan."""
    head = struct.pack(">BBHBHHBBBB", 0xFF, marker, 11, 8, height, width, 1, 1, 0x11, 0)
    return head + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0"


def test_a_picture_that_is_larger_than_its_gif_says_is_measured_itself() -> None:
    assert look(gif_of(40, 30), GIF) == Looked(GIF, 40, 30)
    with pytest.raises(Refused, match="pixels"):
        look(gif_of(60_000, 60_000), GIF)


def test_a_jpeg_has_one_size() -> None:
    with pytest.raises(Refused, match="two sizes"):
        look(b"\xff\xd8" + frame(0xC0, 16_000, 16_000) + frame(0xC0, 10, 10) + b"\xff\xd9", JPEG)


def test_a_jpeg_of_another_coding_is_refused_with_those_that_are_taken() -> None:
    with pytest.raises(Refused, match="baseline or progressive"):
        look(b"\xff\xd8" + frame(0xC9, 10, 10) + b"\xff\xd9", JPEG)


def test_a_piece_that_no_webp_has_is_refused() -> None:
    data = GOOD["webp"][0] + b"evil\4\0\0\0abcd"

    with pytest.raises(Refused, match="evil"):
        look(data[:4] + struct.pack("<I", len(data) - 8) + data[8:], WEBP)


def test_pieces_of_a_webp_that_lead_beyond_it_are_refused() -> None:
    data = GOOD["webp"][0]

    with pytest.raises(Refused, match="ends before it is complete"):
        look(data[:16] + struct.pack("<I", 2**31) + data[20:], WEBP)


LABYRINTHS = {
    "a JPEG of nothing but filling": (b"\xff\xd8" + b"\xff" * 10_000_000, JPEG),
    "a JPEG of nothing but marks": (b"\xff\xd8" + b"\xff\xd0" * 5_000_000, JPEG),
    "a JPEG of empty segments": (b"\xff\xd8" + b"\xff\xe0\0\2" * 2_500_000, JPEG),
    "a GIF of bytes one by one": (b"GIF89a\1\0\1\0\0\0\0\x21\xff" + b"\1a" * 5_000_000, GIF),
    "a GIF of empty extensions": (b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xff\0" * 3_000_000, GIF),
    "a PNG of empty chunks": (png_of(10, 10)[:33] + chunk(b"IDAT", b"") * 800_000 + chunk(b"IEND", b""), PNG),
    "a WebP of empty chunks": (b"RIFF" + struct.pack("<I", 8_000_004) + b"WEBP" + b"EXIF\0\0\0\0" * 1_000_000, WEBP),
}


@pytest.mark.parametrize("what", LABYRINTHS)
def test_what_would_take_long_to_walk_through_is_refused_soon(what: str) -> None:
    data, media_type = LABYRINTHS[what]

    with pytest.raises(Refused, match="pieces"):
        look(data, media_type)


def test_a_large_picture_of_stuffed_bytes_is_walked_through() -> None:
    scan = b"\xff\0" * 1_000_000 + b"\xff\xd0" + b"\xff\0" * 1_000_000

    assert look(b"\xff\xd8" + frame(0xC0, 10, 10) + scan + b"\xff\xff\xff\xd9", JPEG) == Looked(JPEG, 10, 10)


def test_a_screen_of_four_thousand_pixels_is_taken() -> None:
    assert look(png_of(3_840, 2_160), PNG).width == 3_840


def test_a_chunk_that_no_image_needs_is_refused() -> None:
    data = image()

    with pytest.raises(Refused, match="chunk"):
        look(data[:33] + chunk(b"eVil", b"") + data[33:], PNG)


@pytest.mark.parametrize("data", [b"", b"GIF", b"MZ\x90\0", b"%PDF-1.7", archive(), b"<html></html>", b"\x7fELF", b"\0" * 100])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="no image"):
        look(data, PNG)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_whatever_is_damaged_is_taken_or_refused_and_nothing_else(name: str, data: st.DataObject) -> None:
    sound, media_type = GOOD[name]
    at = data.draw(st.integers(0, len(sound) - 1))
    damaged = sound[:at] + data.draw(st.binary(max_size=4)) + sound[at + data.draw(st.integers(0, 4)) :]

    with suppress(Refused):
        assert look(damaged, media_type).width > 0


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\logo.png", "logo.png"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("lo\x00go\n.png", "logo.png"),
        ("lo\u2028go\u061c\ufeff.png", "logo.png"),
        ('"><script>.png', "script.png"),
        ("...", ""),
        ("x" * 500, "x" * 120),
        ("Menü 2026.png", "Menü 2026.png"),
    ],
)
def test_names_lose_what_leads_elsewhere_or_hides(name: str, clean: str) -> None:
    assert clean_name(name) == clean
