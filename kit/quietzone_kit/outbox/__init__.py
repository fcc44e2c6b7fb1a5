"""The outbox: a change and its events are one write.

Events wait in the document that they tell of, under three fields that the repository carries through each of its writes:
`outbox` (a list, oldest first), `outbox_at` (Unix time in milliseconds of the oldest; absent when none wait, so that the index
stays small) and `outbox_shard`. A relay publishes them in order and removes them, which changes `version` only.

A repository inserts `with_event(body, …)`, and changes `{**stored.body, **changed_fields}` with `replace_keeping_outbox`, which tries
again when only the outbox has changed under it; then it calls `Relay.wake`. Its collection declares OUTBOX_INDEX, its store
OUTBOX_LEASES. A document is not deleted while events wait in it: they would be gone.
"""

from quietzone_kit.outbox._fields import (
    MAX_WAITING,
    OUTBOX_FIELDS,
    OUTBOX_INDEX,
    SHARDS,
    Outgoing,
    keeping_outbox,
    shard_of,
    waiting,
    with_event,
)
from quietzone_kit.outbox._leases import OUTBOX_LEASES
from quietzone_kit.outbox._relay import Relay
from quietzone_kit.outbox._replace import replace_keeping_outbox

__all__ = [
    "MAX_WAITING",
    "OUTBOX_FIELDS",
    "OUTBOX_INDEX",
    "OUTBOX_LEASES",
    "SHARDS",
    "Outgoing",
    "Relay",
    "keeping_outbox",
    "replace_keeping_outbox",
    "shard_of",
    "waiting",
    "with_event",
]
