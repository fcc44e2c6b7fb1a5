"""Commands for operators, on an installation that runs."""

import asyncio
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from house import House, command, house_in, until
from quietzone_kit.bus import open_bus
from quietzone_kit.events import Event
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_standalone import Backends
from quietzone_topics import QR_CODE_V1, TOPICS, TYPE_QR_CODE


def source_and_number(house: House) -> str:
    """The id of the only scan of the only source."""
    [source] = house.request("GET", "/v1/reconcile").json["sources"]
    return f"{source['source_id']}:1"


def test_trace_follows_a_scan_from_the_spool_to_its_count(own_house: House) -> None:
    code = own_house.create("https://example.com/")
    until(lambda: own_house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: own_house.total(code["id"]) == 1, "the count")

    ended = own_house.command("trace", source_and_number(own_house))

    said = re.sub(r"[│\s]+", " ", ended.stdout)
    assert "✓ spool forwarded" in said
    assert "✓ bus tracking.scan.v1, partition" in said
    assert f"✓ count in the total of code {code['id']} of account" in said
    assert ended.returncode == 0


def test_trace_follows_a_change_of_a_code_to_its_link(house: House) -> None:
    code = house.create("https://example.com/")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    ended = house.command("trace", f"{code['id']}.1")

    said = re.sub(r"[│\s]+", " ", ended.stdout)
    assert "✓ code its revision is 1; the event was published" in said
    assert "✓ bus qr.code.v1, partition" in said
    assert "✓ link tracking has revision 1 of it" in said


def test_trace_says_what_has_not_happened(house: House) -> None:
    code = house.create("https://example.com/")

    ended = house.command("trace", f"{code['id']}.2")

    assert "its revision is 1: there was no such change" in re.sub(r"[│\s]+", " ", ended.stdout)
    assert ended.returncode == 1


def test_trace_says_how_ids_look(house: House) -> None:
    ended = house.command("trace", "17")

    assert "'17' is no event's id: a scan is <source>:<number>" in ended.stderr
    assert ended.returncode == 1


def test_doctor_finds_a_house_that_runs_well(house: House) -> None:
    ended = house.command("doctor")

    well = 9 if house.backends is Backends.EMBEDDED else 8  # on servers it names no blobs
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (0, well, 0)


def test_doctor_says_what_is_wrong_and_looks_at_the_rest(own_house: House) -> None:
    own_house.stop()
    (own_house.data / "gateway.db").write_bytes(b"no database" * 1000)

    ended = own_house.command("doctor")
    own_house.data.joinpath("gateway.db").unlink()
    own_house.start()

    assert re.search(r"✗ store of gateway: .*gateway\.db.*QUIETZONE_GATEWAY_DOCUMENTS_URL", ended.stdout)
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (1, 8, 1)


def test_doctor_says_that_blobs_cannot_be_had(own_house: House) -> None:
    own_house.stop()
    blobs = own_house.data / "blobs"
    shutil.rmtree(blobs, ignore_errors=True)  # it is made when it is first used
    blobs.write_bytes(b"no folder")

    ended = own_house.command("doctor")
    blobs.unlink()
    own_house.start()

    assert re.search(r"✗ blobs: .*QUIETZONE_ANALYTICS_BLOBS_URL", ended.stdout)
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (1, 8, 1)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://", "✓ cache: answers"),
        ("redis://127.0.0.1:1/0", "✗ cache: .*127.0.0.1:1.*QUIETZONE_CACHE_URL"),
        ("memcached://host", "✗ cache: QUIETZONE_CACHE_URL: no such scheme"),
    ],
)
def test_doctor_looks_at_a_cache_that_is_named(embedded_house: House, url: str, said: str) -> None:
    ended = command("doctor", "--data", str(embedded_house.data), settings={"QUIETZONE_CACHE_URL": url})

    assert re.search(said, ended.stdout)
    assert ended.returncode == said.startswith("✗")


def test_doctor_says_where_there_is_nothing(tmp_path: Path) -> None:
    ended = command("doctor", "--data", str(tmp_path / "nowhere"))

    assert "nowhere holds no Quietzone: name its folder with --data" in ended.stderr


def test_topics_are_as_declared_in_a_house_that_has_run(house: House) -> None:
    ended = house.command("topics", "check")

    assert (ended.returncode, ended.stdout) == (0, f"✓ all {len(TOPICS)} topics are as declared\n")


def test_a_topic_with_another_retention_is_planned_checked_and_applied(own_house: House) -> None:
    with sqlite3.connect(own_house.data / "bus.db") as database:
        database.execute("UPDATE topics SET retention_ms = 1000 WHERE name = 'qr.code.v1'")
    database.close()

    planned = own_house.command("topics", "plan")
    checked = own_house.command("topics", "check")
    applied = own_house.command("topics", "apply")
    after = own_house.command("topics", "check")

    assert "• qr.code.v1: retention.ms is 1000, apply makes it 2592000000" in planned.stdout
    assert [ended.returncode for ended in (planned, checked, applied, after)] == [0, 1, 0, 0]


def test_dead_letters_are_listed_shown_redriven_and_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETZONE_QR_HEALTH", "true")
    with house_in(tmp_path / "data") as house:
        asyncio.run(_publish_nonsense(house))
        until(lambda: house.command("dlq", "list").returncode == 1, "the letter is dead", within_s=30)

        shown = house.command("dlq", "show", "qr-health")
        unsure = house.command("dlq", "drop", "qr-health")
        redriven = house.command("dlq", "redrive", "qr-health", "--all")
        until(lambda: house.command("dlq", "list").returncode == 1, "it has died again", within_s=30)
        dropped = house.command("dlq", "drop", "qr-health", "--key", "nonsense")

        assert "nonsense" in shown.stdout
        assert "say which: --error, --key or --id, or --all" in re.sub(r"[│\s]+", " ", unsure.stderr)
        assert "1 letters were sent back to qr-health" in redriven.stdout
        assert "1 letters were dropped for qr-health" in dropped.stdout
        assert house.command("dlq", "list").returncode == 0


async def _publish_nonsense(house: House) -> None:
    """A change of a code that nobody can read."""
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(f"sqlite:///{house.data}/bus.db", clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    event = Event("nonsense.1", "/test", TYPE_QR_CODE, "nonsense", 0, b"\xff\xff")
    await bus.publish([event.to_message(QR_CODE_V1.name)])
    await bus.close()
    executor.close()


def test_topics_need_the_bus_alone(tmp_path: Path, unused_tcp_port: int) -> None:
    """A Job that makes them is told nothing of the stores."""
    settings = {"QUIETZONE_BUS_URL": f"kafka://127.0.0.1:{unused_tcp_port}"}

    ended = command("topics", "apply", "--data", str(tmp_path), "--backends", "real", settings=settings)

    assert ended.returncode == 1
    assert f"127.0.0.1:{unused_tcp_port}" in ended.stdout + ended.stderr
    assert "must be set" not in ended.stdout + ended.stderr


def test_what_needs_the_stores_names_those_that_are_missing(tmp_path: Path) -> None:
    settings = {"QUIETZONE_BUS_URL": "kafka://127.0.0.1:1"}

    ended = command("doctor", "--data", str(tmp_path), "--backends", "real", settings=settings)

    assert ended.returncode != 0
    assert "4 settings are wrong" in ended.stdout + ended.stderr
