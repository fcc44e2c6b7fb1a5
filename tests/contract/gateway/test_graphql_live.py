"""Subscriptions: graphql-transport-ws at /graphql."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import websockets
from contract.gateway.graphql_socket import TOKEN, connected, opened
from contract.gateway.live_served import PAGE, SCOPES, Served, serving
from unit.gateway.live_world import EXPORT, MENU, POSTER, code

from quietzone.qr.v1 import code_pb2
from quietzone_gateway.graphql import socket as graphql_socket
from quietzone_gateway.live.domain import Watcher

CREATED = """subscription {
  codeCreated { cursor reset events { id kind codeId at code { id slug shortUrl state tags revision createdAt } changed } }
}"""
UPDATED = """subscription($filter: CodeWatch, $after: String) {
  codeUpdated(filter: $filter, after: $after) { cursor events { kind codeId code { title } changed } }
}"""
SCANNED = "subscription($ids: [ID!]) { scanned(codeIds: $ids) { scans { id codeId at country device } counts { scans } } }"
PAUSED = code_pb2.CODE_STATE_PAUSED


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(gateway_live_origins=(PAGE,), gateway_live_subscriptions=3) as served:
        yield served


async def test_a_new_code_is_told_as_it_was_asked_for(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(CREATED)
        await socket.settled()
        await served.services.created(tags=["menu"])

        news = await socket.news()

    assert news.pop("cursor")
    assert news == {
        "reset": None,
        "events": [
            {
                "id": f"{MENU}.1",
                "kind": "CREATED",
                "codeId": MENU,
                "at": "2026-11-21T12:00:00.001Z",
                "code": {
                    "id": MENU,
                    "slug": "menu",
                    "shortUrl": "https://qr.example.com/menu",
                    "state": "ACTIVE",
                    "tags": ["menu"],
                    "revision": 1,
                    "createdAt": "2026-11-21T12:00:00.000Z",
                },
                "changed": [],
            }
        ],
    }


async def test_a_code_that_leaves_the_filter_is_removed(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(UPDATED, filter={"state": "ACTIVE"})
        await socket.settled()
        await served.services.changed(2, title="Lunch")
        await served.services.changed(3, state=PAUSED)
        await served.services.changed(4, before=code(3, state=PAUSED), state=PAUSED)
        await served.services.changed(5, before=code(4, state=PAUSED))

        events = [(await socket.news())["events"] for _ in range(3)]

    assert events == [
        [{"kind": "UPDATED", "codeId": MENU, "code": {"title": "Lunch"}, "changed": ["title"]}],
        [{"kind": "REMOVED", "codeId": MENU, "code": None, "changed": []}],
        [{"kind": "UPDATED", "codeId": MENU, "code": {"title": "Menu"}, "changed": ["title"]}],
    ]


async def test_a_deleted_code_is_told_with_what_it_was(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe("subscription { codeDeleted { events { kind code { slug } } } }")
        await socket.settled()
        await served.services.deleted(2)

        assert (await socket.news())["events"] == [{"kind": "DELETED", "code": {"slug": "menu"}}]


async def test_scans_are_told_of_the_codes_that_were_asked_for(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(SCANNED, ids=[MENU])
        await socket.settled()
        await served.services.scanned(1, code_id=POSTER)
        await served.services.scanned(2)

        news = await socket.news()

    (scan,) = news["scans"]
    assert scan.pop("id").endswith(":2")
    assert scan == {"codeId": MENU, "at": "2026-11-21T12:00:00.002Z", "country": "DE", "device": "phone"}
    assert news["counts"] == []


async def test_milestones_are_told(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe("subscription { milestone { reset milestones { id codeId threshold at } } }")
        await socket.settled()
        await served.services.milestone(100)

        news = await socket.news()

    reached = {"id": f"milestone:{MENU}:100", "codeId": MENU, "threshold": 100, "at": "2026-11-21T12:00:00.000Z"}
    assert news == {"reset": None, "milestones": [reached]}


async def test_progress_of_the_tasks_that_were_asked_for_is_told(served: Served) -> None:
    served.known.watchers["secret"] = replace(served.known.watchers["secret"], scopes=SCOPES | {"exports:read"})
    async with connected(served) as socket:
        fields = "taskId kind state done total error"
        await socket.subscribe(f'subscription {{ taskProgress(taskIds: ["{EXPORT}"]) {{ tasks {{ {fields} }} }} }}')
        await socket.settled()
        await served.services.export(1, export_id=POSTER)
        await served.services.export(2)

        news = await socket.news()

    assert news == {"tasks": [{"taskId": EXPORT, "kind": "export-data", "state": "running", "done": 2, "total": 4, "error": None}]}


async def test_a_cursor_resumes(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(UPDATED)
        await socket.settled()
        await served.services.changed(2)
        cursor = (await socket.news())["cursor"]
    await served.services.changed(3, title="Missed")

    async with connected(served) as again:
        await again.subscribe(UPDATED, after=cursor)

        assert (await again.news())["events"][0]["code"] == {"title": "Missed"}


async def test_several_operations_tell_each_their_own(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(UPDATED, "codes")
        await socket.subscribe(SCANNED, "scans")
        await socket.settled()
        await served.services.scanned(1)
        assert (await socket.news("scans"))["scans"]
        await served.services.changed(2)
        assert (await socket.news("codes"))["events"]


async def test_after_complete_nothing_more_is_told_and_its_name_is_free(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(CREATED)
        await socket.say("complete", id="1")
        await socket.say("complete", id="never begun")
        await socket.settled()
        await served.services.created()
        await socket.settled()
        await socket.subscribe(UPDATED)
        await socket.settled()
        await served.services.changed(2)

        assert (await socket.news())["events"]


async def test_an_alias_and_a_fragment_are_used_as_in_queries(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe("subscription { news: codeCreated { events { code { ...F } } } } fragment F on Code { name: slug imageUrl }")
        await socket.settled()
        await served.services.created()

        message = await socket.hear()

    shown = {"name": "menu", "imageUrl": f"/v1/codes/{MENU}/image?format=png&size=1036"}
    assert message["payload"] == {"data": {"news": {"events": [{"code": shown}]}}}


async def test_another_account_hears_nothing(served: Served) -> None:
    async with connected(served, {"authorization": "Bearer other"}) as socket:
        await socket.subscribe(CREATED)
        await socket.settled()
        await served.services.created()
        await socket.say("ping")

        assert (await socket.hear())["type"] == "pong"


async def test_a_scope_that_is_missing_is_named(served: Served) -> None:
    served.known.watchers["reader"] = Watcher("first", "key:3", frozenset({"codes:read"}))
    async with connected(served, {"authorization": "Bearer reader"}) as socket:
        await socket.subscribe(SCANNED)

        assert await socket.error() == "PERMISSION_DENIED"


@pytest.mark.parametrize("field", ["totalScans", "analytics { totalScans }", "health { state }"])
async def test_what_asks_services_is_not_told_with_events(served: Served, field: str) -> None:
    async with connected(served) as socket:
        await socket.subscribe("subscription { codeCreated { events { code { ...F } } } } fragment F on Code { " + field + " }")

        assert await socket.error() == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "query",
    [
        "{ me { plan } }",
        "mutation { deleteCode(id: 1) }",
        "subscription { codeCreated { nothing } }",
        "subscription { codeCreated { cursor } codeDeleted { cursor } }",
        "subscription A { codeCreated { cursor } } subscription B { codeDeleted { cursor } }",
        'subscription { codeCreated(filter: { codeIds: ["x"] }) { cursor } }',
        'subscription { codeCreated(after: "nonsense") { cursor } }',
        "subscription($filter: CodeWatch!) { codeCreated(filter: $filter) { cursor } }",
        "subscription {",
        "",
    ],
)
async def test_what_cant_be_subscribed_to_is_an_error_of_its_operation_alone(served: Served, query: str) -> None:
    async with connected(served) as socket:
        await socket.subscribe(query)
        assert await socket.error() == "INVALID_ARGUMENT"
        await socket.subscribe(CREATED)
        await socket.settled()
        await served.services.created()

        assert (await socket.news())["events"]


async def test_of_several_operations_the_named_one_is_run(served: Served) -> None:
    query = "subscription A { codeCreated { cursor } } subscription B { codeDeleted { cursor } }"
    async with connected(served) as socket:
        await socket.say("subscribe", id="1", payload={"query": query, "operationName": "B", "extensions": {}})
        await socket.settled()
        await served.services.created()
        await served.services.deleted(2)

        assert list((await socket.hear())["payload"]["data"]) == ["codeDeleted"]


async def test_more_operations_than_a_connection_may_have_are_refused(served: Served) -> None:
    async with connected(served) as socket:
        for name in "123":
            await socket.subscribe(CREATED, name)
        await socket.subscribe(CREATED, "4")

        assert await socket.error("4") == "RESOURCE_EXHAUSTED"


async def test_a_header_may_say_who_is_there(served: Served) -> None:
    async with connected(served, None, authorization="Bearer secret") as socket:
        await socket.subscribe(CREATED)
        await socket.settled()


async def test_a_ping_is_answered_with_what_it_brought(served: Served) -> None:
    async with connected(served) as socket:
        await socket.say("pong")
        await socket.say("ping", payload={"at": 1})

        assert await socket.hear() == {"type": "pong", "payload": {"at": 1}}


async def test_a_ping_of_ours_brings_the_newest_cursors(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(UPDATED)
        await socket.settled()
        for _ in range(15):
            served.live.registry.beat()

        ping = json.loads(await socket.raw.recv())

    assert ping["type"] == "ping"
    assert list(ping["payload"]["cursors"]) == ["1"]


async def test_a_notice_comes_with_a_ping(served: Served) -> None:
    async with connected(served) as socket:
        served.live.registry.notify("maintenance at ten")

        assert json.loads(await socket.raw.recv()) == {"type": "ping", "payload": {"notice": "maintenance at ten"}}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 4400),
        ("7", 4400),
        ('{"type": "start"}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 7}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}', 4400),
        ('{"type": "complete"}', 4400),
        ('{"type": "ping", "payload": 7}', 4400),
        ('{"type": "ping", "payload": {"x": "\\ud800"}}', 4400),
        ('{"type": "connection_init"}', 4429),
        (b"{}", 4400),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection_with_its_code(served: Served, said: str | bytes, code: int) -> None:
    async with connected(served) as socket:
        await socket.raw.send(said)

        assert await socket.closed() == code


async def test_a_name_that_is_in_use_ends_the_connection(served: Served) -> None:
    async with connected(served) as socket:
        await socket.subscribe(CREATED)
        await socket.subscribe(CREATED)

        assert await socket.closed() == 4409


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "subscribe", "id": "1", "payload": {"query": CREATED}}, 4401),
        ({"type": "ping"}, 4401),
        ({"type": "connection_init"}, 4401),
        ({"type": "connection_init", "payload": {"authorization": "Bearer wrong"}}, 4401),
        ({"type": "connection_init", "payload": {"cookie": "session=secret"}}, 4401),
        ({"type": "connection_init", "payload": {"authorization": ["Bearer secret"]}}, 4401),
        ({"type": "connection_init", "payload": {"authorization": "Bearer secret" + "x" * 9_000}}, 4401),
        ({"type": "connection_init", "payload": "Bearer secret"}, 4400),
        ([], 4400),
    ],
)
async def test_nobody_comes_in_without_saying_who_he_is(served: Served, first: object, code: int) -> None:
    async with opened(served) as socket:
        await socket.raw.send(json.dumps(first))

        assert await socket.closed() == code
    await served.until_gone()


async def test_a_header_alone_doesnt_begin_the_protocol(served: Served) -> None:
    async with opened(served, authorization="Bearer secret") as socket:
        await socket.subscribe(CREATED)

        assert await socket.closed() == 4401


async def test_who_says_nothing_is_sent_away(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_socket, "CONNECT_S", 0.01)
    async with opened(served) as socket:
        assert await socket.closed() == 4408


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "mqtt"])
async def test_another_protocol_is_refused_at_the_door(served: Served, protocol: str | None) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with opened(served, protocol):
            pass

    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body)["errors"][0]["field"] == "Sec-WebSocket-Protocol"


async def test_a_wrong_key_in_a_header_is_refused_at_the_door(served: Served) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with opened(served, authorization="Bearer wrong"):
            pass

    assert refused.value.response.status_code == 401


async def test_an_account_has_no_more_connections_than_its_own() -> None:
    async with serving(gateway_live_connections_per_account=1) as few, connected(few), opened(few) as second:
        await second.say("connection_init", payload=TOKEN)

        assert await second.closed() == 4429


async def test_a_release_sends_clients_to_another_process(served: Served) -> None:
    async with connected(served) as socket:
        served.live.stop()

        assert await socket.closed() == 1012


async def test_a_token_that_ends_ends_the_connection(served: Served) -> None:
    served.known.watchers["short"] = Watcher("first", "user:1", frozenset({"codes:read"}), expires_at_ms=served.clock.now_ms() + 60_000)
    async with connected(served, {"authorization": "Bearer short"}) as socket:
        served.clock.moved_s = 61
        served.live.registry.beat()

        assert await socket.closed() == 4401


async def test_cross_site_websocket_hijacking(served: Served) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with opened(served, cookie="session=secret", origin="https://evil.example"):
            pass

    assert refused.value.response.status_code == 403


async def test_a_flood_of_messages(served: Served) -> None:
    async with connected(served) as socket:
        for _ in range(60):
            await socket.say("ping")

        assert await socket.closed() == 1008


@pytest.mark.parametrize(
    "query",
    [
        "subscription { codeCreated { events { code { " + "slug " * 1_500 + "} } } }",
        "subscription { ...A } fragment A on Subscription { ...A }",
        "subscription { codeCreated { cursor " + "@a" * 900 + " } }",
        "subscription { codeCreated { " + " ".join(f"a{number}: cursor" for number in range(20)) + " } }",
        "subscription {" + "a {" * 500 + "a" + "}" * 501,
    ],
)
async def test_graphql_bombs_over_a_socket(served: Served, query: str) -> None:
    async with connected(served) as socket:
        await socket.subscribe(query)

        assert await socket.error() == "INVALID_ARGUMENT"


async def test_json_that_is_nested_deeply(served: Served) -> None:
    async with connected(served) as socket:
        await socket.raw.send('{"type": "ping", "payload": {"x": ' + "[" * 7_000 + "]" * 7_000 + "}}")

        assert await socket.closed() == 4400


async def test_operations_that_begin_and_end_again_and_again_leave_nothing(served: Served) -> None:
    async with connected(served) as socket:
        for _ in range(15):
            await socket.subscribe(CREATED)
            await socket.say("complete", id="1")
        await socket.settled()

        feeds = served.live.hub._feeds.values()
        assert [feed.watchers for feed in feeds] == [{}] * len(feeds)
