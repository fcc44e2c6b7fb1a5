"""Commands for operators, on an installation that runs."""

import asyncio
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from ports import Inline
from system.conftest import REAL

from house import House, command, until
from quietzone_kit.bus import open_bus
from quietzone_kit.bus.topics import open_topics
from quietzone_kit.events import Event
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_standalone.settings import Backends
from quietzone_topics import ANALYTICS_MILESTONE_V1, QR_CODE_V1, TOPICS, TYPE_ANALYTICS_MILESTONE


def source_and_number(house: House) -> str:
    """The id of the only scan of the only source."""
    [source] = house.request("GET", "/v1/reconcile").json["sources"]
    return f"{source['source_id']}:1"


def test_trace_follows_a_scan_from_the_spool_to_its_count(house: House) -> None:
    code = house.create("https://example.com/")
    until(lambda: house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: house.total(code["id"]) == 1, "the count")

    ended = house.command("trace", source_and_number(house))

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

    well = 12 if house.backends is Backends.EMBEDDED else 13  # files have no cache
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (0, well, 0)


def test_doctor_says_what_is_wrong_and_looks_at_the_rest(own_house: House) -> None:
    own_house.stop()
    (own_house.data / "gateway.db").write_bytes(b"no database" * 1000)

    ended = own_house.command("doctor")
    own_house.data.joinpath("gateway.db").unlink()
    own_house.start()

    assert re.search(r"✗ store of gateway: .*gateway\.db.*QUIETZONE_GATEWAY_DOCUMENTS_URL", ended.stdout)
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (1, 11, 1)


def test_doctor_says_that_blobs_cannot_be_had(own_house: House) -> None:
    own_house.stop()
    blobs = own_house.data / "blobs"
    shutil.rmtree(blobs, ignore_errors=True)  # it is made when it is first used
    blobs.write_bytes(b"no folder")

    ended = own_house.command("doctor")
    blobs.unlink()
    own_house.start()

    assert re.search(r"✗ blobs: .*QUIETZONE_ANALYTICS_BLOBS_URL", ended.stdout)
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (1, 11, 1)


@pytest.mark.parametrize("house", [REAL], indirect=True)
@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("QUIETZONE_GATEWAY_DOCUMENTS_URL", "mongodb://127.0.0.1:1/gateway", "✗ store of gateway: .*127.0.0.1:1"),
        ("QUIETZONE_ANALYTICS_BLOBS_URL", "s3://nowhere?endpoint=http://127.0.0.1:1&region=x", "✗ blobs: .*127.0.0.1:1"),
        ("QUIETZONE_CACHE_URL", "redis://127.0.0.1:1", "✗ cache: .*127.0.0.1:1"),
    ],
)
def test_doctor_names_a_server_that_is_away_and_looks_at_the_rest(house: House, name: str, url: str, said: str) -> None:
    ended = command("doctor", "--data", str(house.data), "--backends", "real", settings={**house.urls, name: url})

    assert re.search(said, ended.stdout)
    assert (ended.returncode, ended.stdout.count("✓"), ended.stdout.count("✗")) == (1, 12, 1)


@pytest.mark.parametrize("house", [REAL], indirect=True)
def test_doctor_says_once_that_no_broker_can_be_reached(house: House) -> None:
    ended = command(
        "doctor", "--data", str(house.data), "--backends", "real", settings={**house.urls, "QUIETZONE_BUS_URL": "kafka://127.0.0.1:1"}
    )

    [bus] = [finding for finding in re.split("[✓✗]", ended.stdout) if finding.startswith(" bus: ")]
    assert bus.count("can't be reached") == 1


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


def test_a_topic_with_another_retention_is_planned_checked_and_applied(house: House) -> None:
    asyncio.run(_keep_for(house, 8_640_000_000))

    planned = house.command("topics", "plan")
    checked = house.command("topics", "check")
    applied = house.command("topics", "apply")
    after = house.command("topics", "check")

    assert "• qr.code.v1: retention.ms is 8640000000, apply makes it 2592000000" in planned.stdout
    assert [ended.returncode for ended in (planned, checked, applied, after)] == [0, 1, 0, 0]


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
    assert "7 settings are wrong" in ended.stdout + ended.stderr


def test_letters_are_named_by_their_consumer_and_the_topic_that_they_came_from(house: House) -> None:
    asyncio.run(_tell_nonsense(house))
    consumers = [f"{name}/{ANALYTICS_MILESTONE_V1.name}" for name in ("notification-rules", "notification-news")]
    for consumer in consumers:
        until(partial(_is_dead, house, consumer), "the letter is dead")

    listed = house.command("dlq", "list")
    dropped = [house.command("dlq", "drop", consumer, "--all").stdout for consumer in consumers]

    assert (listed.returncode, listed.stdout.count("DecodeError 1")) == (1, 2)
    assert dropped == [f"✓ 1 letters were dropped for {consumer}\n" for consumer in consumers]


def _is_dead(house: House, consumer: str) -> bool:
    return "nonsense" in house.command("dlq", "show", consumer).stdout


async def _tell_nonsense(house: House) -> None:
    """A milestone that nobody can read: to rules it is an event, and there is a mail about it."""
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(house.bus_url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    event = Event("nonsense.1", "/test", TYPE_ANALYTICS_MILESTONE, "nonsense", 0, b"\xff\xff")
    await bus.publish([event.to_message(ANALYTICS_MILESTONE_V1.name)])
    await bus.close()
    executor.close()


async def _keep_for(house: House, retention_ms: int) -> None:
    """What somebody sets on the bus who doesn't know better."""
    admin = open_topics(house.bus_url, clock=SystemClock(), executor=Inline(), randomness=SystemRandomness())
    await admin.reshape(replace(QR_CODE_V1, retention_ms=retention_ms))
    await admin.close()
