"""How many images a second of CPU draws, ours beside other writers, in the same run.

Every contender draws the same new payloads, from text to file; rounds are interleaved, so that a slow moment hits all of them. Ratios are
medians over rounds. Nothing is read back here: that happens once an image, and is timed apart.

    python bench/render.py [seconds]
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import qrcode
import segno
import zxingcpp
from PIL import Image
from qrcode.image.svg import SvgPathImage

from quietzone_qr.rendering import DEFAULT_SIZE_PX, png, read_png, read_svg, svg
from quietzone_qr.rendering.gate import Gate
from quietzone_qr.rendering.matrix import encode

ROUNDS = 20
MODULE_PX = 28  # 1,036 px for the 37 modules of these payloads with their quiet zones


@dataclass(frozen=True, slots=True)
class Contender:
    """A writer: from payload to file."""

    name: str
    draw: Callable[[str], bytes]


def ours_png(payload: str) -> bytes:
    return png.draw(encode(payload), DEFAULT_SIZE_PX)


def ours_svg(payload: str) -> bytes:
    return svg.draw(encode(payload), DEFAULT_SIZE_PX)


def segno_png(payload: str) -> bytes:
    file = io.BytesIO()
    segno.make_qr(payload, error="m", boost_error=False).save(file, kind="png", scale=MODULE_PX)
    return file.getvalue()


def segno_svg(payload: str) -> bytes:
    file = io.BytesIO()
    segno.make_qr(payload, error="m", boost_error=False).save(file, kind="svg", light="#fff")
    return file.getvalue()


def zxing_png(payload: str) -> bytes:
    symbol = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    file = io.BytesIO()
    Image.fromarray(symbol.to_image(scale=MODULE_PX)).convert("1", dither=Image.Dither.NONE).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _qrcode(payload: str) -> qrcode.QRCode[Any]:
    drawn: qrcode.QRCode[Any] = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=MODULE_PX)
    drawn.add_data(payload)
    drawn.make()
    return drawn


def qrcode_png(payload: str) -> bytes:
    file = io.BytesIO()
    _qrcode(payload).make_image().save(file)
    return file.getvalue()


def qrcode_svg(payload: str) -> bytes:
    file = io.BytesIO()
    _qrcode(payload).make_image(image_factory=SvgPathImage).save(file)
    return file.getvalue()


def zxing_svg(payload: str) -> bytes:
    return zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_svg().encode()


TABLES = {
    f"PNG of {DEFAULT_SIZE_PX} px (aim 4,000)": (
        Contender("quietzone", ours_png),
        Contender("zxing-cpp and Pillow, level 1", zxing_png),
        Contender("segno", segno_png),
        Contender("qrcode and Pillow", qrcode_png),
    ),
    "SVG (aim 7,000)": (
        Contender("quietzone", ours_svg),
        Contender("zxing-cpp", zxing_svg),
        Contender("segno", segno_svg),
        Contender("qrcode", qrcode_svg),
    ),
}


def payloads() -> Iterator[str]:
    """Short URLs, no two alike."""
    return (f"http://localhost:8080/{number:07d}" for number in count(1))


def rate(draw: Callable[[str], bytes], new: Iterator[str], seconds: float) -> float:
    """Images a second of CPU."""
    drawn, begin = 0, time.process_time()
    while (took := time.process_time() - begin) < seconds:
        draw(next(new))
        drawn += 1
    return drawn / took


def compare(title: str, contenders: tuple[Contender, ...], seconds: float) -> None:
    each = seconds / ROUNDS / len(contenders)
    new = payloads()
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(ROUNDS):
        for contender in contenders:
            rates[contender.name].append(rate(contender.draw, new, each))
    ours = rates[contenders[0].name]
    print(f"\n| {title} | images per CPU-second, median (lowest, highest) | quietzone is faster by | bytes |")
    print("| --- | --- | --- | --- |")
    for contender in contenders:
        theirs = rates[contender.name]
        ratio = statistics.median(own / other for own, other in zip(ours, theirs, strict=True))
        spread = f"{statistics.median(theirs):,.0f} ({min(theirs):,.0f}, {max(theirs):,.0f})"
        print(f"| {contender.name} | {spread} | {ratio:.1f} | {len(contender.draw(next(new))):,} |")


def reading_back(images: int = 100) -> None:
    """What the gate costs, once an image."""
    gate, begin = Gate(), time.process_time()
    new = payloads()
    for payload in (next(new) for _ in range(images)):
        gate.check_symbol(encode(payload), payload)
    decoders = time.process_time() - begin
    print("\n| read back, once an image | ms of CPU |\n| --- | --- |")
    print(f"| matrix, and two decoders | {decoders / images * 1e3:.2f} |")
    matrix = encode(next(new))
    for name, draw, read in (("PNG", png.draw, read_png.modules_of), ("SVG", svg.draw, read_svg.modules_of)):
        data, begin = draw(matrix, DEFAULT_SIZE_PX), time.process_time()
        for _ in range(images):
            read(data, side=matrix.side, size_px=DEFAULT_SIZE_PX)
        print(f"| every module of the {name} | {(time.process_time() - begin) / images * 1e3:.2f} |")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 12.0
    for title, contenders in TABLES.items():
        compare(title, contenders, seconds / len(TABLES))
    reading_back()


if __name__ == "__main__":
    main()
