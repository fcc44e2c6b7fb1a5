"""Images are decoded in a process of its own, within bounds; whatever is in them, ours goes on."""

import asyncio
import hashlib
import io
import resource
import signal
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from unit.storage.test_files import GOOD, chunk, image, png_of

from quietzone_kit import processes
from quietzone_kit.errors import Unavailable
from quietzone_storage.images import process
from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.uploads.files import JPEG, PNG, SVG, look
from quietzone_storage.uploads.svg import cleaned
from quietzone_storage.variants.domain import SIZED_QUALITY, VARIANTS, WEB_FORMS, WEBP, Form


def decoders() -> list[int]:
    """Processes of ours that decode images."""
    children = [int(child) for found in Path("/proc/self/task").glob("*/children") for child in found.read_text().split()]
    return [child for child in children if b"quietzone_storage.images" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("name", GOOD)
async def test_each_format_becomes_every_file_of_the_table(name: str) -> None:
    data, media_type = GOOD[name]

    made = await Images().make(data, media_type)

    assert [(each.variant, each.media_type) for each in made] == [(form.variant, form.media_type) for form in (*VARIANTS, *WEB_FORMS)]
    for each in made:
        with Image.open(io.BytesIO(each.data)) as shown:
            assert (shown.size, Image.MIME[str(shown.format)]) == ((each.width, each.height), each.media_type)


async def test_variants_are_squares_with_the_whole_image_on_white() -> None:
    made = {each.variant: each for each in await Images().make(image(size=(40, 20)), PNG)}

    with Image.open(io.BytesIO(made["_medium"].data)) as medium:
        assert medium.size == (512, 512)
        assert (medium.getpixel((0, 0)), medium.getpixel((0, 511))) == ((255, 255, 255), (255, 255, 255))


async def test_what_is_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
    made = {each.variant: each for each in await Images().make(out.getvalue(), PNG)}

    with Image.open(io.BytesIO(made["_large"].data)) as large:
        assert large.getextrema() == ((255, 255), (255, 255), (255, 255))


@pytest.mark.parametrize(("media_type", "side_px", "size"), [(JPEG, 20, (20, 10)), (PNG, 16, (16, 8)), (WEBP, 2_048, (40, 20))])
async def test_a_size_keeps_proportions_and_is_never_enlarged(media_type: str, side_px: int, size: tuple[int, int]) -> None:
    made = await Images().resize(image(size=(40, 20)), PNG, Form("", side_px, media_type, SIZED_QUALITY[media_type]))

    with Image.open(io.BytesIO(made.data)) as shown:
        assert (shown.size, Image.MIME[str(shown.format)], made.media_type) == (size, media_type, media_type)
    assert (made.width, made.height) == size


async def test_a_size_stays_transparent_where_its_type_can_and_no_edge_is_darkened() -> None:
    out = io.BytesIO()
    drawn = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    drawn.paste((255, 255, 255, 255), (20, 0, 40, 40))
    drawn.save(out, "PNG")

    for media_type, mode in ((PNG, "RGBA"), (JPEG, "RGB")):
        made = await Images().resize(out.getvalue(), PNG, Form("", 17, media_type, SIZED_QUALITY[media_type]))
        with Image.open(io.BytesIO(made.data)) as shown:
            assert shown.mode == mode
            visible = [pixel[:3] for pixel in shown.get_flattened_data() if len(pixel) == 3 or pixel[3]]  # type: ignore[index, arg-type]
        assert min(map(min, visible)) > 250


async def test_an_image_is_turned_as_its_camera_was_held_and_says_nothing_of_the_place() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x8825] = 6, {1: "N", 2: (52.0, 31.0, 0.0)}
    made = await Images().make(image("JPEG", exif=exif), JPEG)

    with Image.open(io.BytesIO(next(each.data for each in made if each.variant == "_web_jpeg"))) as web:
        assert (web.size, dict(web.getexif())) == ((20, 30), {})


