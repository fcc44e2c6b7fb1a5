"""Rollups as bytes: msgpack arrays with sorted maps, so that equal rollups are equal bytes.

The first item is the format's number. A release that keeps more raises it, and only when the release before can't write any more.
More items, slots or dimensions than this release counts are refused, since it would write them back without what it has counted.
"""

from typing import TypeVar

import msgspec

from quietzone_analytics.rollups.dimensions import Dimension
from quietzone_analytics.rollups.domain import SLOTS, Day, Milestone, Month, Total
from quietzone_analytics.rollups.scans import DIMENSIONS
from quietzone_analytics.rollups.visitors import Visitors

_FORMAT = 1

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class UnreadableRollup(ValueError):
    """Bytes that are no rollup as this release writes it. Whoever meets them stops: nothing is put in their place."""


class _Total(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    format: int
    persons: int
    bots: int
    previews: int
    last_scan_ms: int
    milestones: list[tuple[int, int, int]]


class _Day(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    format: int
    slots: list[int]
    bots: int
    previews: int
    dimensions: list[tuple[dict[str, int], int]]
    visitors: bytes


class _Month(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    format: int
    persons: int
    bots: int
    previews: int


W = TypeVar("W", _Total, _Day, _Month)

_total_decoder = msgspec.msgpack.Decoder(_Total)
_day_decoder = msgspec.msgpack.Decoder(_Day)
_month_decoder = msgspec.msgpack.Decoder(_Month)


def encode_total(total: Total) -> bytes:
    """A total's bytes."""
    milestones = [(milestone.threshold, milestone.offset, milestone.reached_at_ms) for milestone in total.milestones]
    return _encoder.encode((_FORMAT, total.persons, total.bots, total.previews, total.last_scan_ms, milestones))


def decode_total(data: bytes) -> Total:
    """The total in `data`; raises UnreadableRollup."""
    wire = _decode(_total_decoder, data)
    return Total(wire.persons, wire.bots, wire.previews, wire.last_scan_ms, [Milestone(*milestone) for milestone in wire.milestones])


def encode_day(day: Day) -> bytes:
    """A day's bytes."""
    dimensions = [(dimension.counts, dimension.other) for dimension in day.dimensions]
    return _encoder.encode((_FORMAT, day.slots, day.bots, day.previews, dimensions, day.visitors.state()))


def decode_day(data: bytes) -> Day:
    """The day in `data`; raises UnreadableRollup."""
    wire = _decode(_day_decoder, data)
    if (len(wire.slots), len(wire.dimensions)) != (SLOTS, len(DIMENSIONS)):
        what = f"{len(wire.slots)} slots and {len(wire.dimensions)} dimensions, this release counts {SLOTS} and {len(DIMENSIONS)}"
        raise UnreadableRollup(f"a day has {what}: another release wrote it, run that one")
    dimensions = tuple(Dimension(counts, other) for counts, other in wire.dimensions)
    try:
        visitors = Visitors.from_state(wire.visitors)
    except ValueError as error:
        raise UnreadableRollup(str(error)) from error
    return Day(wire.slots, wire.bots, wire.previews, dimensions, visitors)


def encode_month(month: Month) -> bytes:
    """A month's bytes."""
    return _encoder.encode((_FORMAT, month.persons, month.bots, month.previews))


def decode_month(data: bytes) -> Month:
    """The month in `data`; raises UnreadableRollup."""
    wire = _decode(_month_decoder, data)
    return Month(wire.persons, wire.bots, wire.previews)


def _decode(decoder: msgspec.msgpack.Decoder[W], data: bytes) -> W:
    try:
        wire = decoder.decode(data)
    except msgspec.MsgspecError as error:
        number = _format_of(data)
        if number is not None and number != _FORMAT:
            raise _foreign(number) from error
        advice = "run the newer release that wrote it; if none did, it is damaged: restore the store from a backup"
        raise UnreadableRollup(f"a rollup can't be read ({error}): {advice}") from error
    if wire.format != _FORMAT:
        raise _foreign(wire.format)
    return wire


def _format_of(data: bytes) -> int | None:
    """The number that a rollup of any format begins with."""
    try:
        items = msgspec.msgpack.decode(data)
    except msgspec.MsgspecError:
        return None
    return items[0] if isinstance(items, list) and items and isinstance(items[0], int) else None


def _foreign(number: int) -> UnreadableRollup:
    return UnreadableRollup(f"a rollup has format {number}, this release reads {_FORMAT}: another release wrote it, run that one")
