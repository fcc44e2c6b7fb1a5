"""Connections that the server ends: the caller never notices (ADR 0017)."""

import asyncio

import pytest
from contract.client.addressed import Addressed
from contract.gateway.served import CODE_ID, KEY, Api

from quietzone_client import NEVER, AsyncClient, Client, NoAnswer, Retries
from quietzone_gateway.rest import server
from quietzone_kit.errors import Unavailable


async def test_connections_that_end_with_each_answer_are_not_noticed(served: Addressed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LIFETIME_S", 0.0)

    async with AsyncClient(served.url, KEY, retries=NEVER) as client, asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.codes.get(CODE_ID)) for _ in range(40)]

    assert {task.result().id for task in tasks} == {CODE_ID}


async def test_a_connection_that_ended_while_it_was_idle_is_replaced(served: Addressed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.05)  # of an idle connection too

    def use(client: Client) -> list[str]:
        found = []
        for wait_s in (0.0, 0.04, 0.05, 0.06, 0.2):
            client._calls.runtime.sleep(wait_s)
            found.append(client.codes.create("https://example.com").id)
        return found

    assert await served.blocking(use) == [CODE_ID] * 5


async def test_a_connection_is_used_again(served: Addressed, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    before = server._BoundedProtocol.connection_made

    def count(self: server._BoundedProtocol, transport: asyncio.Transport) -> None:
        made.append(transport)
        before(self, transport)

    monkeypatch.setattr(server._BoundedProtocol, "connection_made", count)

    async with served.on_loop() as client:
        for _ in range(5):
            await client.codes.get(CODE_ID)
        assert len([code async for code in client.codes.list()]) == 1

    assert len(made) == 1


async def test_a_change_whose_answer_is_lost_is_made_once(api: Api, served: Addressed) -> None:
    """The connection breaks after the service has answered: the second attempt gets what the first was answered."""
    broken: list[str] = []

    async with Breaking(served, broken) as address, AsyncClient(address, KEY, retries=Retries(first_wait_s=0.01)) as client:
        code = await client.codes.create("https://example.com/menu")

    assert code.id == CODE_ID
    assert len(broken) == 1
    assert [type(asked).__name__ for asked in api.services.asked].count("CreateCodeRequest") == 1


async def test_a_server_that_is_away_is_waited_for_and_then_named(api: Api, served: Addressed) -> None:
    api.services.fail("GetCode", Unavailable("qr is away"))

    async with AsyncClient(served.url, KEY, retries=Retries(within_s=1.0)) as client:
        with pytest.raises(Exception, match="503 Try again: qr is away"):
            await client.codes.get(CODE_ID)


async def test_nobody_there_is_said_plainly() -> None:
    with Client("http://127.0.0.1:1", KEY, retries=NEVER) as client, pytest.raises(NoAnswer, match=r"http://127\.0\.0\.1:1 doesn't answer"):
        await asyncio.to_thread(client.codes.get, CODE_ID)


class Breaking:
    """Passes on to the API, and breaks the first connection when the answer has come."""

    def __init__(self, served: Addressed, broken: list[str]) -> None:
        self._port = int(served.url.rpartition(":")[2])
        self._broken = broken

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        inner_writer.write(await reader.read(65_536))
        answer = await inner_reader.read(65_536)
        if self._broken:
            writer.write(answer)
            await writer.drain()
        else:
            self._broken.append(answer.decode())
        inner_writer.close()
        writer.close()
