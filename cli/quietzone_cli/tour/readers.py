"""Reads the printed files back as a stranger would: Pillow and resvg open them, zxing and quirc decode what they show."""

import io
from dataclasses import dataclass

import deqr
import resvg_py
import zxingcpp
from PIL import Image

SVG_WIDTH_PX = 600


@dataclass(frozen=True, slots=True)
class Reading:
    """What the two decoders found in one file; None when one found nothing."""

    zxing: str | None
    quirc: str | None

    def says(self, payload: str) -> bool:
        """Whether both read exactly this."""
        return self.zxing == payload == self.quirc


def read_png(data: bytes) -> Reading:
    """Decode a PNG file's bytes."""
    return _read(Image.open(io.BytesIO(data)).convert("L"))


def read_svg(data: bytes) -> Reading:
    """Decode an SVG file's bytes as it looks at SVG_WIDTH_PX pixels."""
    return read_png(resvg_py.svg_to_bytes(svg_string=data.decode(), width=SVG_WIDTH_PX, background="#ffffff", skip_system_fonts=True))


def _read(image: Image.Image) -> Reading:
    barcode = zxingcpp.read_barcode(image, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode]))
    codes = deqr.QuircDecoder().decode((image.tobytes(), image.size))
    return Reading(
        zxing=barcode.text if barcode is not None else None,
        quirc="".join(str(entry.data) for entry in codes[0].data_entries) if codes else None,
    )
