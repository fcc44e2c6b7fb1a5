"""Link health through the whole house: a destination of this machine that comes and goes."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from system.conftest import BACKENDS, EMBEDDED

from house import House, house_in, until
from quietzone.qr.v1.health_pb2 import DESTINATION_STATE_ALIVE, DESTINATION_STATE_DEAD, DestinationChanged
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.events import Event, event_of
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.outbox import Relay
from quietzone_kit.reaction import DeadLetters, dead_topic
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, load
from quietzone_qr.app import ALL_COLLECTIONS, build, build_health
from quietzone_qr.codes.domain import NOBODY, AccountId, ScanBase
from quietzone_qr.codes.repository import CODES, Codes
from quietzone_qr.codes.requests import NewCode
from quietzone_qr.codes.use_cases import create_code
from quietzone_qr.health.consumers import NAME
from quietzone_qr.health.domain import State
from quietzone_qr.health.metrics import STOPPED
from quietzone_qr.health.repository import Healths
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.settings import HealthSettings, QrSettings
from quietzone_topics import QR_CODE_V1, QR_DESTINATION_V1, TYPE_QR_CODE

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
SOON = {"QUIETZONE_QR_HEALTH": "true", "QUIETZONE_QR_HEALTH_PRIVATE": "true", "QUIETZONE_QR_HEALTH_EVERY_HOURS": "24"}


class Menu(ThreadingHTTPServer):
    """A web server that answers with `status`, and takes down who asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.status = 200
        self.agents: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/menu"


