"""How long does a clean-up's dry run over 100,000 assets take?

    python bench/cleanup.py
    PYTHONPATH=tests python -m servers python bench/cleanup.py --backends real

It looks at documents alone. On servers it needs a MongoDB that was given: mongo-java-server reads the whole collection for each page.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from backends import add_backends, urls_of

from quietzone_kit.blobs import open_blobs
from quietzone_kit.documents import Documents, Put, Query, open_documents
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_storage.assets.domain import DAY_MS, AccountId, Asset, AssetId, BlobKey, Kind, State, Variant
from quietzone_storage.assets.repository import ASSETS, Assets, Counted, body_of
from quietzone_storage.assets.use_cases import Keeper
from quietzone_storage.collections import COLLECTIONS
from quietzone_storage.contents.repository import Contents
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.lifecycle.domain import Policy
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp
from quietzone_storage.usage.repository import Usages
from quietzone_storage.usage.use_cases import Ledger
from quietzone_storage.variants.domain import CODE_FORMS

ASSETS_IN_ALL = 100_000
AIM_S = 30.0
PUTS = 500


def asset(number: int, now_ms: int) -> Asset:
    """An image of a code, or an upload, 0 to 400 days old."""
    came_ms = now_ms - number % 400 * DAY_MS
    variants = tuple(
        Variant(form.variant, BlobKey(f"contents/aa/{number:060x}{at:04x}.{'b' * 16}"), 5_000, form.media_type, form.side_px, form.side_px)
        for at, form in enumerate(CODE_FORMS)
    )
    kind = Kind.CODE if number % 2 else Kind.UPLOAD
    return Asset(
        AssetId(f"{number:036d}"), AccountId("ours"), kind, State.READY, "", came_ms, came_ms, uploaded_at_ms=came_ms, variants=variants
    )


def stores(backends: str, folder: Path) -> tuple[str, str]:
    """Where documents and files are."""
    if backends == "embedded":
        return f"sqlite:///{folder}/storage.db", f"file://{folder}/files"
    urls = urls_of(backends)
    return urls["QUIETZONE_STORAGE_DOCUMENTS_URL"], urls["QUIETZONE_STORAGE_BLOBS_URL"]


async def measure(backends: str, folder: Path) -> float:
    """Seconds of the dry run."""
    clock, randomness = SystemClock(), SystemRandomness()
    threads = ThreadExecutor("documents", 4)
    documents_url, blobs_url = stores(backends, folder)
    documents = open_documents(documents_url, executor=threads, randomness=randomness)
    await documents.ensure(*COLLECTIONS)
    now_ms = clock.now_ms()
    for first in range(0, ASSETS_IN_ALL, PUTS):
        puts = [Put(body_of(asset(number, now_ms), Counted(), ()), None) for number in range(first, first + PUTS)]
        await documents.bulk(ASSETS, puts)
    assets = Assets(documents)
    shelf = Shelf(Contents(documents), open_blobs(blobs_url, executor=threads, randomness=randomness), clock, randomness)
    cleaner = Cleaner(Keeper(assets, shelf, Ledger(Usages(documents), assets)), clock, Policy())
    began = time.perf_counter()
    report = (await cleaner.clean_up(CleanUp(dry_run=True))).report
    took_s = time.perf_counter() - began
    listed_s = await listed(documents)
    print(f"\n| 100,000 assets on {backends} backends | seconds | of the aim |\n| --- | --- | --- |")
    print(f"| dry run of a clean-up, {report.processed:,} looked at | {took_s:.1f} | {took_s / AIM_S:.2f} |")
    print(f"| reading the same index alone | {listed_s:.1f} | the dry run takes {took_s / listed_s:.1f} times that |\n\n{report}")
    await documents.close()
    threads.close()
    return took_s


async def listed(documents: Documents) -> float:
    """Seconds that it takes to page through the same documents by their index, without looking at them."""
    began, cursor = time.perf_counter(), None
    while True:
        page = await documents.query(ASSETS, Query("by_idle", limit=PUTS, after=cursor))
        cursor = page.cursor
        if cursor is None:
            return time.perf_counter() - began


def main() -> int:
    """0 when it is as fast as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_backends(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(measure(options.backends, Path(folder))) <= AIM_S else 1


if __name__ == "__main__":
    sys.exit(main())
