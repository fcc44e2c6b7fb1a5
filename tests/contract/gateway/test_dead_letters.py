"""What operators do by REST with events that reactions gave up."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from contract.bus.conftest import from_start, read_all
from contract.gateway.served import Api, problem
from contract.reaction.world import Doings
from ports import NoJitter

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.dead_letters import DeadLetterDesk
from quietzone_gateway.rest.dead_letters import LETTER, READING, LettersInput, LetterView, ReadingView
from quietzone_kit.bus import Bus, BusUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import Patience, Which, run_reaction
from quietzone_kit.runtime import SystemClock
from quietzone_topics import GATEWAY_AUDIT_V1, QR_CODE_V1, REACTIONS

PATH = "/v1/operator/dead-letters"
HEALTH = f"{PATH}/qr.code.v1/qr-health"


async def react(bus: Bus, doings: Doings, until: str) -> None:
    """Have link health's place be taken by `doings`, until that has handled event `until`."""
    patience, clock = Patience(attempts=1), SystemClock()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_reaction(bus, QR_CODE_V1.name, "qr-health", doings, clock, randomness=NoJitter(), patience=patience))
        await doings.until(lambda: until in doings.done)
        task.cancel()


async def kill(api: Api, *ids: str, keys: Sequence[str] = ("menu",)) -> None:
    """Events that link health gave up."""
    doings = Doings()
    await api.bus.ensure([QR_CODE_V1])
    for event_id in ids:
        doings.fails(event_id)
    told = [(event_id, keys[at % len(keys)]) for at, event_id in enumerate(ids)] + [("last", "menu")]
    events = [Event(event_id, "/qr", "quietzone.qr.code", key, 1_700_000_000_000, b"menu") for event_id, key in told]
    await api.bus.publish([event.to_message(QR_CODE_V1.name, partition=0) for event in events])
    await react(api.bus, doings, "last")


async def letters(api: Api, query: str = "") -> Any:
    answer = await api.send("GET", HEALTH + query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_all_reactions_are_listed_with_what_waits_of_each(api: Api) -> None:
    await kill(api, "a", "b")

    items = (await api.send("GET", PATH)).json()["items"]

    assert [(each["topic"], each["group"]) for each in items] == [(topic.name, group) for topic, group in REACTIONS]
    assert [(each["group"], each["letters"], each["errors"]) for each in items if each["letters"]] == [
        ("qr-health", 2, {"ZeroDivisionError": 2})
    ]


async def test_a_letter_says_which_event_died_of_what(api: Api) -> None:
    await kill(api, "a")

    (found,) = (await letters(api))["items"]

    assert found.pop("died_at").startswith("20")
    assert found == {
        "id": "0-0-0",
        "key": "menu",
        "event_id": "a",
        "event_type": "quietzone.qr.code",
        "error": "ZeroDivisionError",
        "reason": "no luck with a",
        "attempts": 1,
        "redrives": 0,
        "bytes": 4,
    }


async def test_pages_hold_each_letter_once(api: Api) -> None:
    await kill(api, *"abc")

    first = await letters(api, "?limit=2")
    second = await letters(api, f"?limit=2&cursor={first['next_cursor']}")

    assert [each["event_id"] for each in first["items"] + second["items"]] == list("abc")
    assert second["next_cursor"] is None


async def test_redriven_letters_come_back_to_their_reaction(api: Api) -> None:
    await kill(api, *"abc", keys=("menu", "card"))

    answer = await api.send("POST", f"{HEALTH}/redrive", {"key": "menu"})
    doings = Doings()
    await react(api.bus, doings, "c")

    assert (answer.status_code, answer.json(), doings.done) == (200, {"letters": 2}, ["a", "c"])
    assert [each["event_id"] for each in (await letters(api))["items"]] == ["b"]


async def test_dropped_letters_wait_no_more(api: Api) -> None:
    await kill(api, "a", "b")

    some = await api.send("POST", f"{HEALTH}/drop", {"ids": ["0-0-0"]})
    left = [each["event_id"] for each in (await letters(api))["items"]]
    rest = await api.send("POST", f"{HEALTH}/drop", {"all": True})

    assert (some.json(), left, rest.json()) == ({"letters": 1}, ["b"], {"letters": 1})
    assert (await letters(api))["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"all": False},
        {"all": True, "key": "menu"},
        {"ids": []},
        {"ids": ["0-0-0"] * 101},
        {"ids": ["x" * 9_000]},
        {"all": "yes", "x": 1},
    ],
)
async def test_who_does_not_say_which_letters_settles_none(api: Api, body: Any) -> None:
    await kill(api, "a")

    answer = await api.send("POST", f"{HEALTH}/drop", body)

    assert problem(answer)[:2] == (400, "invalid-argument")
    assert len((await letters(api))["items"]) == 1


