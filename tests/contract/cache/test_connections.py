"""TLS, sign-in, and sentinels."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from contract.cache.places import Loads, command, process, server, until
from redis import Redis

from quietzone_kit.cache import Cache, CacheUnavailable, Hit, open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness
from servers.certificates import Certificate, make_certificate
from servers.packages import Packages
from servers.process import NativeServer, free_port, says
from servers.run import Run

pytestmark = [pytest.mark.server("redis"), pytest.mark.usefixtures("patient")]


@dataclass(frozen=True)
class Secured:
    """A Redis that speaks TLS, and wants a client's certificate."""

    port: int
    server: Certificate
    client: Certificate

    def url(self, user: str = "", options: str = "") -> str:
        """With all that it wants."""
        files = f"ca_file={self.server.file}&cert_file={self.client.file}&key_file={self.client.key}"
        return f"rediss://{user}127.0.0.1:{self.port}?{files}{options}"

    def change_password(self, user: str, password: str) -> None:
        """Give a user this password and no other, and end its connections."""
        files = {"ssl_ca_certs": self.server.file, "ssl_certfile": self.client.file, "ssl_keyfile": self.client.key}
        with contextlib.closing(Redis(host="127.0.0.1", port=self.port, ssl=True, **files)) as redis:
            redis.execute_command("ACL", "SETUSER", user, "on", "resetpass", f">{password}", "~*", "&*", "+@all")
            redis.execute_command("CLIENT", "KILL", "USER", user)


@pytest.fixture(scope="module")
def secured(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Secured:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    found = Secured(port, make_certificate(folder), make_certificate(folder, "client"))
    own = ("--tls-cert-file", str(found.server.file), "--tls-key-file", str(found.server.key))
    run.use(server(run.folder("redis-tls"), *own, "--tls-ca-cert-file", str(found.client.file), port=port, scheme="rediss"))
    return found


async def check(url: str) -> None:
    """Ends when its sockets are closed: asyncio says goodbye by TLS first, for which redis-py doesn't wait when a sign-in is refused."""
    watched = asyncio.get_running_loop()._selector.get_map()
    before = len(watched)
    try:
        await open_cache(url, clock=SystemClock(), randomness=SystemRandomness()).check()
    finally:
        await until(lambda: closed(watched, before))


async def closed(watched: Mapping[object, object], before: int) -> bool:
    return len(watched) <= before


async def test_entries_and_messages_go_through_tls_to_a_server_that_knows_its_clients(secured: Secured) -> None:
    async with process(secured.url()) as one, process(secured.url()) as other:
        await one.set("key", b"value")
        await one.check()

        assert await other.get("key") == Hit(b"value")


async def test_a_server_that_nobody_vouches_for_is_refused(secured: Secured) -> None:
    with pytest.raises(CacheUnavailable, match=r"(?i)certificate"):
        await check(f"rediss://127.0.0.1:{secured.port}")


async def test_without_a_certificate_a_server_that_wants_one_says_so(secured: Secured) -> None:
    with pytest.raises(CacheUnavailable, match=r"wants a certificate \(cert_file, key_file\).*QUIETZONE_CACHE_URL"):
        await check(f"rediss://127.0.0.1:{secured.port}?ca_file={secured.server.file}")


async def test_a_wrong_password_is_named_as_such_and_never_shown(secured: Secured) -> None:
    await asyncio.to_thread(secured.change_password, "quiet", "s3cret")

    with pytest.raises(CacheUnavailable, match="look at user, password or password_file") as error:
        await check(secured.url("quiet:wr0ng@"))

    assert "wr0ng" not in str(error.value)


async def test_a_password_that_changes_while_processes_live_needs_no_restart(secured: Secured, tmp_path: Path) -> None:
    """The server has it first, as when a file comes later: until then connections that have ended are refused."""
    file = tmp_path / "password"
    await asyncio.to_thread(file.write_text, "old")
    await asyncio.to_thread(secured.change_password, "changing", "old")
    url = secured.url("changing@", f"&password_file={file}")
    async with process(url) as one, process(url) as other:
        await one.set("key", b"before")
        before = await other.get("key")

        await asyncio.to_thread(secured.change_password, "changing", "new")
        await until(lambda: refused(one))
        await asyncio.to_thread(file.write_text, "new")

        async def shared_again() -> bool:
            await one.set("key", b"after")
            return await other.get("key") == Hit(b"after")

        await until(shared_again)
    assert before == Hit(b"before")


async def refused(cache: Cache) -> bool:
    with contextlib.suppress(CacheUnavailable):
        await cache.check()
        return False
    return True


async def test_the_primary_is_found_through_sentinels_and_again_after_a_failover(run: Run) -> None:
    primary = run.use(server(run.folder("redis-primary")))
    replica = run.use(server(run.folder("redis-replica"), "--replicaof", "127.0.0.1", primary.url.rpartition(":")[2]))
    sentinel = run.use(_sentinel(run.folder("sentinel"), primary.url.rpartition(":")[2]))
    async with process(f"{sentinel.url}/main/0") as one, process(f"{sentinel.url}/main") as other:
        await one.set("key", b"value")
        before = await other.get("key")

        async def replicated() -> bool:
            return "num-slaves\r\n$1\r\n1" in command(sentinel.url, "SENTINEL", "MASTER", "main")

        await until(replicated)
        primary.kill()
        command(sentinel.url, "SENTINEL", "FAILOVER", "main")

        async def shared_again() -> bool:
            await one.set("key", b"new")
            return await other.get("key") == Hit(b"new") and "role:master" in command(replica.url, "INFO", "replication")

        await until(shared_again)
        assert await one.get_or_load("other", Loads()) == b"loaded"
    assert before == Hit(b"value")


def _sentinel(folder: Path, primary_port: str) -> NativeServer:
    port = free_port()
    (folder / "sentinel.conf").write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary_port} 1\n"
        "sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 1000\n"
    )
    program = Packages().program("redis-server", "redis-server")
    return NativeServer(
        (program, str(folder / "sentinel.conf"), "--sentinel"),
        folder,
        lambda: says(port, b"PING\r\n", b"+PONG"),
        url=f"redis+sentinel://127.0.0.1:{port}",
        label="Redis Sentinel",
    )
