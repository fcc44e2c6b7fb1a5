"""How many sets of a code's four variants one CPU makes in a second: drawn from the modules, and resampled from the master as an upload's.

Rounds alternate, so that a slow moment hits all of them; ratios are medians over rounds. Exits with 1 when drawing is below its aim.

    python bench/variants.py [seconds]
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from unit.storage.drawings import symbol

from quietzone_storage.variants.domain import MASTER, PNG, VARIANTS, Form
from quietzone_storage.variants.symbol import draw, pack, paint

AIM = 150
ROUNDS = 10
SYMBOL = symbol("http://localhost:8080/Ab3dEf7")
MASTER_FILE = draw(SYMBOL, MASTER).data
FORMATS = {PNG: "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


def drawn() -> None:
    """A set from the modules."""
    for form in VARIANTS:
        pack(paint(SYMBOL, form.side_px), form)


def read_back() -> None:
    """The same, each file decoded again and compared pixel by pixel."""
    for form in VARIANTS:
        draw(SYMBOL, form)


def resampled(level: int) -> None:
    """A set from the master's file, by Lanczos: greys appear, and PNGs have a byte a pixel."""
    with Image.open(io.BytesIO(MASTER_FILE)) as opened:
        picture = opened.convert("L")
    for form in VARIANTS:
        small = picture.resize((form.side_px, form.side_px), Image.Resampling.LANCZOS)
        options = {"compress_level": level} if form.media_type == PNG else {"quality": form.quality}
        small.save(io.BytesIO(), FORMATS[form.media_type], **options)


WAYS: Mapping[str, Callable[[], None]] = {
    "drawn from the modules": drawn,
    "the same, each file read back": read_back,
    "resampled from the master, PNG level 9 as for uploads": partial(resampled, 9),
    "resampled from the master, PNG level 6": partial(resampled, 6),
}


def per_second(work: Callable[[], object], seconds: float) -> float:
    """How often a CPU-second has room for it."""
    times, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        work()
        times += 1
    return times / spent


def one_file(form: Form, seconds: float) -> float:
    """Files a CPU-second."""
    return per_second(partial(pack, paint(SYMBOL, form.side_px), form), seconds)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, work in WAYS.items():
            rates[name].append(per_second(work, seconds / ROUNDS / len(WAYS)))
    ours = next(iter(rates.values()))
    print("\n| a set of four variants | sets per CPU-second, median (lowest, highest) | drawing is faster by |\n| --- | --- | --- |")
    for name, found in rates.items():
        ratio = statistics.median(own / other for own, other in zip(ours, found, strict=True))
        print(f"| {name} | {statistics.median(found):,.0f} ({min(found):,.0f}, {max(found):,.0f}) | {ratio:.1f} |")
    for form in (*VARIANTS, MASTER):
        print(f"packing {form.variant or 'the master'}: {one_file(form, seconds / 20):,.0f}/s")
    median = statistics.median(ours)
    print(f"Drawing: {median:,.0f}, {median / AIM:.2f} of the aim ({AIM})")
    return 0 if median >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
