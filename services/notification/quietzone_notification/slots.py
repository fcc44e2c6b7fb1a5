"""Slots: numbered places of which each is had once, so that the store itself refuses one more than there may be."""

from collections.abc import Container

from quietzone_kit.documents import Collection, Documents, Query
from quietzone_notification.deadlines import store_answers


async def taken_slots(
    documents: Documents, collection: Collection, *of: str, most: int, index: str = "by_slot", field: str = "slot"
) -> set[int]:
    """The slots that documents have, damaged ones too: what can't be read still keeps others from its slot.

    `of` is what comes before the slot in the index. Raises Unavailable.
    """
    async with store_answers():
        page = await documents.query(collection, Query(index, of, limit=most))
    return {slot for stored in page.items if isinstance(slot := stored.body.get(field), int)}


def free_slot(taken: Container[int], most: int) -> int | None:
    """The first slot that nobody has; None when all are taken."""
    return next((slot for slot in range(most) if slot not in taken), None)
