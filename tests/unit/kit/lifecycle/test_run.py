import asyncio
import gc
import io
import os
import signal
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest

from quietzone_kit.lifecycle import App, ExitCode, ProcessSettings, role_asked, run
from quietzone_kit.lifecycle._run import _main
from quietzone_kit.lifecycle._tasks import print_tasks
from quietzone_kit.settings import SettingsError


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    """A start freezes what is there for good. Here that is the state of all tests: libraries then report it as leaked at the end."""
    yield
    gc.unfreeze()


async def build(settings: ProcessSettings) -> App:
    return App(drain_s=settings.drain_s)


async def ends(settings: ProcessSettings, cause: str) -> ExitCode:
    """The exit code of an app that is stopped by SIGTERM or by the end of its parent once it is ready."""
    ready_read, ready_write = os.pipe()
    parent_read, parent_write = os.pipe()
    settings = settings.model_copy(update={"ready_fd": ready_write, "parent_fd": parent_read})
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_main(settings, build))
        await asyncio.wait_for(asyncio.to_thread(os.read, ready_read, 10), 5)
        if cause == "SIGTERM":
            os.kill(os.getpid(), signal.SIGTERM)
        os.close(parent_write)
        code = await asyncio.wait_for(serving, 5)
    os.close(ready_read)
    os.close(parent_read)
    return code


@pytest.mark.parametrize("cause", ["SIGTERM", "the parent's end"])
async def test_it_says_when_it_is_ready_and_stops_when_asked(cause: str) -> None:
    assert await ends(ProcessSettings(), cause) is ExitCode.STOPPED


async def test_a_signal_ends_an_app_that_is_still_being_built() -> None:
    building = asyncio.Event()

    async def build_forever(_settings: ProcessSettings) -> App:
        building.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_main(ProcessSettings(), build_forever))
        await building.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        code = await asyncio.wait_for(serving, 5)

    assert code is ExitCode.STOPPED


async def test_an_app_that_cannot_be_built_has_died() -> None:
    async def fail(_settings: ProcessSettings) -> App:
        raise OSError("no disk")

    assert await _main(ProcessSettings(), fail) is ExitCode.DIED


async def test_settings_that_turn_out_wrong_while_building_are_wrong_settings() -> None:
    async def fail(_settings: ProcessSettings) -> App:
        raise SettingsError("QUIETZONE_BUS_URL: no such scheme")

    stderr = io.StringIO()
    with redirect_stderr(stderr):
        code = await _main(ProcessSettings(), fail)

    assert (code, stderr.getvalue()) == (ExitCode.WRONG_SETTINGS, "QUIETZONE_BUS_URL: no such scheme\n")


def test_wrong_settings_end_it_before_anything_starts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("QUIETZONE_DRAIN_S", "never")

    code = run("qr", "serve", ProcessSettings, build)

    assert code is ExitCode.WRONG_SETTINGS
    assert capsys.readouterr().err == "QUIETZONE_DRAIN_S: 'never' is not a number above 0 up to 300 (s)\n"


def test_an_unknown_role_is_answered_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        role_asked("tracking", ("edge", "forwarder"), ["python", "egde"])

    assert ended.value.code == ExitCode.WRONG_SETTINGS
    assert capsys.readouterr().err == "usage: python -m quietzone_tracking edge|forwarder\n"


async def test_printed_tasks_show_where_each_waits() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    said = io.StringIO()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outer(), name="relay")
        await asyncio.sleep(0)
        print_tasks(said)
        task.cancel()

    relay = said.getvalue().partition("task relay\n")[2]
    assert relay.index("in outer") < relay.index("in inner") < relay.index("in wait")


async def test_the_operators_port_says_whether_it_is_ready(unused_tcp_port: int) -> None:
    asked = asyncio.Event()
    seen: list[bytes] = []

    async def build_asking(_settings: ProcessSettings) -> App:
        app = App()

        async def ask() -> None:
            while app.not_ready():
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            seen.append(await reader.read())
            writer.close()
            app.stop()
            await asked.wait()

        app.task("asker", ask, stop=asked.set)
        return app

    code = await asyncio.wait_for(_main(ProcessSettings(ops_host="127.0.0.1", ops_port=unused_tcp_port), build_asking), 5)

    assert code is ExitCode.STOPPED
    assert seen[0].startswith(b"HTTP/1.1 200 ")


def test_a_role_may_be_of_several_words() -> None:
    assert role_asked("qr", ("serve", "migrate --contract"), ["python", "migrate", "--contract"]) == "migrate --contract"
