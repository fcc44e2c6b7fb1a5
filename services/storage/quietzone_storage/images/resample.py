"""Decoding and resampling; runs in a process of its own (`__main__`), which may be killed at any moment."""

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress

import resvg_py
from PIL import Image, ImageCms

from quietzone_storage import fonts
from quietzone_storage.images.messages import Made
from quietzone_storage.uploads.files import SVG
from quietzone_storage.variants.domain import JPEG, PNG, VARIANTS, WEB_FORMS, WEB_MAX_PX, Form

PNG_LEVEL = 9
WHITE = (255, 255, 255)
FORMATS = {JPEG: "JPEG", PNG: "PNG", "image/webp": "WEBP", "image/gif": "GIF"}

SVG_PX = 1024
"""The longer side of a drawing: that of the largest variant."""
CSS_DPI = 96.0
"""Of lengths in millimetres, points and the like (CSS Values and Units 4, 6.2); without it they are 0."""
FAMILIES = ("font_family", "serif_family", "sans_serif_family", "cursive_family", "fantasy_family", "monospace_family")
"""What an SVG may ask for, or leave open: all are one font here. Others by name, which no machine of ours has, become it too."""

FRUGAL = 2
"""Of libwebp's methods the best that writes what it has coded at once (`use_tokens_` in vp8enc); files are some 5 % larger."""
WEBP_OUT_OF_MEMORY = "encoding error 1"
"""VP8_ENC_ERROR_OUT_OF_MEMORY, as Pillow says it."""

ORIENTATION = 0x0112
_UPRIGHT: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What Exif says about how a camera was held (CIPA DC-008, 4.6.5.1)."""

Image.MAX_IMAGE_PIXELS = None  # sizes were checked before, and memory has a bound


def made_of(data: bytes, media_type: str) -> Iterator[Made]:
    """All files of an image: its variants, then its optimised copies. Raises whatever its decoder raises."""
    picture = _opened(data, media_type)
    white = _on_white(picture)
    for form in VARIANTS:
        square = Image.new("RGB", (form.side_px, form.side_px), WHITE)
        scale = form.side_px / max(white.size)
        inner = white.resize((_scaled(white.width, scale), _scaled(white.height, scale)), Image.Resampling.LANCZOS)
        square.paste(inner, ((form.side_px - inner.width) // 2, (form.side_px - inner.height) // 2))
        yield _made(square, form)
    for form in WEB_FORMS:
        yield _made(white if form.media_type == JPEG else picture, form)


def resized(data: bytes, media_type: str, form: Form) -> Made:
    """An image in its own proportions, at most `form.side_px` a side, never enlarged. Raises whatever its decoder raises."""
    picture = _opened(data, media_type)
    has_alpha = picture.mode == "RGBA"
    picture = picture.convert("RGBa") if has_alpha else picture  # else what is transparent would colour what isn't
    picture.thumbnail((form.side_px, form.side_px), Image.Resampling.LANCZOS)
    picture = picture.convert("RGBA") if has_alpha else picture
    return _made(_on_white(picture) if form.media_type == JPEG else picture, form)


def size_of(data: bytes, media_type: str) -> tuple[int, int]:
    """Pixels of an image that can be decoded whole, upright; raises whatever its decoder raises."""
    picture = _opened(data, media_type)
    return picture.size


def _opened(data: bytes, media_type: str) -> Image.Image:
    """The picture, upright, at most WEB_MAX_PX a side; of an animation the first."""
    if media_type == SVG:
        data, media_type = _drawn(data.decode()), PNG
    image: Image.Image = Image.open(io.BytesIO(data), formats=[FORMATS[media_type]])
    scale = WEB_MAX_PX / max(image.size)
    image.draft("RGB", (int(image.width * scale), int(image.height * scale)))  # a JPEG is decoded at a fraction of its size
    if image.mode.startswith("I"):
        image = _of_8_bits(image)
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    picture = image if image.mode in ("RGB", "RGBA", "CMYK") else image.convert("RGBA" if has_alpha else "RGB")
    picture.load()
    upright, profile = _UPRIGHT.get(_orientation(image)), image.info.get("icc_profile", b"")
    del image  # a converted picture is a second one
    if picture.mode == "RGBA":
        picture = picture.convert("RGBa")  # as resize does, but without keeping both
    picture.thumbnail((WEB_MAX_PX, WEB_MAX_PX), Image.Resampling.LANCZOS, reducing_gap=None)
    picture = _in_srgb(picture.convert("RGBA") if picture.mode == "RGBa" else picture, profile)
    return picture if upright is None else picture.transpose(upright)


def _of_8_bits(grey: Image.Image) -> Image.Image:
    """A picture of 65,536 greys in 256: a mere conversion would make all above 255 white."""
    scaled = grey.point(lambda value: value * (1 / 257)).convert("L")
    scaled.info.pop("transparency", None)  # a grey of 16 bits, which is none of 8
    return scaled


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """The same colours in the space that is meant where a file names none, as ours do; a profile that can't be read is as none."""
    mode = "RGB" if picture.mode == "CMYK" else picture.mode
    shown = None
    if profile:
        with suppress(ImageCms.PyCMSError):
            shown = ImageCms.profileToProfile(picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=mode)
    if shown is None:
        shown = picture if picture.mode == mode else picture.convert(mode)
    shown.info.pop("icc_profile", None)
    return shown


def _orientation(image: Image.Image) -> object:
    """How Exif says that the camera was held; None where it says nothing that can be read, which is no fault of the picture."""
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 - a parser raises what it likes
        return None


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))


def _drawn(svg: str) -> bytes:
    """An SVG as PNG, the same on every machine: as large as fits into a square of SVG_PX."""
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        width=SVG_PX,
        height=SVG_PX,
        dpi=CSS_DPI,
        skip_system_fonts=True,
        font_files=[str(fonts.FILE)],
        **dict.fromkeys(FAMILIES, fonts.FAMILY),  # type: ignore[arg-type] # a mapping of strings
    )


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    white = Image.new("RGB", picture.size, WHITE)
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _webp(picture: Image.Image, form: Form) -> io.BytesIO:
    """Packed as well as memory allows: what is mostly noise takes twice that of a photograph. Raises MemoryError."""
    for method in (4, FRUGAL):
        out = io.BytesIO()
        try:
            picture.save(out, "WEBP", quality=form.quality, method=method)
        except ValueError as error:
            if str(error) != WEBP_OUT_OF_MEMORY:
                raise
        else:
            return out
    raise MemoryError


def _made(picture: Image.Image, form: Form) -> Made:
    out = io.BytesIO()
    if form.media_type == PNG:
        picture.save(out, "PNG", compress_level=PNG_LEVEL)
    elif form.media_type == JPEG:
        picture.save(out, "JPEG", quality=form.quality, progressive=form.progressive)
    else:
        out = _webp(picture, form)
    return Made(form.variant, out.getvalue(), form.media_type, picture.width, picture.height)
