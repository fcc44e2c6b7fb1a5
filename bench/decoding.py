"""How much memory do the largest uploads that are taken need, each in the process that decodes it, and how long does it take?

Noise, which packs worst, of as many pixels as its kind may have. Noise that is transparent too is refused, which is told.
Exits with 1 when one needs more than the aim.

    python bench/decoding.py
"""

import asyncio
import io
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.uploads.files import GIF, JPEG, PNG, SVG, WEBP, look

AIM_MB = 128
FOUR_BITS = bytes(value & 0xF0 for value in range(256))
OPTIONS: Mapping[str, dict[str, int]] = {"JPEG": {"quality": 60}, "WEBP": {"method": 0}, "PNG": {"compress_level": 1}}
"""How they are packed: quickly."""


def noise(width: int, height: int, mode: str) -> Image.Image:
    """A picture of it, at 4 bits a sample: below the 20 MB that an upload may have at most. What is transparent is so by degrees."""
    colours = "RGB" if mode == "RGBA" else mode
    picture = Image.frombytes(colours, (width, height), os.urandom(width * height * len(colours)).translate(FOUR_BITS))
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize((width, height)))
    return picture


def files() -> Iterator[tuple[str, bytes, str]]:
    """The largest of each kind: what it is, its bytes, its media type."""
    for what, size, mode, kind in (
        ("PNG of 8.4 megapixels", (2_896, 2_896), "RGB", "PNG"),
        ("PNG of 8.4 megapixels, transparent", (2_896, 2_896), "RGBA", "PNG"),
        ("WebP of 4.5 megapixels, transparent", (2_121, 2_121), "RGBA", "WEBP"),
        ("baseline JPEG of 25 megapixels", (5_000, 5_000), "RGB", "JPEG"),
        ("progressive JPEG of 8.4 megapixels", (2_896, 2_896), "RGB", "JPEG"),
    ):
        out = io.BytesIO()
        noise(*size, mode).save(out, kind, **OPTIONS[kind], progressive=what.startswith("progressive"))
        yield what, out.getvalue(), {"PNG": PNG, "WEBP": WEBP, "JPEG": JPEG}[kind]
    out = io.BytesIO()
    noise(2_896, 2_896, "L").quantize(256).save(out, "GIF")
    yield "GIF of 8.4 megapixels", out.getvalue(), GIF
    circles = "".join(f'<circle cx="{number % 100}" cy="{number // 100}" r="1" fill="#{number:06x}"/>' for number in range(10_000))
    yield "SVG of 10,000 circles", f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{circles}</svg>'.encode(), SVG


def decoded(path: Path, media_type: str) -> tuple[float, float, str]:
    """MB in memory at most, seconds of CPU, and how many files it made, or why none.

    By a process between: a new one counts what its parent has as its own, and here that is the picture.
    """
    command = [sys.executable, __file__, str(path), media_type]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    used_mb, cpu, made = told.split(" ", 2)
    return float(used_mb), float(cpu), made.strip()


async def between(data: bytes, media_type: str) -> None:
    """Have it decoded, and print what that took."""
    try:
        made = str(len(await Images().make(data, media_type)))
    except ImageFailed as error:
        made = str(error)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(used.ru_maxrss * 1024 / 1e6, used.ru_utime + used.ru_stime, made)


def main() -> int:
    print(f"\n| upload | its MB | memory, MB | of the aim ({AIM_MB} MB) | seconds of CPU | files |\n| --- | --- | --- | --- | --- | --- |")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for what, data, media_type in files():
            look(data, media_type)
            path = Path(folder) / "upload"
            path.write_bytes(data)
            used_mb, cpu, made = decoded(path, media_type)
            kept = kept and used_mb <= AIM_MB
            print(f"| {what} | {len(data) / 1e6:.1f} | {used_mb:.0f} | {used_mb / AIM_MB:.2f} | {cpu:.1f} | {made} |", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(between(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
    else:
        sys.exit(main())
