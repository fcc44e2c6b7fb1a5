"""`quietzone events tail`: what comes to a bus, as it comes, until one has seen enough."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from quietzone_cli.options import API_URL, ApiKey, ApiUrl
from quietzone_cli.terminal import complain, errors, finish

if TYPE_CHECKING:
    from quietzone_client import BusEvent

Bus = Annotated[str, typer.Option("--bus", help="The bus that is watched.")]
Pattern = Annotated[
    str | None, typer.Option("--pattern", help='Only events that match it, as a rule has it, such as {"source": ["shop.till"]}.')
]
AsJson = Annotated[bool, typer.Option("--json", help="Each event whole, one JSON object a line.")]

FIRST_TRIES = 2
"""Before the first event: whoever mistyped an address hears so after three seconds."""
LATER_TRIES = 60
"""Once it was there: with 30 s between two, a server may be away for half an hour of somebody's lunch."""

MAX_BEGINNING = 100
"""Characters of a detail that stand in a line: with the rest, what a wide terminal shows."""


def tail(key: ApiKey, api: ApiUrl = API_URL, *, bus: Bus = "default", pattern: Pattern = None, as_json: AsJson = False) -> None:
    """Watch a bus: a line for each event, until Ctrl-C."""
    finish(until_stopped(follow(api, key, (bus, pattern), write_json if as_json else write_line)))


async def follow(api_url: str, key: str, asked: tuple[str, str | None], show: Callable[["BusEvent"], None]) -> None:
    """Show what comes to a bus (`asked`: the bus, and a pattern if there is one); what else there is to say goes to stderr.

    Raises:
        ApiError: it can't be watched, or not any more.
    """
    from quietzone_cli.remote import BRIEF, connected  # noqa: PLC0415 - `serve` does without requests
    from quietzone_client import DeadlineExceeded, NoAnswer, Reconnects, Unavailable  # noqa: PLC0415

    bus, pattern = asked
    speaker, tries = Speaker(bus, show), FIRST_TRIES
    async with connected(api_url, key, BRIEF) as client:
        while True:
            try:
                async with aclosing(client.tail(bus, pattern, reconnects=Reconnects(times=tries))) as told:
                    async for each in told:
                        speaker.say(each)
            except (NoAnswer, Unavailable, DeadlineExceeded) as error:
                if not speaker.has_begun or tries == LATER_TRIES:
                    raise
                complain(f"{error}; trying again")
                tries = LATER_TRIES


class Speaker:
    """Says what a tail tells."""

    def __init__(self, bus: str, show: Callable[["BusEvent"], None]) -> None:
        self.has_begun = False
        self._bus = bus
        self._show = show

    def say(self, told: object) -> None:
        """Say it."""
        from quietzone_client import BusEvent, Missed, Notice, TailBegun  # noqa: PLC0415 - `serve` does without requests

        match told:
            case BusEvent():
                self._show(told)
            case Missed(count=None):
                warn("some events may be missing here: the server had lost its own place for a moment")
            case Missed(count=count):
                warn(f"{count} events are missing here: they come faster than they are read; a pattern makes them fewer")
            case Notice(text=text):
                warn(f"the operator says: {shown(text)}")
            case TailBegun() if self.has_begun:
                warn("watching again; what happened meanwhile isn't shown")
            case TailBegun():
                self.has_begun = True
                warn(f"watching {shown(self._bus)}; Ctrl-C ends it")


def write_line(event: "BusEvent") -> None:
    """An event as a line: time, source, detail type, and how its detail begins."""
    _write(line_of(event))


def write_json(event: "BusEvent") -> None:
    """An event as it is, on a line."""
    _write(event.text)


def line_of(event: "BusEvent") -> str:
    """Time, source, detail type, and how its detail begins."""
    _, _, detail = event.text.partition('"detail": ')  # as it came: what was read and written again has other digits
    beginning = detail[:-1] if len(detail) <= MAX_BEGINNING else detail[:MAX_BEGINNING] + "…"
    return shown(f"{event.at:%H:%M:%S}.{event.at.microsecond // 1_000:03d}  {event.source}  {event.detail_type}  {beginning}")


def shown(text: str) -> str:
    """A text that somebody else has written, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "·" for each in text)


def _write(line: str) -> None:
    """Not by the console: what reads a pipe gets each line as it comes, and may go."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def warn(sentence: str) -> None:
    """Say something beside the events, where it spoils no pipe."""
    errors.print(f"[yellow]![/] {escape(sentence)}", highlight=False, soft_wrap=True)


async def until_stopped(work: Coroutine[Any, Any, None]) -> int:
    """Do the work until SIGINT or SIGTERM, or until nobody reads what it writes: that is how it is meant to end, so that the code is 0."""
    loop, main, asked = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def stop() -> None:
        asked.set()
        if main is not None:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not asked.is_set():
            raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains of it at its end
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0