@pytest.mark.parametrize(("mode", "form", "media_type"), [("RGB", "JPEG", JPEG), ("RGB", "PNG", PNG), ("RGBA", "PNG", PNG)])
async def test_colours_are_those_that_the_file_s_profile_means(mode: str, form: str, media_type: str) -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = own.replace(b"rXYZ", b"....").replace(b"gXYZ", b"rXYZ").replace(b"....", b"gXYZ")  # its red is our green
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (255, 0, 0)).convert(mode).save(out, form, icc_profile=exchanged)

    for made in await Images().make(out.getvalue(), media_type):
        with Image.open(io.BytesIO(made.data)) as shown:
            red, green, blue = shown.convert("RGB").getpixel((shown.width // 2, shown.height // 2))  # type: ignore[misc] # three of them
            assert (red < 20, green > 235, blue < 20, "icc_profile" in shown.info) == (True, True, True, False)


async def test_a_profile_that_cant_be_read_is_as_none() -> None:
    plain = image()
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(b"none"))

    assert await Images().make(plain[:33] + profile + plain[33:], PNG) == await Images().make(plain, PNG)


async def test_a_picture_in_four_inks_is_shown() -> None:
    made = await Images().make(image("JPEG", mode="CMYK"), JPEG)

    assert len(made) == len((*VARIANTS, *WEB_FORMS))


async def test_optimised_jpegs_are_progressive() -> None:
    made = await Images().make(image(), PNG)

    with Image.open(io.BytesIO(next(each.data for each in made if each.variant == "_web_jpeg"))) as web:
        assert web.info.get("progressive") == 1


async def test_a_grey_picture_of_16_bits_keeps_its_greys() -> None:
    ramp = b"".join(struct.pack(">H", step * 257) for step in range(256))
    data = png_of(256, 1)[:16] + struct.pack(">2I5B", 256, 1, 16, 0, 0, 0, 0)
    data += struct.pack(">I", zlib.crc32(data[12:])) + chunk(b"IDAT", zlib.compress(b"\0" + ramp)) + chunk(b"IEND", b"")
    made = {each.variant: each for each in await Images().make(data, PNG)}

    with Image.open(io.BytesIO(made["_web_png"].data)) as web:
        assert [web.getpixel((x, 0)) for x in (0, 100, 255)] == [(0, 0, 0), (100, 100, 100), (255, 255, 255)]


async def test_exif_that_cant_be_read_turns_nothing_and_is_no_reason_to_refuse() -> None:
    made = await Images().make(image(exif=b"garbage"), PNG)

    assert (made[-1].width, made[-1].height) == (30, 20)


async def test_a_line_is_shown_however_thin_it_becomes() -> None:
    out = io.BytesIO()
    Image.new("RGB", (16_384, 1)).save(out, "PNG")
    made = {each.variant: each for each in await Images().make(out.getvalue(), PNG)}

    with Image.open(io.BytesIO(made["_large"].data)) as large:
        assert large.convert("L").getextrema() == (0, 255)


async def test_an_svg_is_painted() -> None:
    data = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#f00"/></svg>'
    made = {each.variant: each for each in await Images().make(data, SVG)}

    with Image.open(io.BytesIO(made["_large"].data)) as large:
        assert large.getpixel((512, 512)) == (255, 0, 0)


def written(text: str, attributes: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><text x="5" y="20" {attributes}>{text}</text></svg>'.encode()


async def shown(data: bytes) -> Image.Image:
    made = {each.variant: each for each in await Images().make(data, SVG)}
    return Image.open(io.BytesIO(made["_large"].data))


@pytest.mark.parametrize("text", ["Menu", "Μενού", "Меню"])
async def test_text_in_an_svg_is_shown_whatever_fonts_this_machine_has(text: str) -> None:
    assert (await shown(written(text))).convert("L").getextrema()[0] == 0


@pytest.mark.parametrize("font", ["font-family='Arial'", "font-family='serif'", "font-family='monospace'", "font-family='DejaVu Serif'"])
async def test_text_in_an_svg_is_drawn_with_the_one_font_that_is_everywhere(font: str) -> None:
    assert (await shown(written("Menu", font))).tobytes() == (await shown(written("Menu"))).tobytes()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="20mm" height="10mm" viewBox="0 0 2 1"', (1024, 512)),
        ('viewBox="0 0 1 16384"', (1, 1024)),
        ('viewBox="0 0 1e9 1e9"', (1024, 1024)),
        ('width="50%" height="200" viewBox="0 0 100 100"', (256, 1024)),
    ],
)
async def test_an_svg_of_any_size_is_drawn_within_a_square(attributes: str, size: tuple[int, int]) -> None:
    data = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}><rect width="1" height="1"/></svg>'.encode()

    assert await Images().look(cleaned(data), SVG) == size


