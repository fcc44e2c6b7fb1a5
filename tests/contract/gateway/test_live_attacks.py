"""Live updates under attack; each test is named after what is tried."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator

import pytest
import websockets
from contract.gateway.live_served import PAGE, Served, serving
from unit.gateway.live_world import MENU, until

from quietzone_gateway.rest import server

EVIL = "https://evil.example.com"
UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer secret\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)
TEXT, CONTINUATION, PING = 1, 0, 9


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(gateway_live_origins=(PAGE,)) as served:
        yield served


def frame(opcode: int, data: bytes, *, last: bool = True, masked: bool = True) -> bytes:
    """A frame as a client sends it; its mask is zeros."""
    size = len(data)
    length = (
        bytes((size,))
        if size < 126
        else bytes((126,)) + struct.pack("!H", size)
        if size < 65_536
        else bytes((127,)) + struct.pack("!Q", size)
    )
    mask = bytes((length[0] | 0x80,)) + length[1:] + bytes(4) if masked else length
    return bytes((opcode | (0x80 if last else 0),)) + mask + data


async def closed_after(served: Served, sent: bytes) -> int:
    """The code with which the server closes a connection that sends this after its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.port)
    writer.write(UPGRADE)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.write(sent)
    async with asyncio.timeout(5):
        while True:
            opcode, length = await reader.readexactly(2)
            size = length if length < 126 else int.from_bytes(await reader.readexactly(2), "big")
            data = await reader.readexactly(size)
            if opcode & 0xF == 8:
                break
    writer.close()
    return int.from_bytes(data[:2], "big")


async def test_a_flood_of_guessed_keys_leaves_no_errors_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(websockets.InvalidStatus):
        async with served.socket("guess"):
            pass

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("origin", [{"origin": EVIL}, {"origin": "null"}, {"origin": PAGE + ".evil.example.com"}, {}])
async def test_cross_site_websocket_hijacking(served: Served, origin: dict[str, str]) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with served.socket(token=None, cookie="session=secret", **origin):
            pass

    assert refused.value.response.status_code == 403


async def test_a_stream_for_a_foreign_page_with_its_readers_cookie(served: Served) -> None:
    async with served.stream(token=None, cookie="session=secret", origin=EVIL) as stream:
        assert stream.status == 403
        assert "access-control-allow-origin" not in stream.headers


async def test_another_accounts_code_id(served: Served) -> None:
    async with served.socket("other") as thief, served.socket() as owner:
        for socket in (thief, owner):
            await socket.say("subscribe", code_ids=[MENU])
            await socket.hear()
        await served.services.created()
        await owner.hear()
        await thief.say("ping")

        assert await thief.hear() == ("pong", {})


async def test_another_accounts_cursor(served: Served) -> None:
    async with served.socket() as owner:
        await owner.say("subscribe")
        cursor = (await owner.hear())[1]["cursor"]
        await served.services.created()
        await owner.hear()

    async with served.socket("other") as thief:
        await thief.say("subscribe", cursor=cursor)
        await thief.say("ping")

        assert [(await thief.hear())[0] for _ in range(2)] == ["subscribed", "pong"]


async def test_a_flood_of_messages(served: Served) -> None:
    async with served.socket() as socket:
        for _ in range(60):
            await socket.say("ping")

        assert await socket.closed() == 1008


async def test_a_flood_of_pings(served: Served) -> None:
    assert await closed_after(served, frame(PING, b"x") * 200) == 1008


async def test_a_message_of_empty_fragments_without_end(served: Served) -> None:
    assert await closed_after(served, frame(TEXT, b"", last=False) + frame(CONTINUATION, b"", last=False) * 90) == 1009


