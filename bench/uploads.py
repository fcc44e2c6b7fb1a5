"""How much memory does the largest upload of each kind take on its whole way: sent to a house, decoded, its variants kept?

What storage's processes hold together, decoders with them and shared pages counted once (PSS), above what they held before. Each is sent
several times, one after the other, and the most of it counts; the first of all warms up. Exits with 1 when one takes more than the aim,
which is the decoder's own (decoding.py).

    python bench/uploads.py [--rounds 3]
    PYTHONPATH=tests python -m servers python bench/uploads.py --backends real
"""

import argparse
import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from backends import add_backends, urls_of
from decoding import AIM_MB, files
from processes import children, memory_mb

from house import KEY, House, house_in
from quietzone_client import AssetQuarantined, AsyncClient

LARGEST_BYTES = 20_000_000
"""That an operator may take; it is half of that unless told."""
LOOKS_EVERY_S = 0.02
READY_WITHIN_S = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    add_backends(parser)
    options = parser.parse_args()
    os.environ["QUIETZONE_STORAGE_UPLOAD_BYTES"] = str(LARGEST_BYTES)
    uploads = list(files())
    urls = urls_of(options.backends)
    with tempfile.TemporaryDirectory(prefix="quietzone-bench-") as folder, house_in(Path(folder) / "data", urls) as house:
        pids = [pid for title, pid in house.supervisor.pids().items() if title.startswith("storage ")]
        send(house, *uploads[0][1:])
        print(f"\n| upload, on {options.backends} backends | its MB | most above rest, MB | of the aim | decoders alone | seconds |")
        print("| --- | --- | --- | --- | --- | --- |")
        largest_mb = 0.0
        for what, data, media_type in uploads:
            rounds = [taken(house, pids, data, media_type) for _ in range(options.rounds)]
            all_mb, decoders_mb, took_s = (max(column) for column in zip(*rounds, strict=True))
            largest_mb = max(largest_mb, all_mb)
            cells = f"{all_mb:.0f} | {all_mb / AIM_MB:.2f} | {decoders_mb:.0f} | {took_s:.1f}"
            print(f"| {what} | {len(data) / 1e6:.1f} | {cells} |", flush=True)
    return 0 if largest_mb <= AIM_MB else 1


def taken(house: House, pids: Sequence[int], data: bytes, media_type: str) -> tuple[float, float, float]:
    """MB above rest at most, the most of decoders alone, seconds."""
    rest, most = pss_mb(pids), Most()
    began = time.perf_counter()
    with watched(pids, most):
        send(house, data, media_type)
    return most.together_mb - rest, most.decoders_mb, time.perf_counter() - began


def pss_mb(pids: Iterable[int]) -> float:
    """What they hold together, in MB."""
    return sum(memory_mb(pid)[1] for pid in pids)


def send(house: House, data: bytes, media_type: str) -> None:
    """Upload, and wait until it is ready, or refused by its decoder."""

    async def sent() -> None:
        async with AsyncClient(house.place.api_url, KEY) as client:
            asset = await client.assets.upload(data, "noise", media_type)
            with suppress(AssetQuarantined):
                await client.assets.wait(asset.id, within_s=READY_WITHIN_S)

    asyncio.run(sent())


class Most:
    """The most that was seen, in MB."""

    together_mb = decoders_mb = 0.0


@contextmanager
def watched(pids: Sequence[int], most: Most) -> Iterator[None]:
    """Looks at the processes and their children, from a thread, until the end."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOKS_EVERY_S):
            decoders = pss_mb([child for pid in pids for child in children(pid)])
            most.decoders_mb = max(most.decoders_mb, decoders)
            most.together_mb = max(most.together_mb, decoders + pss_mb(pids))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


if __name__ == "__main__":
    sys.exit(main())
