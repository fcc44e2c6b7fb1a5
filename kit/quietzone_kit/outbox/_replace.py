"""Changing a document beside its relay."""

from quietzone_kit.documents import Body, Collection, Documents, Stored, VersionConflict
from quietzone_kit.outbox._fields import Outgoing, keeping_outbox, with_event, without_outbox

ATTEMPTS = 5  # a relay empties what it read in one write: a second meeting is rare, a fifth means that something else is going on


async def replace_keeping_outbox(documents: Documents, collection: Collection, before: Stored, body: Body, *events: Outgoing) -> Stored:
    """Put `body` in the place of `before`, with what waits in its outbox and then `events`.

    When only the outbox has changed since `before` was read (a relay has published), it tries again by itself; `before` may be old
    therefore. Waits as long as the store does: callers have a deadline.

    Raises:
        VersionConflict: somebody else has changed the document, so its revision: read it again, and decide again.
        Unavailable: MAX_WAITING events wait already.
        DuplicateKey: its fields of a unique index are taken.
    """
    key = str(body[collection.key])
    standing = before
    for attempt in range(1, ATTEMPTS + 1):
        after = keeping_outbox(standing.body, body)
        for outgoing in events:
            after = with_event(after, key, outgoing)
        try:
            return await documents.replace(collection, after, if_version=standing.version)
        except VersionConflict:
            found = await documents.get(collection, key)
            if found is None or attempt == ATTEMPTS or without_outbox(found.body) != without_outbox(before.body):
                raise
            standing = found
    raise AssertionError("unreachable: the last attempt returns or raises")