async def test_a_connection_that_was_refused_takes_an_event_quietly(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Or whoever is told something just then would fill the log."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.port)
    writer.write(UPGRADE)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    await until(lambda: len(served.live) == 1)

    for connection in served.live.registry.connections():
        writer.write(frame(PING, b"x") * 200)
        while len(served.live) == 1:
            connection.notice("something")
            await asyncio.sleep(0)

    assert caplog.records == []
    writer.close()


async def test_a_message_that_is_too_large(served: Served) -> None:
    assert await closed_after(served, frame(TEXT, b"x" * 16_385)) == 1009


async def test_a_message_that_is_too_large_in_fragments(served: Served) -> None:
    assert await closed_after(served, frame(TEXT, b"x" * 9_000, last=False) + frame(CONTINUATION, b"x" * 9_000)) == 1009


async def test_a_frame_that_claims_to_be_endless(served: Served) -> None:
    assert await closed_after(served, bytes((0x81, 0xFF)) + struct.pack("!Q", 2**62) + bytes(4)) == 1009


async def test_an_unmasked_frame(served: Served) -> None:
    assert await closed_after(served, frame(TEXT, b"{}", masked=False)) == 1002


async def test_a_frame_of_no_known_kind(served: Served) -> None:
    assert await closed_after(served, frame(3, b"")) == 1002


async def test_a_text_that_is_not_utf8_is_not_told_to_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert await closed_after(served, frame(TEXT, b"\xff\xfe")) == 1007
    assert caplog.records == []


@pytest.mark.parametrize("bomb", ["[" * 8_000, '{"type":' * 1_000, '{"type":"ping","data":' + "[" * 100 + "]" * 100 + "}"])
async def test_json_that_is_nested_deeply(served: Served, bomb: str) -> None:
    async with served.socket() as socket:
        await socket.raw.send(bomb)
        kind, problem = await socket.hear()
        await socket.say("ping")

        assert (kind, problem["errors"]) == ("error", [{"field": "message", "reason": "nested too deeply"}])
        assert await socket.hear() == ("pong", {})


async def test_numbers_and_half_characters_of_javascript(served: Served) -> None:
    async with served.socket() as socket:
        for message in ('{"type":"subscribe","data":{"id":"\\ud800"}}', '{"type":"subscribe","data":{"id":NaN}}', "1e400", "null"):
            await socket.raw.send(message)
            assert (await socket.hear())[1]["status"] == 400


async def test_a_compression_bomb(served: Served) -> None:
    address = f"ws://127.0.0.1:{served.http.port}/v1/ws"
    headers = {"Authorization": "Bearer secret"}
    async with websockets.connect(address, additional_headers=headers, compression="deflate") as connection:
        assert connection.protocol.extensions == []


async def test_http_behind_a_handshake(served: Served) -> None:
    """Smuggled past a proxy that takes the connection for a WebSocket: here it must not be answered as a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http.port)

    writer.write(UPGRADE + b"GET /v1/codes HTTP/1.1\r\nHost: api\r\n\r\n" + b"x" * 40_000)
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 5)

    assert (answer.count(b"HTTP/1.1 "), b"the API" in answer) == (1, False)
    writer.close()
    await writer.wait_closed()


async def test_a_token_in_an_address_where_logs_would_keep_it(served: Served) -> None:
    async with served.stream("?token=secret", token=None) as stream:
        assert stream.status == 400


async def test_a_body_that_never_ends(served: Served) -> None:
    async with served.stream(transfer_encoding="chunked") as stream:
        assert stream.status == 400


async def test_an_event_within_a_notice(served: Served) -> None:
    async with served.stream() as stream:
        await stream.event()
        await served.notices.say("a\n\nevent: codeDeleted\ndata: {}\n\n")

        assert await stream.event() == ("notice", {"text": "a\n\nevent: codeDeleted\ndata: {}\n\n"})


async def test_connections_that_never_say_who_they_are_take_no_places_of_live_ones(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    async with served.stream() as one, served.stream() as two, served.stream() as three:
        assert [stream.status for stream in (one, two, three)] == [200, 200, 200]
        idle = [await asyncio.open_connection("127.0.0.1", served.http.port) for _ in range(3)]

        assert await asyncio.wait_for(idle[2][0].read(), 5) == b""

        for _, writer in idle:
            writer.close()


async def test_subscriptions_that_begin_and_end_again_and_again_leave_nothing(served: Served) -> None:
    async with served.socket() as socket:
        for number in range(15):
            await socket.say("subscribe", id=str(number))
            await socket.say("unsubscribe", id=str(number))
            await socket.hear()
            await socket.hear()

        assert all(not feed.watchers for feed in served.live.hub._feeds.values())


async def test_a_request_id_that_would_forge_a_header(served: Served) -> None:
    async with served.stream(x_request_id="a b<script>") as stream:
        assert len(stream.headers["x-request-id"]) == 36


async def test_a_guess_at_a_cursor_of_every_kind(served: Served) -> None:
    async with served.socket() as socket:
        for cursor in ("", "AAAA", "\x00", "=" * 40, base64.urlsafe_b64encode(bytes(200)).decode(), "é"):
            await socket.say("subscribe", cursor=cursor)
            kind, problem = await socket.hear()

            assert (kind, problem["status"]) == ("error", 400), json.dumps(cursor)
