"""The owner is told of each new code, once; of many together."""

from collections.abc import Sequence

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.notification.reactions.world import ADA, DASHBOARD, World, created, data
from unit.notification.world import BORN_MS, OURS

from quietzone.qr.v1 import code_pb2
from quietzone_kit.documents import Collection, Put
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.tasks import Again
from quietzone_notification.people.domain import Account
from quietzone_notification.reactions import tasks
from quietzone_notification.reactions.consumers import TellOfCreated
from quietzone_notification.reactions.domain import AN_HOUR, HOUR_MS, KEPT_MS, LATE_MS, NAMED
from quietzone_notification.reactions.repository import HELD, HOURS
from quietzone_notification.reactions.tasks import ForgetNews, SendTogether
from quietzone_notification.reactions.use_cases import SEND
from quietzone_topics import TYPE_ANALYTICS_MILESTONE, TYPE_QR_CODE

MINUTE_MS = 60_000


async def make(world: World, number: int, *, first: int = 0, at_ms: int = BORN_MS) -> None:
    """So many codes, one after the other."""
    for code in range(first, first + number):
        await world.created.react(created(f"c{code}", f"Code {code}", at_ms=at_ms))


async def test_the_owner_is_told_of_a_new_code(world: World) -> None:
    await world.created.react(created())

    (mail,) = world.mails()
    assert (mail.to, mail.account_id, mail.letter.kind, mail.letter.template) == (ADA, OURS, "created", "created")
    assert data(mail.letter) == {
        "title": "Menu",
        "destination": "https://example.com/menu",
        "created": "2 March 2026, 10:00 UTC",
        "name": "Ada",
        "link": DASHBOARD,
    }


async def test_a_code_without_a_title_is_untitled(world: World) -> None:
    await world.created.react(created(title=""))

    assert world.mails()[0].letter.data["title"] == "Untitled"


async def test_an_event_that_comes_again_is_told_once(world: World) -> None:
    for _ in range(3):
        await world.created.react(created())
        world.clock.seconds += 5_000

    assert len(world.mails()) == 1


async def test_an_event_whose_mail_was_not_taken_is_told_when_it_comes_again(world: World) -> None:
    world.outbound.failures = 1
    with pytest.raises(Unavailable):
        await world.created.react(created())

    await world.created.react(created())

    assert len(world.mails()) == 1


async def test_where_it_is_switched_off_nobody_is_told(world: World) -> None:
    assert not TellOfCreated(world.teller, is_on=False).knows(TYPE_QR_CODE)


@pytest.mark.parametrize("kind", [code_pb2.CHANGE_KIND_CHANGED, code_pb2.CHANGE_KIND_DELETED])
async def test_a_change_is_no_new_code(world: World, kind: "code_pb2.ChangeKind.ValueType") -> None:
    told = code_pb2.CodeEvent(kind=kind, after=code_pb2.Code(id="menu", account_id=OURS))

    await world.created.react(Event("menu.2", "/quietzone/qr", TYPE_QR_CODE, "menu", BORN_MS, told.SerializeToString()))

    assert world.mails() == []


async def test_an_account_without_an_owner_who_can_be_written_to_gets_nothing(world: World) -> None:
    await world.created.react(created(account_id="first"))

    assert world.mails() == []


async def test_a_suspended_account_gets_nothing(world: World) -> None:
    account = await world.people.account(OURS)
    assert account is not None
    await world.people.keep_account(Account(OURS, "Ours", account.members, is_suspended=True, created_at_ms=1, revision=9))

    await world.created.react(created())

    assert world.mails() == []


async def test_an_import_becomes_some_mails_and_one_about_the_rest(world: World) -> None:
    await make(world, AN_HOUR + 30)
    assert len(world.mails()) == AN_HOUR

    await world.hour_ends()

    *single, together = world.mails()
    assert len(single) == AN_HOUR
    assert (together.letter.kind, together.letter.template) == ("created", "notice")
    assert together.letter.data["subject"] == "30 more QR codes created"


async def test_the_mail_about_many_names_the_first_and_counts_the_others(world: World) -> None:
    await make(world, AN_HOUR + 30)

    await world.hour_ends()

    said = world.mails()[-1].letter.data
    paragraphs = said["paragraphs"]
    assert isinstance(paragraphs, list)
    assert len(paragraphs) == 1 + NAMED + 1
    assert paragraphs[-1] == f"And {30 - NAMED} more."
    assert all(str(line).startswith("Code ") for line in paragraphs[1:-1])
    assert said["link"] == DASHBOARD


async def test_an_import_that_comes_again_is_told_once(world: World) -> None:
    for _ in range(2):
        await make(world, AN_HOUR + 5)
    await world.hour_ends()

    await make(world, AN_HOUR + 5)
    await world.hour_ends()

    assert len(world.mails()) == AN_HOUR + 1


async def test_the_next_hour_has_room_for_mails_again(world: World) -> None:
    await make(world, AN_HOUR + 1)

    await make(world, 1, first=1_000, at_ms=BORN_MS + HOUR_MS)

    assert len(world.mails()) == AN_HOUR + 1


async def test_what_is_told_together_is_told_at_the_end_of_the_hour_and_not_before(world: World) -> None:
    await make(world, AN_HOUR + 1)
    world.clock.seconds += 3_590

    assert await world.due(SEND) == []


async def test_events_that_come_late_are_told_at_the_end_of_the_hour_in_which_they_come(world: World) -> None:
    await make(world, AN_HOUR + 1)
    await world.hour_ends()

    await make(world, 3, first=1_000)
    await world.hour_ends()

    assert world.mails()[-1].letter.data["subject"] == "3 more QR codes created"