def noise(mode: str, side: int) -> bytes:
    out = io.BytesIO()
    pixels = hashlib.shake_128(b"noise").digest(side * side * len(mode)).translate(bytes(value & 0xF0 for value in range(256)))
    Image.frombytes(mode, (side, side), pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


async def test_as_many_pixels_as_are_taken_fit_into_its_memory_even_when_they_are_noise() -> None:
    made = await Images().make(noise("RGB", 2_896), PNG)

    assert [each.variant for each in made] == [form.variant for form in (*VARIANTS, *WEB_FORMS)]


async def test_noise_that_is_transparent_too_is_refused_with_what_is_wrong() -> None:
    with pytest.raises(ImageFailed, match="takes more memory than an image may"):
        await Images().make(noise("RGBA", 2_896), PNG)


@pytest.mark.parametrize("data", [png_of(30, 20), b"\x89PNG\r\n\x1a\n"])
async def test_what_is_damaged_says_so(data: bytes) -> None:
    with pytest.raises(ImageFailed, match="decoded"):
        await Images().look(data, PNG)


async def test_a_bomb_of_text_within_a_small_image_is_refused() -> None:
    data = image()
    bomb = data[:33] + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)) + data[33:]

    with pytest.raises(ImageFailed):
        await Images().make(bomb, PNG)


async def test_a_hundred_megapixels_that_slip_through_are_refused_by_memory() -> None:
    header = struct.pack(">2I5B", 10_000, 10_000, 8, 2, 0, 0, 0)
    lines = zlib.compress(bytes(30_001 * 10_000), 1)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")

    with pytest.raises(ImageFailed, match="memory"):
        await Images().make(data, PNG)


@pytest.mark.parametrize(("form", "size"), [("PNG", (3_840, 2_160)), ("JPEG", (6_000, 4_000)), ("WEBP", (2_560, 1_700))])
async def test_the_largest_image_that_is_taken_fits_into_memory(form: str, size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB" if form == "JPEG" else "RGBA").save(out, form)
    looked = look(out.getvalue(), f"image/{form.lower()}")

    assert len(await Images().make(out.getvalue(), looked.media_type)) == 7


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WITHIN_S", 0.01)

    with pytest.raises(Unavailable, match="within"):
        await Images().look(image(), PNG)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_decoder_that_somebody_ends_says_nothing_of_the_image(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    read = processes._read

    async def ended(decoder: asyncio.subprocess.Process, max_bytes: int) -> bytes:
        decoder.send_signal(number)
        return await read(decoder, max_bytes)

    monkeypatch.setattr(processes, "_read", ended)

    with pytest.raises(Unavailable, match="from outside"):
        await Images().make(image(), PNG)


async def test_an_image_that_takes_more_than_a_decoder_s_time_is_at_fault_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    read = processes._read

    async def bounded(decoder: asyncio.subprocess.Process, max_bytes: int) -> bytes:
        resource.prlimit(decoder.pid, resource.RLIMIT_CPU, (0, 20))
        return await read(decoder, max_bytes)

    monkeypatch.setattr(processes, "_read", bounded)

    with pytest.raises(ImageFailed, match="more time or memory"):
        await Images().make(image(size=(2_000, 2_000)), PNG)


async def test_a_call_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, read = asyncio.Event(), processes._read

    async def told(decoder: asyncio.subprocess.Process, max_bytes: int) -> bytes:
        waits.set()
        return await read(decoder, max_bytes)

    monkeypatch.setattr(processes, "_read", told)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Images().make(image(size=(2_000, 2_000)), PNG))
        await waits.wait()
        before = decoders()
        task.cancel()

    assert (task.cancelled(), len(before), decoders()) == (True, 1, [])


async def test_a_process_that_answers_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_RESULT_BYTES", 10)

    with pytest.raises(ImageFailed):
        await Images().make(image(), PNG)
