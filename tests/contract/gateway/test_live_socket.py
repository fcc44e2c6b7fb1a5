"""`/v1/ws`: the protocol that docs/live.md describes."""

import json
from collections.abc import AsyncIterator

import pytest
import websockets
from contract.gateway.live_served import PAGE, Served, serving
from unit.gateway.live_world import MENU

from quietzone_gateway.live import door
from quietzone_gateway.live.domain import Watcher


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(gateway_live_origins=(PAGE,)) as served:
        yield served


async def test_a_subscription_is_named_and_tells_events(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="menus", kinds=["codeCreated"])
        kind, answer = await socket.hear()
        await served.services.created()

        name, event = await socket.hear()

    assert (kind, answer["id"], name, event["id"]) == ("subscribed", "menus", "event", "menus")
    assert event["event"]["kind"] == "codeCreated"
    assert event["cursor"] not in ("", answer["cursor"])


async def test_a_subscription_without_a_name_gets_a_number(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="1")
        await socket.say("subscribe")

        assert [(await socket.hear())[1]["id"] for _ in range(2)] == ["1", "2"]


async def test_several_subscriptions_tell_each_their_own(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="codes", kinds=["codeCreated"])
        await socket.say("subscribe", id="scans", kinds=["scanned"])
        await socket.hear()
        await socket.hear()
        await served.services.created()
        await served.services.scanned(1)

        events = [(await socket.hear())[1] for _ in range(2)]

    assert {event["id"]: event["event"]["kind"] for event in events} == {"codes": "codeCreated", "scans": "scanned"}


async def test_after_unsubscribe_nothing_more_is_told(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="codes")
        await socket.say("unsubscribe", id="codes")
        assert [await socket.hear() for _ in range(2)][1] == ("unsubscribed", {"id": "codes"})
        await served.services.created()
        await socket.say("ping")

        assert await socket.hear() == ("pong", {})


async def test_a_cursor_resumes(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="codes", kinds=["codeUpdated"])
        cursor = (await socket.hear())[1]["cursor"]
    await served.services.changed(2)

    async with served.socket() as again:
        await again.say("subscribe", id="codes", kinds=["codeUpdated"], cursor=cursor)
        said = [await again.hear() for _ in range(2)]

    assert [kind for kind, _ in said] == ["subscribed", "event"]
    assert said[1][1]["event"]["id"] == f"{MENU}.2"


async def test_a_ping_of_ours_brings_the_newest_cursors(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="codes")
        await socket.hear()
        for connection in served.live.registry.connections():
            connection.ping()

        said = json.loads(await socket.raw.recv())

    assert (said["type"], list(said["data"]["cursors"])) == ("ping", ["codes"])


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("{}", ["message"]),
        ("no JSON", ["message"]),
        ('"text"', ["message"]),
        ('{"type":"publish","data":{}}', ["message"]),
        ('{"type":"subscribe","data":{"kinds":["everything"]}}', ["subscribe.data.kinds.0"]),
        ('{"type":"subscribe","data":{"where":{"title":"x"}}}', ["subscribe.data.where.title"]),
        ('{"type":"subscribe","data":{"where":{"state":"aktive"}}}', ["subscribe.data.where.state"]),
        ('{"type":"subscribe","data":{"cursor":"rubbish"}}', ["cursor"]),
        ('{"type":"unsubscribe","data":{}}', ["unsubscribe.data.id"]),
        ('{"type":"connect","data":{"token":"again"}}', ["type"]),
    ],
)
async def test_what_is_wrong_in_a_message_is_named_and_the_connection_stays(served: Served, message: str, fields: list[str]) -> None:
    async with served.socket() as socket:
        await socket.raw.send(message)
        kind, problem = await socket.hear()
        await socket.say("ping")

        assert (kind, problem["status"], [error["field"] for error in problem["errors"]]) == ("error", 400, fields)
        assert await socket.hear() == ("pong", {})


