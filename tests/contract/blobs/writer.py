"""Writes one blob again and again, until it is killed: each version says by its length and metadata what it is."""

import asyncio
import sys

from quietzone_kit.blobs import About, open_blobs
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor


async def main(url: str) -> None:
    blobs = open_blobs(url, executor=ThreadExecutor("blobs"), randomness=SystemRandomness())
    number = 0
    while True:
        number += 1
        size = number % 50 * 10_000
        await blobs.put("key", bytes([number % 256]) * size, About(metadata={"size": str(size), "byte": str(number % 256)}))
        print(number, flush=True)  # noqa: T201 - the test waits for it


asyncio.run(main(sys.argv[1]))
