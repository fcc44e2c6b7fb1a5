"""Conversations with the API as pages of docs/ show them, so that tests can have them.

A block of a page is lines: `> POST /v1/keys`, `> Name: value`, `> {JSON}` is a request; `< 201`, `< Name: value`, `< {JSON}` is what of its
answer the page shows. `# …` is what happens elsewhere: tests know these sentences. In an answer `…` stands for anything, and `$name` too,
which has this value from then on. An object may have more fields than are shown, a list other items only
where `…` ends it.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx

DOCS = Path(__file__).parents[3] / "docs"

NAME = re.compile(r"\$([a-z_]+)")

Happenings: TypeAlias = Mapping[str, Callable[[re.Match[str]], Awaitable[str]]]
"""What happens elsewhere: a pattern of a line, and what makes it so; the answer is the value of the name in the line, if it has one."""


@dataclass
class Conversation:
    """Has conversations, one after the other, with one API."""

    http: httpx.AsyncClient
    happenings: Happenings = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    async def take(self, block: str) -> None:
        """All of a block; raises AssertionError where the page says something else."""
        request: list[str] = []
        answer: httpx.Response | None = None
        for line in block.strip().split("\n"):
            kind, said = line[0], line[2:]
            if kind == ">":
                request, answer = [*request, said], None
            elif kind == "<":
                answer = answer or await self._send(request)
                request = []
                self._check(said, answer)
            else:
                await self._happens(said)

    async def _send(self, lines: list[str]) -> httpx.Response:
        method, path = self._filled(lines[0]).split(" ", 1)
        headers = dict(self._filled(line).split(": ", 1) for line in lines[1:] if not line.startswith("{"))
        bodies = [json.loads(self._filled(line)) for line in lines[1:] if line.startswith("{")]
        self.http.cookies.clear()  # the page says what is sent
        return await self.http.request(method, path, headers=headers, json=bodies[0] if bodies else None)

    def _check(self, said: str, answer: httpx.Response) -> None:
        if said.isdigit():
            assert answer.status_code == int(said), answer.text
        elif said.startswith("{"):
            self._fit(json.loads(said), answer.json(), said)
        else:
            name, _, value = said.partition(": ")
            self._fit(value, answer.headers.get(name), said)

    def _fit(self, told: Any, found: Any, said: str) -> None:
        """See that what was found is what the page tells, and take its names over."""
        match told:
            case dict():
                assert told.keys() <= found.keys(), (said, found)
                for name, value in told.items():
                    self._fit(value, found[name], said)
            case [*shown, "…"]:
                self._fit(shown, found[: len(shown)], said)
            case list():
                assert len(told) == len(found), (said, found)
                for value, other in zip(told, found, strict=True):
                    self._fit(value, other, said)
            case str():
                self._fit_text(told, found, said)
            case _:
                assert told == found, (said, found)

    def _fit_text(self, told: str, found: Any, said: str) -> None:
        pattern = ".*".join(map(re.escape, told.split("…")))
        names = [name for name in NAME.findall(told) if name not in self.known]
        for name in names:
            pattern = pattern.replace(re.escape(f"${name}"), r"([^;,\s]+)", 1)
        fits = re.fullmatch(self._filled(pattern), str(found), re.DOTALL)
        assert fits is not None, (said, found)
        self.known |= dict(zip(names, fits.groups(), strict=True))

    async def _happens(self, said: str) -> None:
        for pattern, make in self.happenings.items():
            if (fits := re.fullmatch(pattern, said)) is not None:
                value = await make(fits)
                self.known |= dict.fromkeys(NAME.findall(said), value)
                return
        raise AssertionError(f"no test knows how this happens: {said}")

    def _filled(self, text: str) -> str:
        return re.sub(r"\\?\$([a-z_]+)", lambda found: self.known.get(found[1], found[0]), text)


def page(name: str) -> str:
    """A page of docs/."""
    return (DOCS / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its kind."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def table(text: str) -> list[list[str]]:
    """The cells of the first table in a text, without its heading; signs of code are taken off."""
    lines = text.partition("| ---")[2].split("\n")[1:]
    rows = lines[: next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def missing(told: list[str], text: str) -> list[str]:
    """What a text doesn't say."""
    return [each for each in told if each not in text]
