"""docs/live.md: its examples are executed, its tables are held against the code."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from contract.gateway.live_served import Served, Socket, Stream, serving

from quietzone.qr.v1 import code_pb2
from quietzone_gateway.live import endings
from quietzone_gateway.live.domain import SCOPES
from quietzone_gateway.live.endings import Ending

PAGE = Path(__file__).parents[3] / "docs" / "live.md"
PAUSED = code_pb2.CODE_STATE_PAUSED
Actions: TypeAlias = dict[str, Callable[[], Awaitable[None]]]


def blocks(language: str) -> list[list[str]]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [block.strip().split("\n") for block in found]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading or a line."""
    lines = PAGE.read_text().partition(heading)[2].partition("| ---")[2].split("\n")[1:]
    table = lines[: next(at for at, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def fits(expected: str, found: str) -> bool:
    """Whether they are the same where the page says what there is; `…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), found) is not None


async def happens(served: Served, what: str) -> None:
    """What the page says happens elsewhere."""
    actions: Actions = {
        "the menu's title is changed": lambda: served.services.changed(2),
        "the menu is paused": lambda: served.services.changed(3, state=PAUSED),
        "the menu is scanned": lambda: served.services.scanned(7),
        "15 s pass": lambda: pings(served),
    }
    await actions[what.removeprefix("# ")]()


async def pings(served: Served) -> None:
    for connection in served.live.registry.connections():
        connection.ping()


@pytest.mark.parametrize("lines", blocks("stream"), ids=lambda lines: lines[0])
async def test_the_streams_on_the_page_are_what_is_read(lines: list[str]) -> None:
    query = lines[0].removeprefix("> GET /v1/stream")
    async with serving() as served, served.stream(query) as stream:
        await read(served, stream, lines[1:])


async def read(served: Served, stream: Stream, lines: list[str]) -> None:
    heard: list[str] = []
    for line in lines:
        if line.startswith("#"):
            await happens(served, line)
            continue
        heard = heard or (await stream.block()).strip().split("\n")
        assert fits(line.removeprefix("< "), heard.pop(0)), line


@pytest.mark.parametrize("lines", blocks("websocket"), ids=lambda lines: lines[0])
async def test_the_conversations_on_the_page_are_what_is_said(lines: list[str]) -> None:
    async with serving() as served, served.socket(token=None) as socket:
        await socket.say("connect", token="secret")  # noqa: S106
        for line in lines:
            await take_turn(served, socket, line)


async def take_turn(served: Served, socket: Socket, line: str) -> None:
    if line.startswith("#"):
        await happens(served, line)
    elif line.startswith(">"):
        await socket.raw.send(line.removeprefix("> "))
    else:
        kind, data = await socket.hear()
        said = json.dumps({"type": kind, "data": data}, ensure_ascii=False, separators=(",", ":"))
        assert fits(line.removeprefix("< "), said), said


def test_all_kinds_stand_on_the_page_with_their_scopes() -> None:
    scopes = {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[3])) for row in rows("## Kinds")}

    assert scopes == {kind.value: set(one_of) for kind, one_of in SCOPES.items()}


def test_all_endings_stand_on_the_page_with_their_codes() -> None:
    known = {ending.name: ending.code for ending in vars(endings).values() if isinstance(ending, Ending)}

    told = {name: int(row[0]) for row in rows("The server closes with:") for name in re.findall(r"`(\w+)`", row[1]) if row[0].isdigit()}

    assert {name: code for name, code in told.items() if name in known} == known
