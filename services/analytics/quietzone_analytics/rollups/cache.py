"""Rollups that were written last, decoded: a busy code's documents needn't be read again for each batch."""

from collections import OrderedDict
from typing import cast

from quietzone_analytics.rollups.repository import Document, Kind, R

_OVERHEAD = 500  # bytes of an entry beside its encoded rollup


class Cache:
    """The most recently used rollups, bounded by their encoded bytes (decoded they take about five times as much)."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[str, str], tuple[Document[R], int]] = OrderedDict()  # type: ignore[valid-type] # of any kind
        self._bytes = 0

    def take(self, kind: Kind[R], rollup_id: str) -> Document[R] | None:
        """Take a rollup out: it comes back by `put` when its change was written, and else is read anew."""
        entry = self._entries.pop((kind.collection.name, rollup_id), None)
        if entry is None:
            return None
        document, size = entry
        self._bytes -= size
        return cast("Document[R]", document)

    def put(self, kind: Kind[R], document: Document[R]) -> None:
        """Keep a rollup as it is stored now."""
        size = document.size + _OVERHEAD
        self._entries[(kind.collection.name, document.address.rollup_id)] = (document, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, gone) = self._entries.popitem(last=False)
            self._bytes -= gone

    def drop(self, partition: int) -> None:
        """Forget all rollups of a partition: somebody else may write them now."""
        for name in [name for name, (document, _) in self._entries.items() if document.address.partition == partition]:
            _, size = self._entries.pop(name)
            self._bytes -= size
