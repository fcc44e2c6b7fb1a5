"""How long a process takes to end when what it consists of doesn't: the sum that whoever kills it counts on, in virtual time."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from quietzone_kit.lifecycle import CLOSE_S, App
from quietzone_kit.lifecycle._app import CLOSE_LEAST_S
from simulation.chance import Chance
from simulation.loop import SimulatedLoop

DRAIN_S = 20.0

HARDLY_S = 0.01
"""What a few turns of the loop take, in virtual time."""


class Hanging:
    """Servers, tasks and resources that take `takes_s` to stop."""

    def __init__(self, takes_s: float = 1e6) -> None:
        self.takes_s = takes_s
        self.closed = 0

    async def start(self) -> None:
        """At once."""

    async def stop(self, grace_s: float) -> None:  # noqa: ARG002
        await self.close()

    async def close(self) -> None:
        await asyncio.sleep(self.takes_s)
        self.closed += 1

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()


def stopping(build: Callable[[App], object]) -> tuple[float, list[str]]:
    """How many seconds this app takes from being asked to stop to its end, and what it says of it."""
    loop = SimulatedLoop(Chance("closing"))
    app = App(drain_s=DRAIN_S)
    build(app)
    asked = 0.0

    def ask() -> None:
        nonlocal asked
        asked = loop.time()
        app.stop()

    with capture_logs() as logs:
        try:
            loop.run_until_complete(app.serve(lambda: loop.call_soon(ask)))
            return loop.time() - asked, [f"{each['event']}: {each.get('resource') or each.get('task')}" for each in logs]
        finally:
            loop.finish()


def cut_off(*names: str) -> list[str]:
    return [f"closing cut off: {name}" for name in names]


def resources(app: App, hanging: Hanging) -> None:
    for name in ("store", "bus", "cache", "qr", "spool"):
        app.close(name, hanging.close)


def test_five_resources_that_hang_take_no_longer_than_one() -> None:
    took_s, _ = stopping(lambda app: resources(app, Hanging()))

    assert took_s == pytest.approx(CLOSE_S, abs=HARDLY_S)


def test_it_says_which_were_cut_off() -> None:
    _, said = stopping(lambda app: resources(app, Hanging()))

    assert said == cut_off("spool", "qr", "cache", "bus", "store")


def test_what_is_slow_leaves_the_rest_to_the_others() -> None:
    slow, quick, hanging = Hanging(3.0), Hanging(1.0), Hanging()

    def build(app: App) -> None:
        app.close("hangs", hanging.close)
        app.close("quick", quick.close)
        app.close("slow", slow.close)

    took_s, said = stopping(build)

    assert (slow.closed, quick.closed, said) == (1, 1, cut_off("hangs"))
    assert took_s == pytest.approx(CLOSE_S, abs=HARDLY_S)


def test_what_closes_in_no_time_is_closed_after_others_that_hang() -> None:
    quick = Hanging(CLOSE_LEAST_S / 2)

    def build(app: App) -> None:
        app.close("store", quick.close)
        resources(app, Hanging())

    stopping(build)

    assert quick.closed == 1


def test_time_that_a_server_has_for_what_is_under_way_is_none_of_closings() -> None:
    server, resource = Hanging(DRAIN_S - 1), Hanging(CLOSE_S - 1)

    def build(app: App) -> None:
        app.close("store", resource.close)
        app.server("rpc", server)

    _, said = stopping(build)

    assert (server.closed, resource.closed, said) == (1, 1, [])


def test_a_process_in_which_everything_hangs_ends_in_time_with_its_operators_port() -> None:
    hanging = Hanging()

    def build(app: App) -> None:
        resources(app, hanging)
        app.task("asked", asyncio.Event().wait, stop=lambda: None)  # type: ignore[arg-type] # its result is nobody's business
        app.server("rpc", hanging)
        app.server("scans", hanging)
        app.observe(hanging)

    took_s, said = stopping(build)

    assert took_s == pytest.approx(DRAIN_S + CLOSE_S, abs=HARDLY_S)
    assert said == [*cut_off("scans", "rpc"), "task cut off: asked", *cut_off("spool", "qr", "cache", "bus", "store", "ops")]


def test_a_task_that_takes_its_time_to_be_cancelled_takes_it_from_the_closings() -> None:
    task, resource = Hanging(CLOSE_S - 1), Hanging()

    def build(app: App) -> None:
        app.close("store", resource.close)
        app.task("links", task.run)

    took_s, said = stopping(build)

    assert (task.closed, took_s, said) == (1, pytest.approx(CLOSE_S, abs=HARDLY_S), cut_off("store"))


def test_a_task_that_does_not_heed_its_cancellation_is_named() -> None:
    task = Hanging(CLOSE_S + 1)

    _, said = stopping(lambda app: app.task("links", task.run))

    assert said == ["task doesn't end: links"]
