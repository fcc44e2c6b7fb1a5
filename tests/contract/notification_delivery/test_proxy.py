"""Webhooks by https through a proxy: the tunnel is to the address that was checked, the certificate is the host's."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import uvloop
from contract.rpc.authority import Authority
from ports import Hands

from quietzone_notification.delivery.client import Answer, Client, Connector, Target, proxy_of
from quietzone_notification.delivery.reach import Place, Reach

ADDRESS = "93.184.215.14"


class Names:
    async def resolve(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002 - as the port has it
        return [ADDRESS]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_webhook_by_https_arrives_through_a_proxy(tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    files = Authority(tmp_path, "authority").certificate("site", of="DNS:hook.example")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(files.cert, files.key)
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await writer.start_tls(served)
        for _ in range(2):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def post() -> list[Answer]:
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            trusted = ssl.create_default_context(cafile=str(files.ca))
            clock = Hands()
            connector = Connector(Names(), Reach(), clock, proxy=proxy_of(f"http://127.0.0.1:{port}"), tls=trusted)
            client = Client(connector, clock, total_s=10.0)
            target = Target.of(Place("https", "hook.example", 443, "/a"), ())
            answers = [await client.post(target, (), b"") for _ in range(2)]
            client.close()
        return answers

    with asyncio.Runner(loop_factory=new_loop) as runner:
        answers = runner.run(post())

    assert [answer.status for answer in answers] == [200, 200]
    assert [line.split(b"\r\n")[0] for line in asked] == [f"CONNECT {ADDRESS}:443 HTTP/1.1".encode(), *[b"POST /a HTTP/1.1"] * 2]
