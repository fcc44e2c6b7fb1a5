"""From a payload to an image that may be handed out."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version

from quietzone_kit.cache import Cache, Keep
from quietzone_kit.runtime import Executor
from quietzone_qr.metrics import DRAWN, UNREADABLE
from quietzone_qr.rendering import png, read_png, read_svg, svg
from quietzone_qr.rendering.gate import Gate, Reader, Unreadable
from quietzone_qr.rendering.geometry import DEFAULT_SIZE_PX
from quietzone_qr.rendering.matrix import Matrix, encode

STYLE = "squares-1"
"""The only style so far. Its number goes up whenever `png` or `svg` write other bytes for the same matrix and size."""

KEPT = Keep(ttl_s=86_400, absent_s=None)
"""Images never change; most are asked for on the day on which they are made, and drawing one again takes 1 ms."""

_MADE_BY = f"{STYLE}, zlib {zlib.ZLIB_RUNTIME_VERSION}, " + ", ".join(f"{name} {version(name)}" for name in ("zxing-cpp", "deqr"))
"""What decides, besides payload, format and size, what is drawn and what passes the gate: another release draws and checks for itself."""

_ETAG_CHARACTERS = 32


class ImageFormat(Enum):
    """How a symbol is drawn."""

    PNG = "png"
    SVG = "svg"


@dataclass(frozen=True, slots=True)
class Image:
    """A finished file; `etag` (32 hexadecimal digits) is equal for equal files."""

    data: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class _Drawing:
    media_type: str
    draw: Callable[[Matrix, int], bytes]
    read: Reader


_DRAWINGS: Mapping[ImageFormat, _Drawing] = {
    ImageFormat.PNG: _Drawing("image/png", png.draw, read_png.modules_of),
    ImageFormat.SVG: _Drawing("image/svg+xml", svg.draw, read_svg.modules_of),
}


class Renderer:
    """Draws symbols on an executor; what it returns has passed the gate, which takes 2 to 20 ms of CPU once an image.

    With a cache, processes share what they have drawn.
    """

    def __init__(self, executor: Executor, gate: Gate, cache: Cache | None = None) -> None:
        self._executor = executor
        self._gate = gate
        self._cache = cache

    async def render(self, payload: str, image_format: ImageFormat, size_px: int = DEFAULT_SIZE_PX) -> Image:
        """The symbol of `payload`, `size_px` wide and high with its quiet zone.

        Raises:
            PayloadRefused: too long, or not ASCII.
            ImageTooSmall: less than two pixels a module.
            Unreadable: a decoder couldn't read it.
        """

        async def draw() -> bytes:
            image = await self._executor.run(lambda: self._render(payload, image_format, size_px))
            return image.etag.encode() + image.data

        kept = await self._cache.get_or_load(_key(payload, image_format, size_px), draw, KEPT) if self._cache is not None else None
        drawn = await draw() if kept is None else kept
        return Image(drawn[_ETAG_CHARACTERS:], _DRAWINGS[image_format].media_type, drawn[:_ETAG_CHARACTERS].decode())

    async def symbol(self, payload: str) -> Matrix:
        """The modules of `payload`, for those who draw them themselves.

        Raises:
            PayloadRefused: too long, or not ASCII.
            Unreadable: a decoder couldn't read it.
        """

        def read_back() -> Matrix:
            matrix = encode(payload)
            self._gate.check_symbol(matrix, payload)
            return matrix

        return await self._executor.run(read_back)

    def _render(self, payload: str, image_format: ImageFormat, size_px: int) -> Image:
        drawing = _DRAWINGS[image_format]
        matrix = encode(payload)
        image = Image(drawing.draw(matrix, size_px), drawing.media_type, _etag(matrix, image_format, size_px))
        try:
            self._gate.check_symbol(matrix, payload)
            self._gate.check_file(image.data, drawing.read, matrix=matrix, size_px=size_px, etag=image.etag)
        except Unreadable:
            UNREADABLE.labels(image_format.value).inc()
            raise
        DRAWN.labels(image_format.value).inc()
        return image


def _etag(matrix: Matrix, image_format: ImageFormat, size_px: int) -> str:
    drawn = f"{STYLE} {image_format.value} {size_px} {zlib.ZLIB_RUNTIME_VERSION} "  # another zlib may compress to other bytes
    return hashlib.sha256(drawn.encode() + matrix.digest()).hexdigest()[:_ETAG_CHARACTERS]


def _key(payload: str, image_format: ImageFormat, size_px: int) -> str:
    depends_on = f"{_MADE_BY}, {image_format.value}, {size_px}, {payload}"
    return "qr.image." + hashlib.sha256(depends_on.encode("utf-8", "surrogatepass")).hexdigest()
