"""Mutual TLS between a real client and a real server of gRPC, with certificates that openssl makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from contract.rpc.authority import Authority, Files
from contract.rpc.test_calls import SETTINGS, Service, Wire, keys
from pydantic import ValidationError

from quietzone.qr.v1 import code_service_pb2_grpc
from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import Peer, RpcSettings, Server, Tls
from quietzone_kit.rpc._tls import LOOK_EVERY_S
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.settings import SettingsError


class LateClock(SystemClock):
    """Lets the next look at files come at once."""

    def __init__(self) -> None:
        self.moved_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s

    def pass_time(self) -> None:
        self.moved_s += LOOK_EVERY_S


class Town:
    """A server with certificates of one authority, and clients with their own."""

    def __init__(self, folder: Path, server: Files) -> None:
        self.clock = LateClock()
        self.mine = copy_of(server, folder, "server")
        self.service = Service()
        self.server = Server("127.0.0.1:0", keys(), SETTINGS, not_ready=list, tls=self.tls(self.mine))
        self.server.add(code_service_pb2_grpc.add_CodeServiceServicer_to_server, self.service)  # type: ignore[arg-type]
        self.peers: list[Peer] = []

    def client(self, files: Files | None, host: str = "127.0.0.1") -> Wire:
        address = f"{host}:{self.server.port}"
        tls = None if files is None else self.tls(files)
        peer = Peer("qr", address, keys(), clock=self.clock, randomness=SystemRandomness(), tls=tls)
        self.peers.append(peer)
        return Wire(address, self.service, peer)

    def tls(self, files: Files) -> Tls:
        return Tls(files.cert, files.key, files.ca, self.clock)


@asynccontextmanager
async def living(folder: Path, server: Files) -> AsyncIterator[Town]:
    town = Town(folder, server)
    await town.server.start()
    try:
        yield town
    finally:
        for peer in town.peers:
            await peer.close()
        await town.server.stop(0)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "theirs")


@pytest.fixture
async def town(ours: Authority, tmp_path: Path) -> AsyncIterator[Town]:
    async with living(tmp_path, ours.certificate("qr")) as town:
        yield town


def copy_of(files: Files, folder: Path, name: str) -> Files:
    """The same in a folder of its own, where they can be replaced."""
    (folder / name).mkdir()
    own = Files(folder / name / "tls.crt", folder / name / "tls.key", folder / name / "ca.crt")
    own.take(files)
    return own


async def test_who_shows_a_certificate_of_the_authority_is_let_in(town: Town, ours: Authority) -> None:
    assert await town.client(ours.certificate("edge")).get() == "hello anna"


async def test_who_shows_none_is_not_let_in(town: Town) -> None:
    with pytest.raises(Unavailable):
        await town.client(None).get(timeout_s=2)


async def test_who_shows_one_of_another_authority_is_not_let_in(town: Town, ours: Authority, theirs: Authority) -> None:
    stranger, mine = theirs.certificate("stranger"), ours.certificate("edge")

    with pytest.raises(Unavailable):
        await town.client(Files(stranger.cert, stranger.key, mine.ca)).get(timeout_s=2)
    assert town.service.calls == 0


async def test_a_server_with_a_certificate_of_another_authority_is_not_called(town: Town, theirs: Authority, ours: Authority) -> None:
    mine = ours.certificate("edge")

    with pytest.raises(Unavailable):
        await town.client(Files(mine.cert, mine.key, theirs.certificate("x").ca)).get(timeout_s=2)
    assert town.service.calls == 0


async def test_a_server_that_has_another_name_is_not_called(ours: Authority, tmp_path: Path) -> None:
    async with living(tmp_path, ours.certificate("analytics", of="DNS:analytics.example")) as town:
        with pytest.raises(Unavailable):
            await town.client(ours.certificate("edge")).get(timeout_s=2)
        assert town.service.calls == 0


async def test_a_server_takes_up_new_certificates_without_a_restart(town: Town, ours: Authority, theirs: Authority) -> None:
    new = theirs.certificate("edge")
    assert await town.client(ours.certificate("edge")).get() == "hello anna"
    town.mine.take(theirs.certificate("qr"))
    town.clock.pass_time()

    assert await town.client(new).get() == "hello anna"
    with pytest.raises(Unavailable):
        await town.client(ours.certificate("late")).get(timeout_s=2)


async def test_a_client_takes_up_new_certificates_without_a_restart(town: Town, ours: Authority, theirs: Authority, tmp_path: Path) -> None:
    mine = copy_of(ours.certificate("edge"), tmp_path, "edge")
    client = town.client(mine)
    assert await client.get() == "hello anna"
    town.mine.take(theirs.certificate("qr"))
    mine.take(theirs.certificate("edge"))
    town.clock.pass_time()

    assert await client.get() == "hello anna"
    assert await client.peer.check() == "answers, and is ready"


async def test_calls_under_way_end_well_while_certificates_change(town: Town, ours: Authority, tmp_path: Path) -> None:
    mine = copy_of(ours.certificate("edge"), tmp_path, "edge")
    client = town.client(mine)
    await client.get()
    mine.take(ours.certificate("edge-2"))
    town.clock.pass_time()

    assert [await client.get() for _ in range(3)] == ["hello anna"] * 3
    town.clock.moved_s += 61
    assert await client.get() == "hello anna"
    assert client.peer._reloading is not None
    assert client.peer._reloading._retired == []


async def test_half_replaced_files_are_not_taken_up(town: Town, ours: Authority, theirs: Authority) -> None:
    town.mine.cert.write_bytes(theirs.certificate("qr").cert.read_bytes())
    town.clock.pass_time()

    assert await town.client(ours.certificate("edge")).get() == "hello anna"


async def test_a_unix_socket_stays_plain(ours: Authority, tmp_path: Path) -> None:
    files = ours.certificate("edge")
    tls = Tls(files.cert, files.key, files.ca, SystemClock())
    server = Server(f"unix:{tmp_path}/s", keys(), SETTINGS, not_ready=list, tls=tls)
    await server.start()
    peer = Peer("qr", f"unix:{tmp_path}/s", keys(), clock=SystemClock(), randomness=SystemRandomness(), tls=tls)

    assert await peer.check() == "answers, and is ready"
    assert isinstance(peer.channel, grpc.aio.Channel)
    await peer.close()
    await server.stop(0)


async def test_a_peer_that_is_not_there_is_named(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_kit.rpc._client.CHECK_S", 0.3)
    peer = Peer("qr", f"127.0.0.1:{unused_tcp_port}", keys(), clock=SystemClock(), randomness=SystemRandomness())

    with pytest.raises(Unavailable, match=f"qr at 127.0.0.1:{unused_tcp_port} gives no answer \\(.*refused"):
        await peer.check()
    await peer.close()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("cert", None, r"QUIETZONE_RPC_TLS_CERT: .* can't be read \(No such file or directory\)"),
        ("cert", "no PEM", "QUIETZONE_RPC_TLS_CERT: .* holds no certificates in PEM"),
        ("ca", "", "QUIETZONE_RPC_TLS_CA: .* holds no certificates in PEM"),
        ("key", "other", "QUIETZONE_RPC_TLS_KEY: .*: it isn't a private key in PEM without a password, or not that of the certificate"),
    ],
)
def test_a_wrong_file_is_named(ours: Authority, tmp_path: Path, file: str, content: str | None, message: str) -> None:
    files = copy_of(ours.certificate("edge"), tmp_path, "edge")
    path: Path = getattr(files, file)
    if content is None:
        path.unlink()
    else:
        path.write_text(ours.certificate("another").key.read_text() if content == "other" else content)
    settings = RpcSettings(caller_key="k" * 32, rpc_tls_cert=files.cert, rpc_tls_key=files.key, rpc_tls_ca=files.ca)

    with pytest.raises(SettingsError, match=message):
        Tls.of(settings, SystemClock())


def test_without_settings_calls_are_plain() -> None:
    assert Tls.of(SETTINGS, SystemClock()) is None


def test_one_setting_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match="QUIETZONE_RPC_TLS_KEY, QUIETZONE_RPC_TLS_CA: not set; calls between parts"):
        RpcSettings(caller_key="k" * 32, rpc_tls_cert=Path("tls.crt"))