@pytest.mark.parametrize("reading", ["qr.code.v1/nobody", "tracking.source.v1/qr-health"])
async def test_a_reaction_that_there_is_not_has_no_letters(api: Api, reading: str) -> None:
    answers = [
        await api.send("GET", f"{PATH}/{reading}"),
        await api.send("POST", f"{PATH}/{reading}/redrive", {"all": True}),
        await api.send("POST", f"{PATH}/{reading}/drop", {"all": True}),
    ]

    assert [problem(answer)[:2] for answer in answers] == [(404, "not-found")] * 3


async def test_who_is_no_operator_sees_and_settles_none(api: Api) -> None:
    key = (await api.send("POST", "/v1/keys", {"name": "till", "scopes": ["codes:read"]})).json()["secret"]
    asked = [
        ("GET", PATH, None),
        ("GET", HEALTH, None),
        ("POST", f"{HEALTH}/redrive", {"all": True}),
        ("POST", f"{HEALTH}/drop", {"all": True}),
    ]

    answers = [await api.send(method, path, body, authorization=f"Bearer {key}") for method, path, body in asked]

    assert [problem(answer)[:2] for answer in answers] == [(403, "permission-denied")] * 4


async def test_who_settles_letters_stands_in_the_audit_log(api: Api) -> None:
    await kill(api, "a", "b")

    for act, body in (("redrive", {"ids": ["0-0-0"]}), ("drop", {"all": True})):
        assert (await api.send("POST", f"{HEALTH}/{act}", body)).json() == {"letters": 1}

    [told] = (await read_all(await from_start(await api.bus.follow(GATEWAY_AUDIT_V1.name)), 2)).values()
    entries = [audit_pb2.AuditEvent.FromString(record.value) for record in told]
    assert [(each.account_id, each.action, each.target, each.after) for each in entries] == [
        ("first", "dead-letters.redriven", "reaction:qr.code.v1/qr-health", '{"ids":["0-0-0"]}'),
        ("first", "dead-letters.dropped", "reaction:qr.code.v1/qr-health", '{"all":true}'),
    ]
    assert {each.subject.partition(":")[0] for each in entries} == {"key"}


async def test_a_bus_that_is_gone_is_told_as_such() -> None:
    class Gone:
        async def bounds(self, topic: str, partition: int) -> object:
            raise BusUnavailable(f"{topic}/{partition} is gone")

    desk = DeadLetterDesk(Gone(), SystemClock(), NoJitter())  # type: ignore[arg-type] # what it asks first

    with pytest.raises(Unavailable, match="do it again"):
        await desk.summaries()


def test_the_examples_are_as_the_models_say() -> None:
    assert ReadingView.model_validate(READING).model_dump(mode="json") == READING
    assert LetterView.model_validate(LETTER).model_dump(mode="json") == LETTER


def test_ids_are_meant_each_once() -> None:
    assert LettersInput(ids=["3-812-0", "3-812-0"]).which() == Which(ids=frozenset({"3-812-0"}))
