import pytest
from unit.analytics.scans import BOT, EDGE, NOON_MS, Seen, batch, closed, lost, record, seen

from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics.projection.consumers import Decoder, Unreadable
from quietzone_analytics.projection.domain import Closed, Lost
from quietzone_analytics.rollups import Batch, CodeKey, ScanClass
from quietzone_kit.bus import Record, partition_of


def decoded(value: scan_pb2.ScanBatch) -> Batch:
    said = Decoder(1).decode(record(value, 7))
    assert isinstance(said, Batch)
    return said


def broken(**changes: object) -> scan_pb2.ScanBatch:
    good: scan_pb2.ScanBatch = batch(seen(range(4, 7)), prev_seq=3)
    for name, value in changes.items():
        setattr(good, name, value)
    return good


def test_a_batch_has_an_item_of_each_column_for_each_scan() -> None:
    said = decoded(batch([Seen(4, visitor=9), Seen(6, code="door", scan_class=BOT, time_ms=NOON_MS - 5)], prev_seq=3))

    assert (said.source_id, said.born_ms, said.prev_seq, list(said.seqs)) == (EDGE, NOON_MS, 3, [4, 6])
    assert [said.keys[code] for code in said.codes] == [CodeKey("acme", "menu"), CodeKey("acme", "door")]
    assert [traits.scan_class for traits in said.traits] == [ScanClass.PERSON, ScanClass.BOT]
    assert (list(said.times_ms), list(said.visitors), said.offset) == ([NOON_MS, NOON_MS - 5], [9, 1], 7)


def test_absent_traits_have_a_name() -> None:
    empty = batch(seen([1]), prev_seq=0)
    empty.traits[0].CopyFrom(scan_pb2.Traits(scan_class=scan_pb2.SCAN_CLASS_PERSON))

    assert decoded(empty).traits[0].values == ("unknown", "unknown", "unknown", "unknown", "direct", "unknown")


def test_a_value_that_is_too_long_is_cut() -> None:
    long = batch(seen([1], country="x" * 300), prev_seq=0)

    assert decoded(long).traits[0].values[0] == "x" * 253


def test_losses_and_ends_are_read() -> None:
    decoder = Decoder(1)

    assert decoder.decode(record(lost(4, 9, prev_seq=3), 0)) == Lost(EDGE, NOON_MS, 3, 4, 9, "CRC differs")
    assert decoder.decode(record(closed(9, prev_seq=9), 1)) == Closed(EDGE, NOON_MS, 9)


def test_a_type_that_nobody_knows_yet_is_nothing() -> None:
    assert Decoder(1).decode(record(b"", 0, kind="quietzone.tracking.scans_forgotten")) is None


BROKEN = {
    "not protobuf": (b"\xff\xff", "Error parsing"),
    "no scans": (scan_pb2.ScanBatch(source_id=EDGE), "0 scans"),
    "another first number": (broken(first_seq=3), "it says 3 to 6"),
    "another last number": (broken(last_seq=9), "it says 4 to 9"),
    "numbers that don't rise": (batch([Seen(4), Seen(4), Seen(6)], prev_seq=3), "don't rise"),
    "a number that follows itself": (broken(prev_seq=4), "don't rise"),
    "a number that stores can't keep": (batch([Seen(2**63)], prev_seq=0), "don't rise"),
    "a source that is no UUID": (broken(source_id="edge-1"), "no UUIDv7"),
    "a source of another version": (broken(source_id="5f1f8bd6-56f3-4a30-a0f4-6a54a6a1f1e0"), "no UUIDv7"),
    "a source in capitals": (broken(source_id=EDGE.upper()), "36-character form"),
    "a time before 1970": (broken(base_time_ms=-1), "before 1970"),
    "a time after 9999": (broken(base_time_ms=253_402_300_800_000), "before 1970"),
    "a code with a separator": (batch(seen([1], code="me#nu"), prev_seq=0), "64 characters"),
    "an account with nothing": (batch(seen([1], account=""), prev_seq=0), "64 characters"),
    "a class without name": (batch(seen([1], scan_class=scan_pb2.SCAN_CLASS_UNSPECIFIED), prev_seq=0), "scan class 0"),
    "a loss that is no range": (lost(9, 8, prev_seq=3), "no range"),
    "a loss before its predecessor": (lost(3, 8, prev_seq=3), "no range"),
}


@pytest.mark.parametrize(("value", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_record_that_breaks_its_contract_is_unreadable(value: scan_pb2.ScanBatch | bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        Decoder(1).decode(record(value, 0))


@pytest.mark.parametrize("field", ["code", "traits"])
def test_a_scan_that_points_nowhere_is_unreadable(field: str) -> None:
    pointless = batch(seen([1]), prev_seq=0)
    setattr(pointless.scans[0], field, 1)

    with pytest.raises(Unreadable, match="doesn't name"):
        decoded(pointless)


def test_a_record_without_type_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="ce_type"):
        Decoder(1).decode(Record("tracking.scan.v1", 0, 0, NOON_MS, "", b"", ()))


def test_a_code_in_another_partition_than_its_own_is_unreadable() -> None:
    home = partition_of("menu", 16)

    with pytest.raises(Unreadable, match=f"belongs to partition {home}"):
        Decoder(16).decode(record(batch(seen([1]), prev_seq=0), 0, partition=(home + 1) % 16))