async def test_with_a_clock_that_is_behind_nothing_is_left_untold(world: World) -> None:
    await make(world, AN_HOUR + 1)
    await world.hour_ends()
    world.clock.seconds -= 3_700

    await make(world, 2, first=1_000)
    world.clock.seconds += 3_700
    await world.hour_ends()

    assert world.mails()[-1].letter.data["subject"] == "2 more QR codes created"


async def test_a_crash_between_telling_together_and_its_end_tells_nothing_twice(world: World) -> None:
    await make(world, AN_HOUR + 4)
    world.clock.seconds += 3_700
    (task,) = await world.due(SEND)

    for _ in range(2):
        await world.teller.tell_together(OURS, "created", task.task_id)

    assert len(world.mails()) == AN_HOUR + 1


async def test_what_was_gathered_for_a_telling_that_crashed_is_told_with_it(world: World) -> None:
    await make(world, AN_HOUR + 4)
    await world.news.gather(OURS, "created", "telling", most=2)
    await make(world, 1, first=1_000)

    assert await world.teller.tell_together(OURS, "created", "telling") == 5


async def test_what_comes_between_a_crash_and_the_next_run_is_told_and_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(world, AN_HOUR + 4)

    async def killed(telling: str) -> None:
        raise Unavailable(f"killed before {telling} was settled")

    with monkeypatch.context() as crash:
        crash.setattr(world.news, "settle", killed)
        with pytest.raises(Unavailable):
            await world.teller.tell_together(OURS, "created", "telling")
    await make(world, 2, first=1_000)
    await world.teller.tell_together(OURS, "created", "telling")

    subjects = [mail.letter.data["subject"] for mail in world.mails()[AN_HOUR:]]
    assert subjects == ["4 more QR codes created", "2 more QR codes created"]


async def test_a_run_that_was_killed_while_it_settled_tells_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(world, AN_HOUR + 4)
    bulk = world.documents.bulk
    written = 0

    async def killed(collection: Collection, puts: Sequence[Put]) -> object:
        nonlocal written
        settling = not any("told_in" in put.body for put in puts)
        outcomes = await bulk(collection, puts[-1:] if settling else puts)
        if settling:
            written += 1
            raise Unavailable("killed with one of them settled")
        return outcomes

    with monkeypatch.context() as crash:
        crash.setattr(world.documents, "bulk", killed)
        with pytest.raises(Unavailable):
            await world.teller.tell_together(OURS, "created", "telling")
    await world.teller.tell_together(OURS, "created", "telling")

    assert (written, len(world.mails())) == (1, AN_HOUR + 1)


async def test_what_is_more_than_one_mail_tells_is_told_by_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MAX_TOGETHER", 4)
    await make(world, AN_HOUR + 4)
    world.clock.seconds += 3_700

    (result,) = await world.do(SEND, SendTogether(world.teller))

    assert isinstance(result, Again)


async def test_what_is_a_week_old_when_it_comes_is_told_of_never(world: World) -> None:
    await make(world, AN_HOUR + 4, at_ms=BORN_MS - LATE_MS)

    assert world.mails() == []
    assert not (await world.documents.scan(HELD, limit=1)).items


async def test_what_is_late_is_told_before_it_is_forgotten(world: World) -> None:
    await make(world, AN_HOUR + 4, at_ms=BORN_MS - LATE_MS + HOUR_MS)
    await world.do_forget(ForgetNews(world.news, world.clock))
    await world.hour_ends()

    assert len(world.mails()) == AN_HOUR + 1


async def test_accounts_have_hours_of_their_own(world: World) -> None:
    await world.own("bob", "bob@example.com", "theirs")
    await make(world, AN_HOUR + 1)

    await world.created.react(created("theirs", account_id="theirs"))

    assert world.mails()[-1].to == "bob@example.com"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, AN_HOUR + 6), max_size=120))
async def test_in_whatever_order_and_however_often_events_come_each_is_told_once(order: list[int]) -> None:
    world = await World().open()
    for code in order:
        await world.created.react(created(f"c{code}", f"Code {code}"))
    await world.hour_ends()

    single = [str(mail.letter.data["title"]) for mail in world.mails() if mail.letter.template == "created"]
    together = [line for mail in world.mails() if mail.letter.template == "notice" for line in mail.letter.data["paragraphs"][1:]]  # type: ignore[index]

    told = single + [str(line).partition(":")[0] for line in together]
    assert sorted(told) == sorted({f"Code {code}" for code in order})
    await world.documents.close()


async def test_what_was_told_is_forgotten_when_nothing_can_ask_for_it_any_more(world: World) -> None:
    await make(world, AN_HOUR + 3)
    await world.hour_ends()
    forget = ForgetNews(world.news, world.clock)

    async def left() -> int:
        return sum([len((await world.documents.scan(each, limit=100)).items) for each in (HOURS, HELD)])

    await world.do_forget(forget)
    assert await left() == 4

    world.clock.seconds += KEPT_MS / 1_000
    await world.do_forget(forget)
    assert await left() == 0


@pytest.mark.parametrize(("payload", "error"), [(b"", Unreadable), (b"\xff", DecodeError)])
async def test_an_event_of_no_code_is_dead_at_once(world: World, payload: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await world.created.react(Event("x", "/quietzone/qr", TYPE_QR_CODE, "x", BORN_MS, payload))


def test_other_events_are_none_of_its_business(world: World) -> None:
    assert not world.created.knows(TYPE_ANALYTICS_MILESTONE)
