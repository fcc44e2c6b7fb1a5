"""From the files of one machine to servers: no code, no count and no event is lost."""

import asyncio
import importlib
import json
from pathlib import Path

import pytest
from house_events import CALLER, Events, receiving_here, webhooks_go_to
from system.conftest import SERVERS, NewUrls

from house import KEY, House, command, house_in, told, until
from quietzone.analytics.v1.analytics_pb2 import MilestoneReached
from quietzone_kit.bus import open_bus
from quietzone_kit.events import Event
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_standalone.folder import MOVED
from quietzone_standalone.operations.migrate import MigrationFailed, migrate
from quietzone_standalone.settings import DEFAULT_PORT, installation
from quietzone_topics import ANALYTICS_MILESTONE_V1, TYPE_ANALYTICS_MILESTONE

pytestmark = SERVERS


def migrated(house: House, urls: dict[str, str]) -> str:
    """What moving a house that has stopped prints."""
    ended = command("migrate", "--from", "embedded", "--to", "real", "--data", str(house.data), settings=urls | {"QUIETZONE_API_KEY": KEY})
    errors = [line for line in ended.stderr.splitlines() if '"level": "warning"' not in line]  # a server that is slow for a moment is one
    assert (ended.returncode, errors) == (0, [])
    return ended.stdout


def test_codes_counts_and_unforwarded_scans_move_and_go_on(new_urls: NewUrls, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with house_in(data) as house:
        code = house.create("https://example.com/kept", slug="kept")
        gone = house.create("https://example.com/gone", slug="gone")
        house.request("DELETE", f"/v1/codes/{gone['id']}")
        until(lambda: house.scan("kept").status == 302, "the redirect")
        until(lambda: house.total(code["id"]) == 1, "the scan counted")
        house.kill("tracking forwarder")
        assert [house.scan("kept").status for _ in range(5)] == [302] * 5

    urls = new_urls()
    said = migrated(house, dict(urls))
    with house_in(data, urls) as moved:
        assert "✓ 2 codes and 6 scans, before and after" in said
        assert moved.total(code["id"]) == 6
        until(lambda: moved.scan("kept").status == 302, "the redirect")
        assert moved.scan("gone").status == 410
        until(lambda: moved.total(code["id"]) == 7, "counting goes on")
        assert moved.request("POST", "/v1/codes", {"destination": "https://example.com/", "slug": "gone"}).status == 409
        until(lambda: moved.request("GET", "/v1/reconcile").json["stored"] == 7, "reconcile adds up")
        assert moved.request("GET", "/v1/reconcile").json["problems"] == []


def test_a_house_that_has_moved_is_not_served_from_its_files_any_more(new_urls: NewUrls, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with house_in(data) as house:
        house.create("https://example.com/")
    urls = new_urls()
    migrated(house, dict(urls))
    again = command("migrate", "--from", "embedded", "--to", "real", "--data", str(data), settings=dict(urls))

    served = command("serve", "--data", str(data), "--port", str(house.place.port))

    assert "has moved to servers: start it with --backends real" in served.stderr
    assert "has moved to servers" in again.stderr


MILESTONE = "User Milestone Reached"


async def tell_of_a_milestone(bus_url: str, code_id: str) -> None:
    """As analytics does; whoever reads the topic isn't there yet."""
    executor = ThreadExecutor("bus", 1)
    bus = open_bus(bus_url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    data = MilestoneReached(code_id=code_id, account_id=CALLER.account_id, threshold=10, reached_at_ms=1).SerializeToString()
    await bus.publish(
        [Event(f"{code_id}.10", "/analytics", TYPE_ANALYTICS_MILESTONE, code_id, 1, data).to_message(ANALYTICS_MILESTONE_V1.name)]
    )
    await bus.close()
    executor.close()


def test_a_rule_of_before_the_move_hears_what_is_told_first_after_it(new_urls: NewUrls, tmp_path: Path) -> None:
    data, urls = tmp_path / "data", new_urls()
    with receiving_here() as receiver, webhooks_go_to(receiver):
        with house_in(data) as house:
            code = house.create("https://example.com/menu")
            hook = Events(house).hook(receiver, "/moved")
            Events(house).send({"detail-type": [MILESTONE]}, hook)
        migrated(house, dict(urls))
        asyncio.run(tell_of_a_milestone(urls["QUIETZONE_BUS_URL"], code["id"]))

        with house_in(data, urls):
            got = hook.first(MILESTONE)

    assert json.loads(hook.verified(got).body)["detail"]["milestone"] == 10


def test_a_house_whose_events_still_wait_for_rules_does_not_move(
    new_urls: NewUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("quietzone_standalone.operations.migrate"), "DRAINED_WITHIN_S", 5.0)
    monkeypatch.setenv("QUIETZONE_NOTIFICATION_MATCH", "false")  # a reader that isn't there is behind for ever
    data = tmp_path / "data"
    with house_in(data) as house:
        house.create("https://example.com/")

    with told(new_urls()), pytest.raises(MigrationFailed, match=r"\d+ events are still to be heard, after 5 s"):
        asyncio.run(migrate(installation(data, DEFAULT_PORT, None), print, lambda _name, _count: None))

    assert not (data / MOVED).exists()
