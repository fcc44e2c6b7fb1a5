"""What waits in memory: each once, in turns, and nothing of before its outcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Hands

from quietzone_kit.breaker import FAILURES
from quietzone_kit.documents import Stored
from quietzone_notification.delivery.deliveries.repository import Held, Waiting, body_of, waiting_of
from quietzone_notification.delivery.domain import Channel, NewDelivery, taken
from quietzone_notification.delivery.sender import lanes as _lanes
from quietzone_notification.delivery.sender.lanes import AGAIN_MS, PAGE, Lane, Lanes

NOW_MS = 1_000_000


@pytest.fixture
def clock() -> Hands:
    return Hands(since_ms=NOW_MS)


@pytest.fixture
def lanes(clock: Hands) -> Lanes:
    return Lanes(clock, at_once=2, of_account=1_000)


def all_may(_lane: Lane) -> bool:
    return True


def all_have_room(_kind: str) -> bool:
    return True


def held(name: str, destination: str = "a", account_id: str = "north", due_ms: int = NOW_MS, kind: Channel = "webhook") -> Held:
    new = NewDelivery(
        id=name,
        account_id=account_id,
        cause="rule:r:0",
        event_id="e",
        event_type="t",
        kind=kind,
        destination=destination,
        body=b"1",
        content_type="application/json",
        headers=(),
        max_attempts=None,
        max_age_ms=None,
        created_ms=NOW_MS,
    )
    delivery = taken(new, due_ms)
    return Held(delivery, Stored(body_of(delivery), 1))


def look(lanes: Lanes, *found: Held) -> Lane:
    """A lane whose look gave these."""
    lane = lanes.heard(waiting_of(found[0].delivery))
    lanes.begin_look(lane)
    lanes.looked(lane, list(found), limit=PAGE)
    lanes.end_look(lane)
    return lane


def begun(lanes: Lanes) -> list[str]:
    """All that may begin now."""
    names = []
    while (turn := lanes.next(all_may, all_have_room)) is not None:
        names.append(turn[1].delivery.delivery_id)
    return names


class Desk:
    """Begins as a sender does, no more of a kind than `most` at once."""

    def __init__(self, lanes: Lanes, most: int) -> None:
        self.lanes = lanes
        self.most = most
        self.under_way: list[tuple[Lane, Held]] = []

    def of_kind(self, kind: str) -> int:
        return sum(lane.kind == kind for lane, _ in self.under_way)

    def begin(self) -> list[str]:
        before = len(self.under_way)
        while (turn := self.lanes.next(all_may, lambda kind: self.of_kind(kind) < self.most)) is not None:
            self.under_way.append(turn)
        return [held.delivery.delivery_id for _, held in self.under_way[before:]]

    def end(self, at: int = 0) -> None:
        self.lanes.ended(*self.under_way.pop(at))


def test_where_one_kind_has_no_room_others_begin(lanes: Lanes) -> None:
    for name in "abc":
        look(lanes, held(f"mail-{name}", name, kind="mail"))
    look(lanes, held("hook", "d"))
    desk = Desk(lanes, most=2)

    assert desk.begin() == ["mail-a", "hook", "mail-b"]
    desk.end()
    assert desk.begin() == ["mail-c"]


def test_where_a_kind_has_no_room_its_accounts_still_take_turns(lanes: Lanes) -> None:
    for number in range(50):
        look(lanes, held(f"n{number}", f"n{number}", kind="mail"))
    desk = Desk(lanes, most=2)
    desk.begin()
    look(lanes, held("south", "s", "south", kind="mail"))
    begun = []
    for _ in range(2):
        desk.end()
        begun += desk.begin()

    assert "south" in begun


def test_a_lane_that_waited_aside_and_has_nothing_any_more_gives_its_turn_to_the_next(lanes: Lanes) -> None:
    for name in "abcd":
        look(lanes, held(f"mail-{name}", name, kind="mail"))
    desk = Desk(lanes, most=1)
    desk.begin()
    lanes.forget(lanes.heard(waiting_of(held("mail-b", "b", kind="mail").delivery)))
    desk.end()

    assert desk.begin() == ["mail-c"]


def test_a_lane_that_is_refused_its_turn_gives_it_to_the_next(lanes: Lanes) -> None:
    for name in "abc":
        look(lanes, held(f"mail-{name}", name, kind="mail"))
    first = lanes.next(all_may, all_have_room)
    assert first is not None
    assert lanes.next(all_may, lambda _kind: False) is None
    lanes.ended(*first)

    turn = lanes.next(lambda lane: lane.name != "mail:b", all_have_room)

    assert turn is not None
    assert turn[0].name == "mail:c"


@given(data=st.data())
def test_everything_begins_once_whatever_ends_when(data: st.DataObject) -> None:
    lanes = Lanes(Hands(since_ms=NOW_MS), at_once=2, of_account=data.draw(st.integers(1, 4)))
    desk, names = Desk(lanes, most=data.draw(st.integers(1, 4))), []
    destinations = data.draw(st.lists(st.tuples(st.sampled_from(("mail", "webhook")), st.integers(1, 3)), max_size=8))
    for number, (kind, count) in enumerate(destinations):
        some = [held(f"{number}-{each}", f"d{number}", account_id=f"a{number % 3}", kind=kind) for each in range(count)]  # type: ignore[arg-type] # one of them
        names += [each.delivery.delivery_id for each in some]
        look(lanes, *some)
    begun = desk.begin()
    while desk.under_way:
        assert max(desk.of_kind("mail"), desk.of_kind("webhook")) <= desk.most
        desk.end(data.draw(st.integers(0, len(desk.under_way) - 1)))
        begun += desk.begin()

    assert sorted(begun) == sorted(names)


def test_a_lane_begins_no_more_at_once_than_it_may(lanes: Lanes) -> None:
    look(lanes, held("1"), held("2"), held("3"))

    assert begun(lanes) == ["1", "2"]


def test_accounts_take_turns_and_within_one_its_lanes_do(lanes: Lanes) -> None:
    look(lanes, held("n1", "a"), held("n2", "a"))
    look(lanes, held("m1", "b"), held("m2", "b"))
    look(lanes, held("s1", "c", "south"), held("s2", "c", "south"))

    assert begun(lanes) == ["n1", "s1", "m1", "s2", "n2", "m2"]


def test_what_is_under_way_is_not_taken_from_the_store_a_second_time(lanes: Lanes) -> None:
    lane = look(lanes, held("1"))
    begun(lanes)
    look(lanes, held("1"), held("2"))

    assert [each.delivery.delivery_id for each in lane.waiting] == ["2"]


def test_an_answer_of_the_store_from_before_an_outcome_sends_nothing_twice(lanes: Lanes) -> None:
    lane = look(lanes, held("1"))
    _, first = lanes.next(all_may, all_have_room) or (lane, held("none"))
    lanes.begin_look(lane)
    lanes.ended(lane, first)
    lanes.looked(lane, [first], limit=PAGE)
    lanes.end_look(lane)

    assert begun(lanes) == []
    assert lane.look_ms == NOW_MS + AGAIN_MS  # if it is due again after all, that is found


def test_what_is_due_later_is_looked_for_then(lanes: Lanes, clock: Hands) -> None:
    lane = look(lanes, held("1"), held("2", due_ms=NOW_MS + 5_000))
    begun(lanes)
    lanes.rung()
    clock.seconds += 5

    assert lanes.rung() == [lane]
    assert lanes.wants(lane)


def test_a_lane_whose_receiver_never_answers_rests_while_others_go_on(lanes: Lanes) -> None:
    dead = look(lanes, *(held(f"{number}") for number in range(5)))
    for _ in range(FAILURES):
        dead.breaker.failed()
    look(lanes, held("well", "b"))

    assert begun(lanes) == ["well"]


def test_a_paused_lane_goes_on_when_its_time_has_come(lanes: Lanes, clock: Hands) -> None:
    lane = look(lanes, held("1"))
    lanes.pause(lane, 1_000)
    early = begun(lanes)
    clock.seconds += 1
    for each in lanes.rung():
        lanes.queue(each)

    assert (early, begun(lanes)) == ([], ["1"])


def test_a_lane_with_nothing_is_forgotten_when_its_last_has_ended(lanes: Lanes) -> None:
    lane = look(lanes, held("1"))
    _, first = lanes.next(all_may, all_have_room) or (lane, held("none"))
    lanes.ended(lane, first)

    assert lanes.of_shard(lane.shard) == []


def test_a_lane_in_which_nothing_was_found_is_forgotten(lanes: Lanes) -> None:
    lane = lanes.heard(waiting_of(held("1").delivery))
    lanes.begin_look(lane)
    lanes.looked(lane, [], limit=PAGE)
    lanes.end_look(lane)

    assert lanes.of_shard(lane.shard) == []


def test_beyond_so_many_bytes_a_lane_has_one_delivery_at_a_time(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lanes.page()
    monkeypatch.setattr(_lanes, "HELD_BYTES", 2)
    full = look(lanes, held("1"), held("2"))
    while_full = lanes.page()
    begun(lanes)

    assert (before, while_full, lanes.page()) == (PAGE, 1, PAGE)
    assert full.under_way == 2


def test_what_is_forgotten_makes_room(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lanes, "HELD_BYTES", 2)
    lanes.forget(look(lanes, held("1"), held("2")))

    assert lanes.page() == PAGE


def test_of_another_sender_s_shard_nothing_is_begun(lanes: Lanes) -> None:
    look(lanes, held("1"))

    assert lanes.next(lambda _lane: False, all_have_room) is None


def test_a_lane_heard_of_twice_is_looked_at_when_the_first_is_due(lanes: Lanes) -> None:
    lanes.heard(Waiting(1, "webhook:a", "north", NOW_MS + 9))

    assert lanes.heard(Waiting(1, "webhook:a", "north", NOW_MS + 5)).look_ms == NOW_MS + 5
    assert lanes.next_alarm_ms() == NOW_MS + 5


def test_an_account_whose_receivers_hang_leaves_room_for_others(clock: Hands) -> None:
    lanes = Lanes(clock, at_once=2, of_account=3)
    hanging = [look(lanes, held(f"{n}", destination=f"d{n}")) for n in range(5)]
    assert len(begun(lanes)) == 3

    look(lanes, held("other", destination="o", account_id="south"))
    assert begun(lanes) == ["other"]

    lanes.ended(hanging[0], held("0", destination="d0"))
    assert len(begun(lanes)) == 1


def test_an_account_whose_receivers_hang_has_room_for_another_kind(clock: Hands) -> None:
    lanes = Lanes(clock, at_once=2, of_account=1)
    look(lanes, held("1", destination="a"))
    look(lanes, held("2", destination="b"))
    look(lanes, held("3", destination="a@example.com", kind="mail"))

    assert sorted(begun(lanes)) == ["1", "3"]


def test_what_was_stored_just_now_begins_without_a_look(lanes: Lanes) -> None:
    for name in ("1", "2"):
        lanes.told(waiting_of(held(name).delivery), held(name))

    assert begun(lanes) == ["1", "2"]
    assert lanes.next_alarm_ms() is None


def test_what_was_stored_just_now_waits_for_what_was_due_before_it(lanes: Lanes) -> None:
    first = held("1", due_ms=NOW_MS - 1)
    lane = lanes.heard(waiting_of(first.delivery))

    lanes.told(waiting_of(held("2").delivery), held("2"))

    assert (begun(lanes), lane.look_ms) == ([], NOW_MS - 1)


def test_what_was_stored_while_the_store_is_asked_is_asked_for_again(lanes: Lanes) -> None:
    lane = lanes.heard(waiting_of(held("1").delivery))
    lanes.begin_look(lane)

    lanes.told(waiting_of(held("2").delivery), held("2"))
    lanes.looked(lane, [held("1"), held("2")], limit=PAGE)
    lanes.end_look(lane)

    assert begun(lanes) == ["1", "2"]


def test_no_more_of_a_lane_is_kept_than_a_look_would_bring(lanes: Lanes) -> None:
    for number in range(PAGE + 1):
        lanes.told(waiting_of(held(f"{number}").delivery), held(f"{number}"))

    [lane] = lanes.rung()
    assert (len(lane.waiting), lane.look_ms) == (PAGE, NOW_MS)


def test_what_is_stored_for_later_is_looked_for_then(lanes: Lanes) -> None:
    later = held("1", due_ms=NOW_MS + 5)

    lanes.told(waiting_of(later.delivery), later)

    assert (begun(lanes), lanes.next_alarm_ms()) == ([], NOW_MS + 5)


def test_what_has_ended_when_it_is_told_of_is_asked_for(lanes: Lanes) -> None:
    """Whoever stores many at once tells of them when all are stored: the first may have been found, sent and ended by then."""
    lane = look(lanes, held("1"))
    assert begun(lanes) == ["1"]
    lanes.ended(lane, held("1"))

    lanes.told(waiting_of(held("1").delivery), held("1"))

    assert (begun(lanes), lanes.next_alarm_ms()) == ([], NOW_MS)


def test_of_what_has_ended_so_much_is_remembered(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lanes, "ENDED_LATELY", 2)
    for name in ("1", "2", "3"):
        lane = look(lanes, held(name))
        assert begun(lanes) == [name]
        lanes.ended(lane, held(name))

    for name in ("1", "3"):
        lanes.told(waiting_of(held(name).delivery), held(name))

    assert begun(lanes) == ["1"]


def test_what_begins_anew_while_it_is_under_way_is_looked_for(lanes: Lanes) -> None:
    lanes.told(waiting_of(held("1").delivery), held("1"))
    assert begun(lanes) == ["1"]

    lanes.told(waiting_of(held("1").delivery), held("1"))

    assert (begun(lanes), lanes.next_alarm_ms()) == ([], NOW_MS)
