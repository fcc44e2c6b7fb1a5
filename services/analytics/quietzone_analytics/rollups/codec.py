"""Rollups as bytes: msgpack arrays with sorted maps, so that equal rollups are equal bytes.

The first item is the format's number. A newer release may add items at an array's end; those that it doesn't know are dropped here,
so it adds them only once no older release writes any more.
"""

import msgspec

from quietzone_analytics.rollups.dimensions import Dimension
from quietzone_analytics.rollups.domain import Day, Milestone, Month, Total
from quietzone_analytics.rollups.visitors import Visitors

_FORMAT = 1

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class UnreadableRollup(ValueError):
    """Bytes that are no rollup: something else wrote them, or they were damaged."""


class _Total(msgspec.Struct, array_like=True):
    format: int
    persons: int
    bots: int
    previews: int
    last_scan_ms: int
    milestones: list[tuple[int, int, int]]


class _Day(msgspec.Struct, array_like=True):
    format: int
    slots: list[int]
    bots: int
    previews: int
    dimensions: list[tuple[dict[str, int], int]]
    visitors: bytes


class _Month(msgspec.Struct, array_like=True):
    format: int
    persons: int
    bots: int
    previews: int


_total_decoder = msgspec.msgpack.Decoder(_Total)
_day_decoder = msgspec.msgpack.Decoder(_Day)
_month_decoder = msgspec.msgpack.Decoder(_Month)


def encode_total(total: Total) -> bytes:
    """A total's bytes."""
    milestones = [(milestone.threshold, milestone.offset, milestone.reached_at_ms) for milestone in total.milestones]
    return _encoder.encode((_FORMAT, total.persons, total.bots, total.previews, total.last_scan_ms, milestones))


def decode_total(data: bytes) -> Total:
    """The total in `data`; raises UnreadableRollup."""
    try:
        wire = _total_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UnreadableRollup(str(error)) from error
    return Total(wire.persons, wire.bots, wire.previews, wire.last_scan_ms, [Milestone(*milestone) for milestone in wire.milestones])


def encode_day(day: Day) -> bytes:
    """A day's bytes."""
    dimensions = [(dimension.counts, dimension.other) for dimension in day.dimensions]
    return _encoder.encode((_FORMAT, day.slots, day.bots, day.previews, dimensions, day.visitors.state()))


def decode_day(data: bytes) -> Day:
    """The day in `data`; raises UnreadableRollup."""
    try:
        wire = _day_decoder.decode(data)
        dimensions = tuple(Dimension(counts, other) for counts, other in wire.dimensions)
        return Day(wire.slots, wire.bots, wire.previews, dimensions, Visitors.from_state(wire.visitors))
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnreadableRollup(str(error)) from error


def encode_month(month: Month) -> bytes:
    """A month's bytes."""
    return _encoder.encode((_FORMAT, month.persons, month.bots, month.previews))


def decode_month(data: bytes) -> Month:
    """The month in `data`; raises UnreadableRollup."""
    try:
        wire = _month_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UnreadableRollup(str(error)) from error
    return Month(wire.persons, wire.bots, wire.previews)