async def test_an_error_names_the_subscription_that_it_is_about(served: Served) -> None:
    served.known.watchers["reader"] = Watcher("first", "user:1", frozenset({"codes:read"}))

    async with served.socket("reader") as socket:
        await socket.say("subscribe", id="scans", kinds=["scanned"])
        kind, problem = await socket.hear()

    assert (kind, problem["status"], problem["id"]) == ("error", 403, "scans")


async def test_a_connection_has_only_so_many_subscriptions() -> None:
    async with serving(gateway_live_subscriptions=1) as served, served.socket() as socket:
        await socket.say("subscribe")
        await socket.say("subscribe")

        assert [(kind, data.get("status")) for kind, data in [await socket.hear() for _ in range(2)]] == [
            ("subscribed", None),
            ("error", 429),
        ]


async def test_a_name_is_given_once(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe", id="codes")
        await socket.say("subscribe", id="codes")
        await socket.hear()

        kind, problem = await socket.hear()

    assert (kind, problem["errors"][0]["field"]) == ("error", "id")


async def test_a_browser_says_who_it_is_in_its_first_message(served: Served) -> None:
    async with served.socket(token=None) as socket:
        await socket.say("connect", token="secret")  # noqa: S106

        kind, data = await socket.hear()

    assert kind == "connected"
    assert data["until"] > "2026-11-21T12:00"


async def test_a_user_of_an_account_says_whose_he_is_beside_his_token(served: Served) -> None:
    served.known.watchers["first/theirs"] = served.known.watchers["secret"]
    async with served.socket(token=None) as socket, served.socket(token=None) as stranger:
        await socket.say("connect", token="theirs", account="first")  # noqa: S106
        await stranger.say("connect", token="theirs", account="second")  # noqa: S106

        kinds = [(await each.hear())[0] for each in (socket, stranger)]

    assert kinds == ["connected", "error"]


async def test_who_says_nothing_is_sent_away(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "CONNECT_S", 0.05)

    async with served.socket(token=None) as socket:
        said = [await socket.hear() for _ in range(2)]

        assert (said[0][1]["status"], said[1], await socket.closed()) == (401, ("bye", {"reason": "unauthenticated"}), 4401)


@pytest.mark.parametrize("first", ['{"type":"ping"}', '{"type":"connect","data":{"token":"guess"}}'])
async def test_whoever_is_not_known_by_its_first_message_is_sent_away(served: Served, first: str) -> None:
    async with served.socket(token=None) as socket:
        await socket.raw.send(first)

        assert (await socket.hear())[1]["status"] == 401
        assert await socket.closed() == 4401


async def test_a_wrong_token_in_the_handshake_is_refused_as_a_problem(served: Served) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with served.socket("guess"):
            pass

    response = refused.value.response
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")


async def test_there_is_no_websocket_elsewhere(served: Served) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with served.socket(path="/v1/codes"):
            pass

    assert refused.value.response.status_code == 404


async def test_a_page_of_ours_may_use_its_readers_cookie(served: Served) -> None:
    async with served.socket(token=None, cookie="session=secret", origin=PAGE) as socket:
        assert (await socket.hear())[0] == "connected"


async def test_an_expired_token_ends_its_connection(served: Served) -> None:
    served.known.watchers["session"] = Watcher("first", "user:1", frozenset({"codes:read"}), "s-1", served.clock.now_ms() + 60_000)
    async with served.socket("session") as socket:
        served.clock.moved_s += 61

        assert await socket.hear() == ("bye", {"reason": "expired"})
        assert await socket.closed() == 4401


async def test_at_a_release_clients_are_sent_to_another_process() -> None:
    async with serving() as served, served.socket() as socket:
        served.live.stop()

        kind, data = await socket.hear()
        assert (kind, data["reason"], await socket.closed()) == ("reconnect", "release", 1012)


async def test_a_connection_that_its_client_closes_is_gone(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say("subscribe")
        await socket.hear()

    await served.until_gone()
    assert all(not feed.watchers for feed in served.live.hub._feeds.values())
