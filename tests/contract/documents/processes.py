"""What other processes do to a store in the tests beside this file: `python processes.py <part> <url> <argument>`.

Each acknowledged write is printed in a line of its own, as soon as it is acknowledged.
"""

import asyncio
import sys

from quietzone_kit.documents import Collection, Documents, Put, VersionConflict, open_documents
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor

THINGS = Collection("things", key="id")


async def swap(documents: Documents, times: int) -> None:
    """Add to a number by compare-and-swap."""
    for _ in range(times):
        while True:
            stored = await documents.get(THINGS, "counter")
            assert stored is not None
            number = stored.body["n"]
            assert isinstance(number, int)
            try:
                await documents.replace(THINGS, {"id": "counter", "n": number + 1}, if_version=stored.version)
            except VersionConflict:
                continue
            break


async def write(documents: Documents, life: int) -> None:
    """Write until killed: several at once, bulks and single ones."""

    async def single(name: int) -> None:
        for number in range(1_000_000):
            await documents.insert(THINGS, {"id": f"{life}-{name}-{number}", "data": bytes(500)})
            print(f"{life}-{name}-{number}", flush=True)  # noqa: T201 - the acknowledgement

    async def bulk() -> None:
        for number in range(1_000_000):
            await documents.bulk(THINGS, [Put({"id": f"{life}-bulk-{number}-{item}"}, None) for item in range(70)])
            print(f"{life}-bulk-{number}-69", flush=True)  # noqa: T201

    async def count() -> None:
        while True:
            stored = await documents.increment(THINGS, "counter", "n")
            print(f"counter={stored.body['n']!r}", flush=True)  # noqa: T201

    async with asyncio.TaskGroup() as group:
        for name in range(3):
            group.create_task(single(name))
        group.create_task(bulk())
        group.create_task(count())


async def main(part: str, url: str, argument: int) -> None:
    """Open the store and do a part."""
    executor = ThreadExecutor("documents", threads=2)
    documents = open_documents(url, executor=executor, randomness=SystemRandomness())
    await documents.ensure(THINGS)
    await {"swap": swap, "write": write}[part](documents, argument)
    await documents.close()
    executor.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
