"""Roles that end: each part's `migrate` and `verify`, and tracking's `drain`, as processes of their own."""

import importlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from contract.rpc.authority import Authority

from house import EXIT_WITHIN_S, House, environment, until
from quietzone_kit.bus import Bus, Message, open_bus
from quietzone_kit.files import posix_files
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_standalone.roles import embedded_urls
from quietzone_topics import QR_CODE_V1, TOPICS, TRACKING_SCAN_V1, TYPE_QR_CODE
from quietzone_tracking.spool import SpooledScan, SpoolLimits, SpoolWriter

PARTS = ("qr", "tracking", "analytics", "storage", "notification", "gateway")
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


def migrations(part: str) -> list[str]:
    """The names of a part's migrations."""
    return [migration.name for migration in importlib.import_module(f"quietzone_{part}.migrations").MIGRATIONS]


def told(data: Path, urls: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the parts of an installation in `data` are told."""
    run = data / "run"
    return {
        **embedded_urls(data),
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_TRACKING_SPOOL": f"{data}/tracking",
        "QUIETZONE_QR_ADDRESS": f"unix:{run}/qr.sock",
        "QUIETZONE_ANALYTICS_ADDRESS": f"unix:{run}/analytics.sock",
        "QUIETZONE_STORAGE_URL_KEYS": "u" * 32,
        **(urls or {}),
    }


def start(part: str, *role: str, settings: Mapping[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"quietzone_{part}", *role]
    return subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def run(part: str, *role: str, settings: Mapping[str, str]) -> tuple[int, list[str], str]:
    """A role's exit code, what it said, and its log."""
    process = start(part, *role, settings=settings)
    said, logged = process.communicate(timeout=EXIT_WITHIN_S)
    return process.returncode, said.splitlines(), logged


def bus_of(data: Path) -> Bus:
    return open_bus(f"sqlite:///{data}/bus.db", clock=CLOCK, executor=ThreadExecutor("bus", 2), randomness=RANDOMNESS)


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A folder with a bus that has all topics, and nothing else."""
    bus = bus_of(tmp_path)
    await bus.ensure(TOPICS)
    await bus.close()
    return tmp_path


@pytest.fixture(scope="module")
def used_house(house: House) -> House:
    """A house in which something has happened."""
    code = house.create("https://example.com/menu")
    for _ in range(3):
        assert house.scan(code["slug"]).status == 302
    until(lambda: house.total(code["id"]) == 3, "the scans are counted")
    return house


@pytest.mark.parametrize("part", PARTS)
def test_a_running_part_is_well(used_house: House, part: str) -> None:
    code, said, logged = run(part, "verify", settings=told(used_house.data, used_house.urls))

    assert code == 0, (said, logged)
    assert len(said) >= 4
    assert all(line.startswith("ok ") for line in said)


@pytest.mark.parametrize("part", PARTS)
def test_migrating_what_runs_finds_all_there(used_house: House, part: str) -> None:
    code, said, _ = run(part, "migrate", settings=told(used_house.data, used_house.urls))

    assert code == 0
    assert said[0].endswith("collections and their indexes are there")
    assert said[1:] == ([f"{name}: migrated already" for name in migrations(part)] or ["no documents are to be changed"])


@pytest.mark.parametrize("part", ["qr", "analytics", "storage", "notification"])  # the others' services would have to be there
def test_a_store_is_made_by_migrate_and_found_well_by_verify(data: Path, part: str) -> None:
    settings = told(data)
    before, said_before, _ = run(part, "verify", settings=settings)
    migrated, made, _ = run(part, "migrate", settings=settings)
    after, said_after, _ = run(part, "verify", settings=settings)

    assert (before, migrated, after) == (1, 0, 0), (said_before, made, said_after)
    assert said_before[0].startswith("FAILED  store: the store lacks collection ")
    assert made[0].startswith("made collection ")
    assert said_after[0].startswith("ok      store: answers, and has all ")


@pytest.mark.parametrize("part", [part for part in PARTS if not migrations(part)])
def test_contracting_without_anything_to_contract_says_so(data: Path, part: str) -> None:
    assert run(part, "migrate", "--contract", settings=told(data))[:2] == (0, ["nothing is to be contracted"])


@pytest.mark.parametrize("part", [part for part in PARTS if migrations(part)])
def test_contracting_comes_after_migrating(data: Path, part: str) -> None:
    settings = told(data)
    too_early, _, logged = run(part, "migrate", "--contract", settings=settings)
    run(part, "migrate", settings=settings)
    contracted, said, _ = run(part, "migrate", "--contract", settings=settings)

    assert (too_early, contracted) == (1, 0)
    assert "isn't migrated yet" in logged
    assert [line.split(":")[0] for line in said] == migrations(part)


@pytest.mark.parametrize("part", ["qr", "tracking", "storage", "notification"])
async def test_a_record_that_can_not_be_decoded_is_named(data: Path, part: str) -> None:
    headers = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/x"), ("ce_type", TYPE_QR_CODE.encode()))
    bus = bus_of(data)
    await bus.publish([Message(QR_CODE_V1.name, "k", b"\xff\xff", (*headers, ("ce_time", b"2026-11-21T00:00:00Z")), partition=5)])
    await bus.close()

    code, said, logged = run(part, "verify", settings=told(data))

    assert code == 1
    assert any(line.startswith("FAILED  events of qr.code.v1: qr.code.v1 partition 5 offset 0: ") for line in said)
    assert "checks failed: " in logged


def test_a_gateway_whose_services_are_away_is_not_well(data: Path) -> None:
    settings = {**told(data), "QUIETZONE_QR_ADDRESS": "127.0.0.1:1", "QUIETZONE_ANALYTICS_ADDRESS": "127.0.0.1:1"}

    code, said, _ = run("gateway", "verify", settings=settings)

    assert code == 1
    failed = [line for line in said if line.startswith("FAILED  ")]
    assert [line.split(":")[0] for line in failed] == ["FAILED  store", "FAILED  qr", "FAILED  analytics"]
    assert "qr at 127.0.0.1:1 gives no answer" in failed[1]


def test_a_bus_that_is_away_is_named(data: Path, unused_tcp_port: int) -> None:
    settings = {**told(data), "QUIETZONE_BUS_URL": f"kafka://user:secret@127.0.0.1:{unused_tcp_port}"}

    code, said, logged = run("qr", "verify", settings=settings)

    assert code == 1
    assert any(line.startswith("FAILED  bus: ") and f"127.0.0.1:{unused_tcp_port}" in line for line in said)
    assert "secret" not in f"{said}{logged}"


@pytest.fixture
def encrypted(data: Path, tmp_path: Path, unused_tcp_port: int) -> Iterator[Callable[[str], dict[str, str]]]:
    """What parts are told to call a qr service with mutual TLS, that runs; each with a certificate of its own."""
    authority = Authority(tmp_path, "authority")

    def of(name: str) -> dict[str, str]:
        files = authority.certificate(name)
        own = {"CERT": files.cert, "KEY": files.key, "CA": files.ca}
        return {
            **told(data),
            **{f"QUIETZONE_RPC_TLS_{kind}": str(path) for kind, path in own.items()},
            "QUIETZONE_QR_ADDRESS": f"127.0.0.1:{unused_tcp_port}",
        }

    qr = start("qr", "serve", settings={**of("qr"), "QUIETZONE_QR_LISTEN": f"127.0.0.1:{unused_tcp_port}", "QUIETZONE_QR_HEALTH": "false"})
    yield of
    qr.terminate()
    qr.communicate(timeout=EXIT_WITHIN_S)


@pytest.mark.parametrize("part", ["tracking", "gateway"])
def test_parts_call_each_other_with_certificates(encrypted: Callable[[str], dict[str, str]], part: str) -> None:
    until(lambda: "ok      qr: answers, and is ready" in run(part, "verify", settings=encrypted(part))[1], "qr answers, and is ready")


def test_a_part_without_a_certificate_is_not_let_in(encrypted: Callable[[str], dict[str, str]]) -> None:
    settings = {name: value for name, value in encrypted("gateway").items() if "_TLS_" not in name}

    _, said, _ = run("gateway", "verify", settings=settings)

    assert any(line.startswith("FAILED  qr: qr at 127.0.0.1:") for line in said)


def test_a_wrong_certificate_is_named_before_anything_starts(data: Path, tmp_path: Path) -> None:
    files = Authority(tmp_path, "authority").certificate("qr")
    tls = {"QUIETZONE_RPC_TLS_CERT": str(files.key), "QUIETZONE_RPC_TLS_KEY": str(files.key), "QUIETZONE_RPC_TLS_CA": str(files.ca)}

    code, _, logged = run("qr", "serve", settings={**told(data), **tls})

    assert code == 2
    assert logged.endswith(f"QUIETZONE_RPC_TLS_CERT: {files.key} holds no certificates in PEM\n")


async def spooled(data: Path, scans: int) -> None:
    """What a killed edge leaves behind."""
    files = posix_files(data / "tracking")
    spool = SpoolWriter.open(files, ThreadExecutor("spool"), CLOCK, SpoolLimits(), new_source=lambda: uuid7(CLOCK, RANDOMNESS))
    spool.append([SpooledScan("code-1", "main", CLOCK.now_ms(), 7, b"\xcb\x00\x71", b"curl/8.5.0", b"", b"de")] * scans)
    await spool.close()


async def test_drain_forwards_what_an_edge_has_left(data: Path) -> None:
    await spooled(data, 12)

    code, said, logged = run("tracking", "drain", settings=told(data))

    assert (code, said) == (0, ["1 sources drained"]), logged
    bus = bus_of(data)
    held = [await bus.bounds(TRACKING_SCAN_V1.name, partition) for partition in range(TRACKING_SCAN_V1.partitions)]
    await bus.close()
    assert sum(bounds.next for bounds in held) == 1 + TRACKING_SCAN_V1.partitions  # the batch, and the end in each partition


def test_drain_refuses_while_an_edge_has_the_spool(used_house: House) -> None:
    code, said, logged = run("tracking", "drain", settings=told(used_house.data, used_house.urls))

    assert (code, said) == (1, [])
    assert "has this spool" in logged


async def test_work_that_is_stopped_before_its_end_has_failed(data: Path, unused_tcp_port: int) -> None:
    await spooled(data, 1)
    drain = start("tracking", "drain", settings={**told(data), "QUIETZONE_BUS_URL": f"kafka://127.0.0.1:{unused_tcp_port}"})
    assert drain.stderr is not None
    while "the bus refused" not in (line := drain.stderr.readline()):
        assert line, "drain has ended by itself"

    drain.send_signal(signal.SIGTERM)
    _, logged = drain.communicate(timeout=EXIT_WITHIN_S)

    assert drain.returncode == 1
    assert "stopped before its end" in logged
