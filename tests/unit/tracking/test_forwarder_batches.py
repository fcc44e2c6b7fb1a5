from hypothesis import given, settings
from hypothesis import strategies as st
from unit.tracking.forwarder_world import NOW_MS, scan, source_id

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.bus import partition_of
from quietzone_tracking.forwarder.batches import MAX_BYTES, MAX_SCANS, Batch, batches
from quietzone_tracking.forwarder.enrich import Client, ScanClass, Traits
from quietzone_tracking.forwarder.events import lost_messages, scans_message
from quietzone_tracking.spool import Frame, SpooledScan

SOURCE = source_id(1)
PARTITIONS = 4


def traits(browser: str) -> Traits:
    return Traits(ScanClass.PERSON, "DE", "phone", browser, "iOS", "direct", "de")


def frames_of(*runs: list[SpooledScan]) -> list[Frame]:
    frames, seq = [], 1
    for scans in runs:
        frames.append(Frame(seq, 0, tuple(scans), 0, 0))
        seq += len(scans)
    return frames


def made(frames: list[Frame], *, sent: list[int] | None = None) -> list[Batch]:
    def new_each_time(client: Client) -> Traits:
        return traits(client[0].decode())

    return list(
        batches(SOURCE, frames, sent or [0] * PARTITIONS, partition_of=lambda code: partition_of(code, PARTITIONS), traits_of=new_each_time)
    )


scans = st.builds(
    lambda code, browser, time: scan(code, user_agent=browser.encode(), time_ms=NOW_MS + time),
    st.integers(0, 9),
    st.sampled_from(["Chrome", "Firefox", "Safari"]),
    st.integers(-1000, 1000),
)


@settings(deadline=None)
@given(st.lists(st.lists(scans, min_size=1, max_size=20), max_size=10))
def test_every_scan_is_in_one_batch_of_its_codes_partition_in_order(runs: list[list[SpooledScan]]) -> None:
    found = [
        (batch.partition, seq, batch.codes[code].code_id, batch.traits[trait].browser, time_ms, visitor)
        for batch in made(frames_of(*runs))
        for seq, code, trait, time_ms, visitor in batch.rows
    ]

    wanted = [
        (partition_of(each.code_id, PARTITIONS), seq, each.code_id, each.user_agent.decode(), each.time_ms, each.visitor)
        for seq, each in enumerate((each for run in runs for each in run), 1)
    ]
    assert sorted(found) == sorted(wanted)
    assert all([row[0] for row in batch.rows] == sorted(row[0] for row in batch.rows) for batch in made(frames_of(*runs)))


@settings(deadline=None)
@given(st.lists(st.lists(scans, min_size=1, max_size=20), min_size=1, max_size=10), st.integers(0, 50))
def test_each_batch_names_the_number_before_it(runs: list[list[SpooledScan]], before: int) -> None:
    frames = [Frame(frame.first_seq + before, 0, frame.scans, 0, 0) for frame in frames_of(*runs)]
    last = [before] * PARTITIONS
    for batch in made(frames, sent=last):
        assert batch.prev_seq == last[batch.partition]
        last[batch.partition] = batch.last_seq


@settings(deadline=None)
@given(st.lists(scans, min_size=1, max_size=60))
def test_a_batch_has_each_code_and_each_combination_of_traits_once(run: list[SpooledScan]) -> None:
    for batch in made(frames_of(run)):
        assert len(set(batch.codes)) == len(batch.codes)
        assert len(set(batch.traits)) == len(batch.traits)


def test_a_batch_holds_at_most_ten_thousand_scans() -> None:
    runs = [[scan(1)] * 1000] * 25

    assert [len(batch.rows) for batch in made(frames_of(*runs))] == [MAX_SCANS, MAX_SCANS, 5000]


def test_a_batch_of_the_largest_scans_stays_within_the_bound_of_the_contract() -> None:
    largest = [SpooledScan(f"{code:036}", "a" * 64, NOW_MS * 4, 2**64 - 1, b"", f"{code:064}".encode(), b"", b"") for code in range(20_000)]
    found = list(
        batches(
            SOURCE,
            [Frame(2**50, 0, tuple(largest), 0, 0)],
            [2**50 - 1],
            partition_of=lambda _: 0,
            traits_of=lambda client: Traits(ScanClass.BOT, "unknown", "unknown", client[0].decode(), "b" * 64, "r" * 253, "unknown"),
        )
    )

    assert len(found) > 1
    assert max(len(scans_message(batch).value) for batch in found) <= MAX_BYTES + 1000


@settings(deadline=None)
@given(st.lists(scans, min_size=1, max_size=30))
def test_what_is_published_says_what_the_batch_says(run: list[SpooledScan]) -> None:
    for batch in made(frames_of(run)):
        message = scans_message(batch)
        value = scan_pb2.ScanBatch.FromString(message.value)

        rows = [(each.seq, each.code, each.traits, value.base_time_ms + each.time_offset_ms, each.visitor) for each in value.scans]
        assert (message.partition, message.key, rows) == (batch.partition, SOURCE, list(batch.rows))
        assert [(code.code_id, code.account_id) for code in value.codes] == [(code.code_id, code.account_id) for code in batch.codes]
        assert [each.browser for each in value.traits] == [each.browser for each in batch.traits]


def test_an_event_that_is_made_again_is_the_same() -> None:
    batch = made(frames_of([scan(1)] * 3))[0]

    first, second = scans_message(batch), scans_message(batch)

    assert first == second
    assert dict(first.headers)["ce_id"] == f"{SOURCE}:{batch.partition}:1-3".encode()


def test_the_reason_of_a_loss_is_cut_to_the_contracts_bound() -> None:
    message = lost_messages(SOURCE, [5], 6, 7, reason="x" * 1000, time_ms=NOW_MS)[0]

    assert len(scan_pb2.ScansLost.FromString(message.value).reason) == 500
