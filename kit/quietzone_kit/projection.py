"""Projections: consumers that keep their offsets beside their data, so that replaying is harmless."""

from collections.abc import Sequence
from typing import Protocol

from quietzone_kit.bus import Bounds, Bus, Record
from quietzone_kit.runtime import Clock


class OwnershipLost(Exception):
    """Another member owns the partition now: drop what is held of it, and claim it again only when it is assigned again."""


class ForeignLog(Exception):
    """The log isn't the one that the data were made from (recreated, truncated, restored): the message says what to do."""


class Projection(Protocol):
    """What a service does with the records of one topic. Calls for one partition never overlap."""

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner in the service's own store, and say from which offset to read.

        Raises:
            ForeignLog: the process stops with this message.
        """

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Fold records into the data and set the partition's offset to `next_offset`; applying them twice changes nothing.

        Raises:
            OwnershipLost: somebody else claimed the partition.
        """

    async def release(self, partition: int) -> None:
        """Drop what is held of a partition that was revoked."""


async def run_projection(
    bus: Bus, topic: str, group: str, projection: Projection, clock: Clock, *, max_records: int = 500, wait_s: float = 0.5
) -> None:
    """Join `group`, and claim, apply and release as partitions come and go; runs until it is cancelled.

    What the bus or the store refuses for now (BusUnavailable, DocumentsUnavailable) is tried again with full jitter from 0.05 s to 5 s;
    all other errors end it.
    """
