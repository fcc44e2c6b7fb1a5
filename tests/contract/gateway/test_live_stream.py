"""`/v1/stream`: what an EventSource reads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from contract.gateway.live_served import PAGE, SCOPES, Served, serving
from unit.gateway.live_world import EXPORT, MENU, POSTER, SOURCE, until

from quietzone.qr.v1 import code_pb2
from quietzone_gateway.live.domain import Watcher
from quietzone_gateway.live.endings import REVOKED

PAUSED = code_pb2.CODE_STATE_PAUSED


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


async def test_it_tells_events_with_cursors_as_ids(served: Served) -> None:
    async with served.stream() as stream:
        assert (await stream.event())[0] == "ready"
        await served.services.created()

        name, event = await stream.event()

    assert (name, event["code_id"], event["code"]["title"]) == ("codeCreated", MENU, "Menu")
    assert stream.last_id


async def test_nothing_on_the_way_may_keep_or_gather_events(served: Served) -> None:
    async with served.stream() as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["x-request-id"]


async def test_last_event_id_brings_what_was_missed(served: Served) -> None:
    async with served.stream("?kinds=codeUpdated") as stream:
        await stream.event()
    await served.until_gone()
    await served.services.changed(2)

    async with served.stream("?kinds=codeUpdated", last_event_id=stream.last_id) as again:
        events = [await again.event() for _ in range(2)]

    assert [(name, event.get("id")) for name, event in events] == [("ready", None), ("codeUpdated", f"{MENU}.2")]


async def test_before_what_was_missed_the_id_stays_what_it_was(served: Served) -> None:
    """Or a client that is cut off after `ready` would never hear of it."""
    async with served.stream("?kinds=codeUpdated") as stream:
        await stream.event()
    async with served.stream() as other:
        await other.event()
        await served.services.changed(2)
        await other.event()

    async with served.stream("?kinds=codeUpdated", last_event_id=stream.last_id) as again:
        assert "id: " not in await again.block()


async def test_a_filter_is_told_in_the_address(served: Served) -> None:
    async with served.stream(f"?kinds=codeCreated,codeUpdated&state=active&code_id={MENU}") as stream:
        await stream.event()
        await served.services.created(id=POSTER)
        await served.services.changed(2, state=PAUSED)

        name, event = await stream.event()

    assert (name, event["code_id"]) == ("removed", MENU)


async def test_scans_are_told_with_country_and_device(served: Served) -> None:
    async with served.stream("?kinds=scanned") as stream:
        await stream.event()
        await served.services.scanned(7)

        _, event = await stream.event()

    assert (event["id"], event["country"], event["device"]) == (f"{SOURCE}:7", "DE", "phone")


async def test_an_export_is_followed_to_its_end(served: Served) -> None:
    served.known.watchers["secret"] = replace(served.known.watchers["secret"], scopes=SCOPES | {"exports:read"})
    async with served.stream(f"?kinds=taskProgress&task_id={EXPORT}") as stream:
        await stream.event()
        await served.services.export(1, export_id=POSTER)
        await served.services.export(2)
        await served.services.export(4, "DONE", code_id=MENU)

        told = [(await stream.event())[1] for _ in range(2)]

    assert told[0] == {
        "kind": "taskProgress",
        "id": f"{EXPORT}.2",
        "code_id": None,
        "at": "2026-11-21T12:00:00.002Z",
        "task": {"id": EXPORT, "kind": "export-data", "state": "running", "done": 2, "total": 4, "error": None},
    }
    assert (told[1]["code_id"], told[1]["task"]["state"]) == (MENU, "done")


@pytest.mark.parametrize(("kind", "notification"), [("process-image", False), ("generate-report", True)])
async def test_tasks_of_other_parts_are_followed_too(served: Served, kind: str, notification: bool) -> None:
    async with served.stream("?kinds=taskProgress") as stream:
        await stream.event()
        await served.services.task(2, kind, notification=notification)
        await served.services.task(4, kind, notification=notification)

        told = [(await stream.event())[1]["task"] for _ in range(2)]

    assert told[0] == {"id": EXPORT, "kind": kind, "state": "running", "done": 2, "total": 4, "error": None}
    assert told[1]["state"] == "done"


async def test_who_may_not_see_exports_does_not_hear_of_them(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()
        await served.services.export(1)
        await served.services.milestone(10)

        assert (await stream.event())[0] == "milestone"


async def test_who_may_see_exports_alone_hears_of_no_other_tasks(served: Served) -> None:
    served.known.watchers["secret"] = replace(served.known.watchers["secret"], scopes=frozenset({"exports:read"}))
    async with served.stream("?kinds=taskProgress") as stream:
        await stream.event()
        await served.services.task(2, "process-image")
        await served.services.export(1)

        assert (await stream.event())[1]["task"]["kind"] == "export-data"


async def test_who_may_see_nothing_of_tasks_may_not_watch_them(served: Served) -> None:
    served.known.watchers["secret"] = replace(served.known.watchers["secret"], scopes=frozenset({"analytics:read"}))

    async with served.stream("?kinds=taskProgress") as stream:
        assert stream.status == 403


async def test_a_ping_brings_the_newest_cursor(served: Served) -> None:
    async with served.stream("?kinds=milestone") as stream:
        await stream.event()
        for connection in served.live.registry.connections():
            connection.ping()

        block = await stream.block()

    assert block.startswith(": ping\nid: ")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?kinds=codeCreatedd", "kinds.0"),
        ("?kind=codeCreated", "kind"),
        ("?code_id=menu", "code_id.0"),
        ("?task_id=all", "task_id.0"),
        ("?cursor=rubbish", "cursor"),
        ("?kinds=scanned&state=active", "kinds"),
        ("?state=active&state=paused", "state"),
        ("?code_id=" + ",".join([MENU] * 101), "code_id"),
        ("?folder=", "folder"),
    ],
)
async def test_what_is_wrong_in_the_address_is_named(served: Served, query: str, field: str) -> None:
    async with served.stream(query) as stream:
        problem = await stream.problem()

    assert (stream.status, [error["field"] for error in problem["errors"]]) == (400, [field])


async def test_nobody_unknown_gets_a_stream(served: Served) -> None:
    async with served.stream(token=None) as stream:
        problem = await stream.problem()

    assert (stream.status, problem["type"]) == (401, "/problems/unauthenticated")


async def test_each_kind_needs_its_scope(served: Served) -> None:
    served.known.watchers["reader"] = Watcher("first", "user:1", frozenset({"codes:read"}))

    async with served.stream("?kinds=scanned", token="reader") as stream:  # noqa: S106
        problem = await stream.problem()

    assert (stream.status, problem["detail"]) == (403, "this needs the scope 'analytics:read'")


async def test_without_kinds_one_hears_what_one_may(served: Served) -> None:
    served.known.watchers["reader"] = Watcher("first", "user:1", frozenset({"codes:read"}))
    async with served.stream(token="reader") as stream:  # noqa: S106
        await stream.event()
        await served.services.scanned(1)
        await served.services.created()

        assert (await stream.event())[0] == "codeCreated"


async def test_another_method_than_get_is_none(served: Served) -> None:
    async with served.stream(method="POST") as stream:
        assert (stream.status, stream.headers["allow"]) == (405, "get, head")


async def test_a_head_request_opens_nothing(served: Served) -> None:
    async with served.stream(method="HEAD") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        await served.until_gone()


async def test_a_stream_that_its_client_leaves_is_gone(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()
        assert len(served.live) == 1

    await served.until_gone()


async def test_an_account_has_only_so_many_connections() -> None:
    async with serving(gateway_live_connections_per_account=2) as served, served.stream(), served.stream():
        async with served.stream() as third:
            problem = await third.problem()
        async with served.stream(token="other") as foreign:  # noqa: S106
            assert foreign.status == 200

    assert (third.status, problem["type"], problem["retryAfter"]) == (429, "/problems/resource-exhausted", 2)


async def test_a_process_has_only_so_many_connections() -> None:
    async with serving(gateway_live_connections=1) as served, served.stream(), served.stream(token="other") as second:  # noqa: S106
        assert second.status == 429


async def test_a_place_that_was_left_is_free_again() -> None:
    async with serving(gateway_live_connections_per_account=1) as served:
        async with served.stream() as first:
            await first.event()
        await served.until_gone()

        async with served.stream() as second:
            assert second.status == 200


async def test_an_expired_token_ends_its_stream(served: Served) -> None:
    served.known.watchers["session"] = Watcher("first", "user:1", frozenset({"codes:read"}), "s-1", served.clock.now_ms() + 60_000)
    async with served.stream(token="session") as stream:  # noqa: S106
        await stream.event()
        served.clock.moved_s += 61

        assert await stream.event() == ("bye", {"reason": "expired"})
        assert await stream.block() == ""


async def test_a_revoked_session_ends_its_streams_and_no_others(served: Served) -> None:
    served.known.watchers["session"] = Watcher("first", "user:1", frozenset({"codes:read"}), "s-1")
    async with served.stream(token="session") as stream, served.stream() as other:  # noqa: S106
        await stream.event()
        await other.event()

        served.known.revoke("session")

        assert await stream.event() == ("bye", {"reason": "revoked"})
        assert len(served.live.registry.connections("first")) == 1


async def test_a_revocation_that_nobody_heard_is_found_by_looking(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()
        del served.known.watchers["secret"]

        await served.live.signals.look()

        assert await stream.event() == ("bye", {"reason": REVOKED.name})


async def test_an_old_connection_is_asked_to_come_again(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()
        served.clock.moved_s += 3_601

        name, data = await stream.event()

    assert (name, data["reason"]) == ("reconnect", "age")
    assert 0 <= data["after_ms"] <= 5_000


async def test_operators_can_tell_everybody_or_an_account_something(served: Served) -> None:
    async with served.stream() as stream, served.stream(token="other") as other:  # noqa: S106
        await stream.event()
        await other.event()

        await served.notices.say("to one", "other")
        await served.notices.say("to all")

        assert await stream.event() == ("notice", {"text": "to all"})
        assert [await other.event() for _ in range(2)] == [("notice", {"text": "to one"}), ("notice", {"text": "to all"})]


@pytest.mark.parametrize("signal", [b"\xff", b"[]", b"{}", b'{"do":"dance"}'])
async def test_a_signal_that_nobody_knows_ends_nothing(served: Served, signal: bytes) -> None:
    async with served.stream() as stream:
        await stream.event()

        await served.cache.publish("gateway.live", signal)
        await served.notices.say("still here")

        assert await stream.event() == ("notice", {"text": "still here"})


async def test_at_a_release_clients_are_sent_to_another_process() -> None:
    async with serving() as served, served.stream() as stream:
        await stream.event()

        served.live.stop()

        name, data = await stream.event()
        assert (name, data["reason"], await stream.block()) == ("reconnect", "release", "")
        assert await stream.rest() == b""  # else a client would come back on this connection
        async with served.stream() as late:
            assert (late.status, late.headers["retry-after"]) == (503, "2")


async def test_a_page_of_a_known_origin_may_read_the_stream(served: Served) -> None:
    async with served.stream(origin=PAGE) as stream:
        assert stream.headers["access-control-allow-origin"] == PAGE.lower()


async def test_the_api_behind_the_door_answers_as_ever(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.port)
    writer.write(b"GET /v1/codes HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")

    assert (await reader.read()).endswith(b"the API")
    writer.close()
    await writer.wait_closed()


async def test_metrics_count_who_is_there(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()

        (connection,) = served.live.registry.connections("first")

    assert (connection.transport, connection.watcher.subject) == ("sse", "key:1")
    assert connection.since_ms <= served.clock.now_ms()
    await until(lambda: served.live.registry.connections() == [])
