"""From `python -m quietzone_qr api` to an exit code."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

import uvloop
from pydantic import Field

from quietzone_kit.bus import BusError
from quietzone_kit.documents import DocumentsError
from quietzone_kit.lifecycle._app import App, Server, TaskDied
from quietzone_kit.lifecycle._tasks import print_tasks
from quietzone_kit.runtime import SystemClock
from quietzone_kit.settings import KNOWN, SettingsError, load, unknown
from quietzone_kit.telemetry import close_traces, configure_logs, configure_traces, describe_process, exporter_to, logger
from quietzone_kit.telemetry.settings import TelemetrySettings

log = logger(__name__)


class ProcessSettings(TelemetrySettings):
    """What every process can be told."""

    drain_s: float = Field(
        10,
        gt=0,
        le=300,
        description="How long requests and tasks under way may take to end when the process stops; below the killer's patience",
    )
    ops_port: int | None = Field(
        None, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics, for operators only; without it there is none"
    )
    ops_host: str = Field("0.0.0.0", description="Address that the operators' port listens on")
    parent_fd: int | None = Field(
        None, ge=3, description="Set by a supervisor: a pipe's reading end; the process stops when the other end closes"
    )
    ready_fd: int | None = Field(
        None, ge=3, description="Set by a supervisor: a pipe's writing end; gets the line `1` when the process is ready"
    )


class ExitCode(IntEnum):
    """What a process's end means to whoever started it."""

    STOPPED = 0
    """It was asked to stop, and did."""
    DIED = 1
    """A task died, or it couldn't start: the log says why."""
    WRONG_SETTINGS = 2
    """Starting it again changes nothing before its settings do."""


S = TypeVar("S", bound=ProcessSettings)

NEW_OBJECTS = 50_000
"""How many new containers make Python's collector look for cycles among them; 700 by default, at which it took almost half of analytics'
time (`bench/pipeline.py`). Reference counts free all but a few objects of ours: what can wait here is below 10 MB."""


def role_asked(part: str, roles: Collection[str], arguments: Sequence[str]) -> str:
    """The role that a command line names, such as `python -m quietzone_qr serve`; ends the process when it names none of `roles`.

    A role may be of several words: `migrate --contract`.
    """
    asked = " ".join(arguments[1:])
    if asked in roles:
        return asked
    sys.stderr.write(f"usage: python -m quietzone_{part} {'|'.join(roles)}\n")
    raise SystemExit(ExitCode.WRONG_SETTINGS)


def say(line: str) -> None:
    """Print a line for whoever started this process: what a one-off has seen or done."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(part: str, role: str, kind: type[S], build: Callable[[S], Awaitable[App]]) -> int:
    """Be this role until SIGTERM, SIGINT or the parent's end; returns the code to exit with. SIGUSR1 prints all tasks to stderr."""
    try:
        settings = load(kind, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.WRONG_SETTINGS
    configure_logs(part, role, level=settings.log_level, style=settings.log_format)
    exporter = exporter_to(settings.traces_url) if settings.traces_url else None
    configure_traces(part, ratio=settings.traces_ratio, processor=exporter)
    describe_process(part, role)
    if settings.parent_fd is None:  # a supervisor hands all settings to all roles, and checks them itself (`settings.check`)
        for sentence in unknown([kind], os.environ, elsewhere=KNOWN):
            log.warning("unknown setting", problem=sentence)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_main(settings, build))
    close_traces()
    return code


async def _main(settings: S, build: Callable[[S], Awaitable[App]]) -> ExitCode:
    stopper = _Stopper()
    try:
        with _signals(stopper), _parent(stopper, settings.parent_fd):
            stopper.app = app = await build(settings)
            if settings.ops_port is not None:
                app.observe(_ops_server(settings.ops_host, settings.ops_port, app))
            await app.serve(lambda: _announce(settings.ready_fd))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.WRONG_SETTINGS
    except TaskDied:
        return ExitCode.DIED  # said when it died
    except asyncio.CancelledError:
        if not stopper.asked:
            raise
    except (BusError, DocumentsError) as error:  # their words say it all
        log.error("could not start", reason=str(error))  # noqa: TRY400
        return ExitCode.DIED
    except Exception:
        log.exception("could not start")
        return ExitCode.DIED
    log.info("stopped")
    return ExitCode.STOPPED


class _Stopper:
    """Stops the app, or what builds it. Asking a second time by the same signal kills the process."""

    def __init__(self) -> None:
        self.app: App | None = None
        self.asked = False
        self._main = asyncio.current_task()

    def stop(self, reason: str) -> None:
        log.info("stopping", reason=reason)
        self.asked = True
        if self.app is not None:
            self.app.stop()
        elif self._main is not None:
            self._main.cancel()


def _ops_server(host: str, port: int, app: App) -> Server:
    from quietzone_kit.http import ops_server  # noqa: PLC0415 - on a machine of one, no role has it

    return ops_server(SystemClock(), host=host, port=port, not_ready=app.not_ready)


def _announce(ready_fd: int | None) -> None:
    collect_rarely()
    log.info("ready")
    if ready_fd is not None:
        with contextlib.suppress(BrokenPipeError):  # a parent that is gone is `_parent`'s business
            os.write(ready_fd, b"1\n")
        os.close(ready_fd)


def collect_rarely() -> None:
    """Settings of Python's collector for a process that is ready."""
    gc.collect()
    gc.freeze()  # what start-up made stays: the collector needn't walk it again
    gc.set_threshold(NEW_OBJECTS)


@contextlib.contextmanager
def _signals(stopper: _Stopper) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def asked_to_stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stopper.stop(number.name)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop, number)
    loop.add_signal_handler(signal.SIGUSR1, print_tasks)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _parent(stopper: _Stopper, parent_fd: int | None) -> Iterator[None]:
    """Stop when the other end of the parent's pipe closes, however the parent ended."""
    if parent_fd is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def parent_spoke() -> None:
        if not os.read(parent_fd, 4096):
            loop.remove_reader(parent_fd)
            stopper.stop("the parent process is gone")

    loop.add_reader(parent_fd, parent_spoke)
    try:
        yield
    finally:
        loop.remove_reader(parent_fd)
