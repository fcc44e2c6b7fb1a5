import asyncio
from collections.abc import Awaitable, Callable

import pytest

from quietzone_kit.lifecycle import App, NotDone, State, TaskDied


class Journal(list[str]):
    """What happened, in order."""

    def closing(self, name: str) -> Callable[[], Awaitable[None]]:
        async def close() -> None:
            self.append(f"{name} closed")

        return close

    async def work(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.append("task ended")


class Door:
    """A server."""

    def __init__(self, journal: Journal, *, taken: bool = False) -> None:
        self.journal = journal
        self.taken = taken

    async def start(self) -> None:
        if self.taken:
            raise OSError("taken")
        self.journal.append("server started")

    async def stop(self, grace_s: float) -> None:
        self.journal.append(f"server stopped, {grace_s:.0f} s of grace")


async def serve_until_ready(app: App) -> None:
    """Run the app until it is ready, then ask it to stop."""
    loop = asyncio.get_running_loop()
    await asyncio.wait_for(app.serve(lambda: loop.call_soon(app.stop)), 5)  # tasks get a turn first


async def test_what_was_registered_last_stops_first() -> None:
    journal, app = Journal(), App(drain_s=3)
    app.close("store", journal.closing("store"))
    app.close("bus", journal.closing("bus"))
    app.task("relay", journal.work)
    app.server("rpc", Door(journal))

    await serve_until_ready(app)

    assert journal == ["server started", "server stopped, 3 s of grace", "task ended", "bus closed", "store closed"]


async def test_the_operators_port_answers_from_first_to_last() -> None:
    journal, app, ops = Journal(), App(), Journal()
    app.close("store", journal.closing("store"))
    app.observe(Door(ops))

    async def close() -> None:
        ops.append("rest closed")

    app.close("last", close)

    await serve_until_ready(app)

    assert ops == ["server started", "rest closed", "server stopped, 10 s of grace"]


async def test_a_dead_task_ends_the_process_with_its_reason() -> None:
    app = App()

    async def work() -> None:
        raise LookupError("the disk is gone")

    app.task("relay", work)

    with pytest.raises(TaskDied, match="task relay died: LookupError: the disk is gone"):
        await asyncio.wait_for(app.serve(), 5)


async def test_a_task_that_returns_by_itself_counts_as_dead() -> None:
    app = App()

    async def work() -> None:
        return

    app.task("relay", work)

    with pytest.raises(TaskDied, match="ended without being asked to"):
        await asyncio.wait_for(app.serve(), 5)


async def test_resources_are_closed_when_a_task_dies() -> None:
    journal, app = Journal(), App()

    async def work() -> None:
        raise LookupError("gone")

    app.close("store", journal.closing("store"))
    app.task("relay", work)

    with pytest.raises(TaskDied):
        await asyncio.wait_for(app.serve(), 5)
    assert journal == ["store closed"]


async def test_a_task_that_can_be_asked_ends_by_itself() -> None:
    journal, app, asked = Journal(), App(), asyncio.Event()

    async def work() -> None:
        await asked.wait()
        journal.append("flushed")

    app.task("forwarder", work, stop=asked.set)

    await serve_until_ready(app)

    assert journal == ["flushed"]


async def test_a_task_that_takes_too_long_to_end_is_cut_off() -> None:
    journal, app = Journal(), App(drain_s=0.01)
    app.task("forwarder", journal.work, stop=lambda: journal.append("asked"))

    await serve_until_ready(app)

    assert journal == ["asked", "task ended"]


async def test_what_fails_to_close_keeps_nothing_else_open() -> None:
    journal, app = Journal(), App()

    async def fail() -> None:
        raise OSError("disk full")

    app.close("store", journal.closing("store"))
    app.close("bus", fail)

    await serve_until_ready(app)

    assert journal == ["store closed"]


async def test_a_server_that_cannot_start_ends_the_process_and_closes_the_rest() -> None:
    journal, app = Journal(), App()
    app.close("store", journal.closing("store"))
    app.server("first", Door(journal))
    app.server("second", Door(journal, taken=True))

    with pytest.raises(OSError, match="taken"):
        await asyncio.wait_for(app.serve(), 5)
    assert journal == ["server started", "server stopped, 10 s of grace", "store closed"]


async def test_it_is_ready_only_when_every_condition_holds() -> None:
    app, missing = App(), ["loading"]
    app.ready_when("links", lambda: missing[0] if missing else None)
    ready = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(app.serve(ready.set))
        await asyncio.sleep(0)
        before = app.not_ready()
        missing.clear()
        await asyncio.wait_for(ready.wait(), 5)
        after = app.not_ready()
        missing.append("fell behind")
        later = app.not_ready()
        app.stop()
        await serving

    assert (before, after, later) == (["process: starting", "links: loading"], [], ["links: fell behind"])


async def test_it_says_that_it_is_not_ready_while_it_drains() -> None:
    app, seen = App(), list[str]()

    async def close() -> None:
        seen.extend(app.not_ready())

    app.close("store", close)

    await serve_until_ready(app)

    assert (seen, app.state) == (["process: draining"], State.STOPPED)


async def test_it_can_be_stopped_before_it_is_ready() -> None:
    app = App()
    app.ready_when("links", lambda: "never")
    app.stop()

    await asyncio.wait_for(app.serve(lambda: pytest.fail("it was never ready")), 5)


async def test_work_that_is_done_stops_the_process() -> None:
    journal, app = Journal(), App()
    app.close("store", journal.closing("store"))

    async def migrate() -> None:
        journal.append("done")

    app.once("migrate", migrate)

    await asyncio.wait_for(app.serve(), 5)

    assert journal == ["done", "store closed"]


async def test_work_that_was_stopped_before_its_end_has_died() -> None:
    app = App()
    app.once("drain", asyncio.Event().wait)  # type: ignore[arg-type] # its result is nobody's business

    with pytest.raises(TaskDied, match="drain was stopped before its end: start it again"):
        await serve_until_ready(app)


async def test_work_that_finds_something_wrong_ends_the_process_with_its_words() -> None:
    app = App()

    async def look() -> None:
        raise NotDone("2 of 7 checks failed")

    app.once("verify", look)

    with pytest.raises(TaskDied, match="task verify died: NotDone: 2 of 7 checks failed"):
        await asyncio.wait_for(app.serve(), 5)