class Page(BaseHTTPRequestHandler):
    server: Menu

    def do_GET(self) -> None:
        self.server.agents.append(self.headers["User-Agent"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def menu() -> Iterator[Menu]:
    with Menu() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=BACKENDS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that asks destinations again after a second, on each kind of backends."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**SOON, "QUIETZONE_QR_HEALTH_RETRY_S": ",".join("1" * 10)}.items():
            patch.setenv(name, value)
        urls = {} if request.param == EMBEDDED else request.getfixturevalue("new_urls")()
        yield stack.enter_context(house_in(tmp_path_factory.mktemp("house") / "data", urls))


def health_of(house: House, code_id: str) -> Any:
    answer = house.request("GET", f"/v1/codes/{code_id}/health")
    assert answer.status == 200, answer.body
    return answer.json


def test_a_destination_that_is_gone_is_told_of_within_seconds_and_so_is_its_return(house: House, menu: Menu) -> None:
    menu.status = 404
    code = house.create(menu.url)

    until(lambda: health_of(house, code["id"])["state"] == "dead", "the destination is found dead")
    dead = health_of(house, code["id"])
    menu.status = 200
    until(lambda: health_of(house, code["id"])["state"] == "alive", "the destination is found alive")
    alive = health_of(house, code["id"])
    told = asyncio.run(changes(house.bus_url, code["id"], 2))

    assert (dead["reason"], dead["destination"], alive["failures"]) == ("answered 404", menu.url, 0)
    assert dead["checked_at"] < dead["next_check_at"]
    assert [(each.code_id, each.after, each.reason) for each in told] == [
        (code["id"], DESTINATION_STATE_DEAD, "answered 404"),
        (code["id"], DESTINATION_STATE_ALIVE, "answered 200"),
    ]
    assert menu.agents[0].startswith("Quietzone/1.0 (")


def test_what_is_paused_or_leads_elsewhere_is_not_asked_any_more(house: House, menu: Menu) -> None:
    menu.status = 503
    code = house.create(menu.url)
    until(lambda: len(menu.agents) >= 2, "the destination is asked again and again")

    house.request("PATCH", f"/v1/codes/{code['id']}", {"state": "paused"})
    until(lambda: health_of(house, code["id"])["next_check_at"] is None, "the health says that the code is paused")
    asked = len(menu.agents)
    house.request("PATCH", f"/v1/codes/{code['id']}", {"state": "active", "destination": menu.url + "/winter"})
    until(lambda: health_of(house, code["id"])["checked_at"] is not None, "the new destination is asked")

    assert len(menu.agents) <= asked + 2  # one may have been under way
    assert health_of(house, code["id"])["destination"] == menu.url + "/winter"


def test_nobody_learns_the_health_of_a_code_that_is_not_theirs(house: House) -> None:
    answer = house.request("GET", f"/v1/codes/{uuid7(CLOCK, RANDOMNESS)}/health")

    assert (answer.status, answer.json["type"]) == (404, "/problems/not-found")


def dead(house: House) -> bool:
    """Whether a letter waits for link health; the same nonsense is dead for others too."""
    listed = house.command("dlq", "list")
    return re.search(r"qr-health\W+qr\.code\.v1\W+[1-9]", listed.stdout) is not None


def test_dead_letters_are_listed_shown_redriven_and_dropped(house: House) -> None:
    asyncio.run(publish_nonsense(house))
    until(lambda: dead(house), "the letter is dead", within_s=30)

    shown = house.command("dlq", "show", "qr-health")
    unsure = house.command("dlq", "drop", "qr-health")
    wrong = [house.command("dlq", "drop", "qr-health", *which) for which in (("--id", "0-0-7"), ("--key", "elsewhere"))]
    redriven = house.command("dlq", "redrive", "qr-health", "--all")
    until(lambda: dead(house), "it has died again", within_s=30)
    dropped = house.command("dlq", "drop", "qr-health", "--key", "nonsense")

    assert "nonsense" in shown.stdout
    assert "say which: --error, --key or --id, or --all" in re.sub(r"[│\s]+", " ", unsure.stderr)
    assert [(ended.returncode, ended.stdout) for ended in wrong] == [(1, "")] * 2
    assert "no letter 0-0-7 waits for qr-health" in wrong[0].stderr
    assert "no such letter waits for qr-health" in wrong[1].stderr
    assert "1 letters were sent back to qr-health" in redriven.stdout
    assert "1 letters were dropped for qr-health" in dropped.stdout
    assert not dead(house)


async def publish_nonsense(house: House) -> None:
    """A change of a code that nobody can read."""
    bus = bus_at(house.bus_url)
    event = Event("nonsense.1", "/test", TYPE_QR_CODE, "nonsense", 0, b"\xff\xff")
    await bus.publish([event.to_message(QR_CODE_V1.name)])
    await bus.close()


# The role by itself


def urls_in(folder: Path) -> dict[str, str]:
    return {"QUIETZONE_QR_DOCUMENTS_URL": f"sqlite:///{folder}/qr.db", "QUIETZONE_BUS_URL": f"sqlite:///{folder}/bus.db"}


def settings_in(folder: Path, **others: str) -> HealthSettings:
    return load(HealthSettings, urls_in(folder) | SOON | others)


async def test_the_role_runs_alone_and_takes_up_what_happened_before_it_started(tmp_path: Path, menu: Menu) -> None:
    threads = ThreadExecutor("documents", 2)
    documents = open_documents(f"sqlite:///{tmp_path}/qr.db", executor=threads, randomness=RANDOMNESS)
    await documents.ensure(*ALL_COLLECTIONS)
    issued = await create_code(
        Codes(documents, lambda: None),
        Renderer(threads, Gate()),
        CLOCK,
        RANDOMNESS,
        scan=ScanBase.parse("http://localhost:8080"),
        account_id=AccountId("anna"),
        new=NewCode(menu.url, "", None),
        act=NOBODY,
    )
    code = issued.code
    await publish_what_waits(documents, tmp_path)
    app = await build_health(settings_in(tmp_path))
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        group.create_task(app.serve(ready.set))
        await ready.wait()
        while (held := await Healths(documents).get("anna", code.code_id)) is None or held.health.state is State.UNKNOWN:
            await asyncio.sleep(0.02)
        app.stop()
    await documents.close()

    assert held.health.reason == "answered 200"


async def test_switched_off_it_asks_nobody(tmp_path: Path) -> None:
    app = await build_health(settings_in(tmp_path, QUIETZONE_QR_HEALTH_EVERY_HOURS="0"))

    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve(ready.set))
        await ready.wait()
        tasks = sorted(app._running)
        app.stop()

    assert tasks == []


async def foreign_dead_letters(folder: Path) -> None:
    """A topic of dead letters as no reaction of ours makes it."""
    bus = bus_at(urls_in(folder)["QUIETZONE_BUS_URL"])
    await bus.ensure([replace(dead_topic(QR_CODE_V1.name, NAME), partitions=2)])
    await bus.close()


async def stopped(app: App) -> list[str]:
    """What goes on in a process once its reaction has stopped."""
    async with asyncio.TaskGroup() as group, asyncio.timeout(10):
        group.create_task(app.serve())
        while app.not_ready() or not REGISTRY.get_sample_value("quietzone_qr_health_stopped"):
            await asyncio.sleep(0.02)
        running = sorted(name for name, task in app._running.items() if not task.done())
        app.stop()
    return running


async def test_by_itself_it_goes_on_with_checks_when_it_can_hear_of_no_codes(tmp_path: Path) -> None:
    await foreign_dead_letters(tmp_path)
    STOPPED.set(0)

    assert await stopped(await build_health(settings_in(tmp_path))) == ["health checks", "health of codes", "health relay"]


async def test_by_itself_it_does_not_end_when_it_fails_on_everything_to_be_started_again_and_fail_on_more(tmp_path: Path) -> None:
    bus = bus_at(urls_in(tmp_path)["QUIETZONE_BUS_URL"])
    await bus.ensure([QR_CODE_V1])
    nonsense = [Event(f"nonsense.{number}", "/test", TYPE_QR_CODE, "nonsense", 0, b"\xff") for number in range(30)]
    await bus.publish([event.to_message(QR_CODE_V1.name) for event in nonsense])
    STOPPED.set(0)

    running = await stopped(await build_health(settings_in(tmp_path)))
    letters = await DeadLetters(bus, QR_CODE_V1.name, NAME).summary()
    await bus.close()

    assert (letters.total, running) == (20, ["health checks", "health of codes", "health relay"])


async def test_beside_the_rest_it_stops_alone(tmp_path: Path) -> None:
    await foreign_dead_letters(tmp_path)
    STOPPED.set(0)
    told = {"QUIETZONE_CALLER_KEY": "k" * 32, "QUIETZONE_QR_LISTEN": f"unix:{tmp_path}/s"}

    running = await stopped(await build(load(QrSettings, urls_in(tmp_path) | SOON | told)))

    assert running == ["cache", "counters", "health checks", "health of codes", "health relay", "outbox relay", "warm-up"]


@pytest.mark.parametrize("waits", ["0", "600,soon", "86401", ",".join("1" * 11), "-1", "1.5"])
def test_waits_that_make_no_sense_are_named(tmp_path: Path, waits: str) -> None:
    with pytest.raises(SettingsError, match=r"QUIETZONE_QR_HEALTH_RETRY_S: .*use 1 to 10 of them"):
        settings_in(tmp_path, QUIETZONE_QR_HEALTH_RETRY_S=waits)


async def publish_what_waits(documents: Documents, folder: Path) -> None:
    """The codes' events, as the role `serve` publishes them."""
    bus = bus_at(urls_in(folder)["QUIETZONE_BUS_URL"])
    await bus.ensure([QR_CODE_V1])
    await Relay(documents, CODES, bus, clock=CLOCK, randomness=RANDOMNESS, owner="test").publish_batch()
    await bus.close()


async def changes(url: str, code_id: str, count: int) -> list[DestinationChanged]:
    """The first `count` changes that are told of a code's destination."""
    bus = bus_at(url)
    consumer = await bus.follow(QR_DESTINATION_V1.name)
    found: list[Event] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            polled = await consumer.poll(max_records=100, wait_s=1)
            for partition in polled.assigned:
                consumer.seek(partition, 0)
            found += [event_of(record) for records in polled.records.values() for record in records if record.key == code_id]
    await consumer.close()
    await bus.close()
    return [DestinationChanged.FromString(event.data) for event in found]


def bus_at(url: str) -> Bus:
    return open_bus(url, clock=CLOCK, executor=ThreadExecutor("bus", 2), randomness=RANDOMNESS)
