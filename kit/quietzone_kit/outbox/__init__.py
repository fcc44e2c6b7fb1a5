"""The outbox: a change and its events are one write.

Events wait in the document that they tell of, under three fields that the repository carries through each of its writes:
`outbox` (a list, oldest first), `outbox_at` (Unix time in milliseconds of the oldest; absent when none wait, so that the index
stays small) and `outbox_shard`. A relay publishes them in order and removes them, which changes `version` only; use cases retry
when `revision` is unchanged.
"""

from quietzone_kit.documents import Index

MAX_WAITING = 100
"""Events that may wait in one document; then changes are refused with Unavailable until the bus takes some."""

SHARDS = 16
"""Shards of documents that relays share out among themselves; one relay at a time works on a shard."""

OUTBOX_INDEX = Index("by_outbox", ("outbox_shard", "outbox_at"), sparse=True)
"""Every collection with an outbox declares this index."""
