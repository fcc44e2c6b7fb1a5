"""All documents of some collections from one store to another: what `quietzone migrate` moves services with.

Versions begin again at 1. They are only ever compared with what was read from the same store; what people and events see is a field of
the body. So nothing may write to either store meanwhile, and what ran on the old one is started anew on the new one.
"""

from collections.abc import Callable, Mapping, Sequence

from quietzone_kit.documents import Collection, Documents, DocumentsError, Outcome, Put, Stored

PAGE = 500  # documents in memory at once: 4 GB were they all as large as allowed, some MB as they are


async def copy(
    source: Documents, target: Documents, collections: Sequence[Collection], *, on_progress: Callable[[str, int], object]
) -> Mapping[str, int]:
    """How many documents of each collection are in both stores now; `on_progress` hears that of a collection after each page.

    A copy that was cut off can be run again: documents that are there with the same body are passed over.

    Raises:
        DocumentsUnavailable: run it again.
        DocumentsError: the target has another document with a key or with fields of a unique index; nothing is overwritten.
    """
    await source.ensure(*collections)
    await target.ensure(*collections)
    counts = dict.fromkeys((collection.name for collection in collections), 0)
    for collection in collections:
        after: str | None = None
        while True:
            page = await source.scan(collection, limit=PAGE, after=after)
            await _copy_page(target, collection, page.items)
            counts[collection.name] += len(page.items)
            on_progress(collection.name, counts[collection.name])
            after = page.cursor
            if after is None:
                break
    return counts


async def _copy_page(target: Documents, collection: Collection, items: Sequence[Stored]) -> None:
    outcomes = await target.bulk(collection, [Put(item.body, None) for item in items])
    left = {str(item.body[collection.key]): item for item, outcome in zip(items, outcomes, strict=True) if outcome is not Outcome.WRITTEN}
    standing = await target.get_many(collection, list(left)) if left else {}
    for key, item in left.items():
        there = standing.get(key)
        if there is None or there.body != item.body:
            reason = "a document with the same unique fields" if there is None else "another document with this key"
            raise DocumentsError(f"collection {collection.name}: {key}: the target has {reason}: copy into an empty store")
