"""TLS, and sentinels."""

import subprocess
from pathlib import Path

import pytest
from contract.cache.places import Loads, command, process, server, until

from quietzone_kit.cache import CacheUnavailable, Hit, open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness
from servers.packages import Packages
from servers.process import NativeServer, free_port, says
from servers.run import Run

pytestmark = [pytest.mark.server("redis"), pytest.mark.usefixtures("patient")]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    program = Packages().program("openssl", "openssl")
    own = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    made = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    subprocess.run([program, "req", "-x509", *kind, *own, *made], check=True, capture_output=True, timeout=20)
    return folder


@pytest.fixture(scope="session")
def secured(run: Run, certificate: Path) -> NativeServer:
    """A Redis that speaks TLS, and knows its clients by the same certificate."""
    files = ("--tls-cert-file", f"{certificate}/cert.pem", "--tls-key-file", f"{certificate}/key.pem")
    return run.use(server(run.folder("redis-tls"), *files, "--tls-ca-cert-file", f"{certificate}/cert.pem", scheme="rediss"))


async def test_entries_and_messages_go_through_tls(secured: NativeServer, certificate: Path) -> None:
    url = f"{secured.url}?ca_file={certificate}/cert.pem&cert_file={certificate}/cert.pem&key_file={certificate}/key.pem"
    async with process(url) as one, process(url) as other:
        await one.set("key", b"value")
        await one.check()

        assert await other.get("key") == Hit(b"value")


async def test_a_server_that_nobody_vouches_for_is_refused(secured: NativeServer) -> None:
    cache = open_cache(secured.url, clock=SystemClock(), randomness=SystemRandomness())

    with pytest.raises(CacheUnavailable, match=r"(?i)certificate"):
        await cache.check()


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
