import hashlib
import io
import zlib

import PIL.Image
import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Inline
from unit.qr.drawings import PAYLOAD
from unit.qr.test_matrix import SLUGS

from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_qr.rendering import Gate, ImageFormat, ImageTooSmall, PayloadRefused, Renderer, Unreadable
from quietzone_qr.rendering.decoders import DECODERS
from quietzone_qr.rendering.renderer import STYLE


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(Inline(), Gate())


@pytest.mark.parametrize(("image_format", "media_type"), [(ImageFormat.PNG, "image/png"), (ImageFormat.SVG, "image/svg+xml")])
async def test_each_format_has_its_media_type(renderer: Renderer, image_format: ImageFormat, media_type: str) -> None:
    assert (await renderer.render(PAYLOAD, image_format)).media_type == media_type


async def test_the_same_image_has_the_same_etag() -> None:
    one, other = [await Renderer(Inline(), Gate()).render(PAYLOAD, ImageFormat.PNG, 300) for _ in range(2)]

    assert one == other


async def test_images_that_differ_in_anything_have_different_etags(renderer: Renderer) -> None:
    images = [
        await renderer.render(payload, image_format, size_px)
        for payload in (PAYLOAD, "https://q.example/other")
        for image_format in ImageFormat
        for size_px in (300, 1036)
    ]

    assert len({image.etag for image in images}) == len(images)


ORIGINS = st.sampled_from(["http://localhost:8080", "https://q.example", "https://codes.xn--bcher-kva.example:8443"])


@settings(max_examples=25)
@given(SLUGS, ORIGINS, st.integers(130, 700))
async def test_a_stranger_opens_the_png_and_both_decoders_read_it(slug: str, origin: str, size_px: int) -> None:
    payload = f"{origin}/{slug}"

    png = (await Renderer(Inline(), Gate()).render(payload, ImageFormat.PNG, size_px)).data

    assert read(png) == {payload}


@settings(max_examples=15)
@given(SLUGS, ORIGINS, st.integers(4, 12))
async def test_a_stranger_paints_the_svg_and_both_decoders_read_it(slug: str, origin: str, module_px: int) -> None:
    payload = f"{origin}/{slug}"

    svg = (await Renderer(Inline(), Gate()).render(payload, ImageFormat.SVG)).data.decode()
    across = int(svg.split('viewBox="0 0 ')[1].split()[0])
    painted = resvg_py.svg_to_bytes(svg_string=svg, width=module_px * across, skip_system_fonts=True)

    assert read(bytes(painted)) == {payload}


def read(file: bytes) -> set[str]:
    """What each decoder reads in a file that Pillow has opened."""
    image = PIL.Image.open(io.BytesIO(file)).convert("L")
    return {(decode(image.tobytes(), image.width) or b"").decode() for _, decode in DECODERS}


async def test_a_symbol_that_a_decoder_misreads_is_not_handed_out() -> None:
    renderer = Renderer(Inline(), Gate([("drunk", lambda _pixels, _size_px: b"x")]))

    with pytest.raises(Unreadable):
        await renderer.render(PAYLOAD, ImageFormat.PNG)


async def test_a_size_that_is_too_small_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ImageTooSmall):
        await renderer.render(PAYLOAD, ImageFormat.SVG, 64)


async def test_a_payload_that_is_too_long_is_refused(renderer: Renderer) -> None:
    with pytest.raises(PayloadRefused):
        await renderer.render("x" * 513, ImageFormat.PNG)


async def test_drawings_change_only_together_with_the_number_of_their_style(renderer: Renderer) -> None:
    drawn = [(await renderer.render(PAYLOAD, image_format, 300)).data for image_format in ImageFormat]
    drawn[0] = zlib.decompress(drawn[0][drawn[0].index(b"IDAT") + 4 :][:-16])  # compressed bytes differ between versions of zlib

    digests = [hashlib.sha256(data).hexdigest()[:16] for data in drawn]

    assert {STYLE: digests} == {"squares-1": ["56fd5a883a55c00b", "5fe52f83a4d84764"]}


def kept() -> Cache:
    return open_cache("memory://", clock=SystemClock(), randomness=SystemRandomness())


async def test_a_kept_image_is_the_same_and_is_not_drawn_again() -> None:
    cache = kept()
    first = await Renderer(Inline(), Gate(), cache).render(PAYLOAD, ImageFormat.PNG, 300)
    drunk = Gate([("drunk", lambda _pixels, _size_px: b"x")])  # whoever asks it gets nothing

    assert await Renderer(Inline(), drunk, cache).render(PAYLOAD, ImageFormat.PNG, 300) == first


async def test_kept_images_that_differ_in_anything_are_kept_apart() -> None:
    cache = kept()
    asked = [(payload, form, size_px) for payload in (PAYLOAD, PAYLOAD + "x") for form in ImageFormat for size_px in (300, 1036)]
    with_cache = [await Renderer(Inline(), Gate(), cache).render(*each) for _ in range(2) for each in asked]

    assert with_cache == [await Renderer(Inline(), Gate()).render(*each) for each in asked] * 2


async def test_a_symbol_that_a_decoder_misreads_is_not_kept() -> None:
    cache = kept()
    with pytest.raises(Unreadable):
        await Renderer(Inline(), Gate([("drunk", lambda _pixels, _size_px: b"x")]), cache).render(PAYLOAD, ImageFormat.PNG)

    assert read((await Renderer(Inline(), Gate(), cache).render(PAYLOAD, ImageFormat.PNG)).data) == {PAYLOAD}
