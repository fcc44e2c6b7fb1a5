"""What people and programs do meanwhile, each with a ledger of what it was promised."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from house import Answer, House, until
from load import Ledger, scan_steadily

SCANS_A_SECOND = 200
CONNECTIONS = 8
FOLLOWED_WITHIN_S = 60.0
EXPORTED_WITHIN_S = 180.0
"""A task that failed is tried again after up to a minute."""


@dataclass(slots=True)
class Edits:
    """Destinations that were changed. A change without an answer may have been made or not: `possible` has all that a code may have now."""

    house: House
    codes: list[dict[str, Any]]
    possible: dict[str, list[str]]
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _asked: int = 0

    def one(self) -> None:
        """Change one code."""
        self._asked += 1
        code = self.codes[self._asked % len(self.codes)]
        destination = f"https://example.com/{code['slug']}/{self._asked}"
        answer = asked(lambda: self.house.request("PATCH", f"/v1/codes/{code['id']}", {"destination": destination}))
        if answer is not None and answer.status == 200:
            self.accepted += 1
            self.possible[code["slug"]] = [destination]
        else:
            self.refused["no answer" if answer is None else str(answer.status)] += 1
            self.possible[code["slug"]].append(destination)

    def unfollowed(self) -> list[str]:
        """Codes that don't lead to where they were sent last, long after all faults, with where they do."""
        return [self._said(slug, possible) for slug, possible in self.possible.items() if not self._leads_to(slug, possible)]

    def _said(self, slug: str, possible: list[str]) -> str:
        code = next(code for code in self.codes if code["slug"] == slug)
        stored = self.house.request("GET", f"/v1/codes/{code['id']}").json
        return (
            f"{slug}, sent to {possible}, stored {stored['destination']} (revision {stored['revision']}), leads to {self._location(slug)}"
        )

    def _leads_to(self, slug: str, possible: list[str]) -> bool:
        try:
            until(lambda: self._location(slug) in possible, slug, within_s=FOLLOWED_WITHIN_S)
        except AssertionError:
            return False
        return True

    def _location(self, slug: str) -> str:
        return self.house.scan(slug, method="HEAD").headers.get("location", "")


@dataclass(slots=True)
class Images:
    """Symbols that were asked for."""

    house: House
    codes: list[dict[str, Any]]
    served: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _asked: int = 0

    def one(self) -> None:
        """Ask for one symbol; some were drawn before, some not."""
        self._asked += 1
        path = f"/v1/codes/{self.codes[self._asked % len(self.codes)]['id']}/image?format=png&size={200 + self._asked % 60}"
        answer = asked(lambda: self.house.request("GET", path))
        if answer is not None and answer.status == 200:
            self.served += 1
        else:
            self.refused["no answer" if answer is None else str(answer.status)] += 1


@dataclass(slots=True)
class Exports:
    """Exports that were accepted: each must end with its file."""

    house: House
    begun: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def one(self) -> None:
        """Begin one."""
        now = datetime.now(UTC)  # noqa: TID251 - the product's clock is the machine's, too
        day = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat(), "format": "csv"}
        answer = asked(lambda: self.house.request("POST", "/v1/exports", day))
        if answer is not None and answer.status == 202:
            self.begun.append(answer.json["id"])
        else:
            self.refused["no answer" if answer is None else str(answer.status)] += 1

    def unfinished(self) -> list[str]:
        """Exports without a file, long after all faults."""
        return [export for export in self.begun if not self._has_file(export)]

    def _has_file(self, export: str) -> bool:
        path = f"/v1/exports/{export}"
        try:
            until(lambda: self.house.request("GET", path).json["state"] == "done", export, within_s=EXPORTED_WITHIN_S)
        except AssertionError:
            return False
        return self.house.request("GET", f"{path}/file").status == 200


@dataclass(slots=True)
class Traffic:
    """All of it, while it is `flowing`."""

    scans: Ledger
    edits: Edits
    images: Images
    exports: Exports

    @classmethod
    def to(cls, house: House, codes: list[dict[str, Any]], destinations: dict[str, list[str]]) -> "Traffic":
        """Traffic that hasn't begun; `destinations` is what each code may lead to, and is kept up to date."""
        return cls(Ledger(), Edits(house, codes, destinations), Images(house, codes), Exports(house))

    async def flow(self, port: int, stop: asyncio.Event) -> None:
        """Scan, change, draw and export until `stop`."""
        slugs = [code["slug"] for code in self.edits.codes]
        async with asyncio.TaskGroup() as group:
            group.create_task(
                scan_steadily("127.0.0.1", port, slugs, rate=SCANS_A_SECOND, connections=CONNECTIONS, ledger=self.scans, stop=stop)
            )
            group.create_task(_again(self.edits.one, 0.3, stop))
            group.create_task(_again(self.images.one, 0.3, stop))
            group.create_task(_again(self.exports.one, 5.0, stop))


async def _again(ask: Callable[[], None], pause_s: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await asyncio.to_thread(ask)
        try:
            async with asyncio.timeout(pause_s):
                await stop.wait()
        except TimeoutError:
            pass


def asked(ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None when there is none."""
    try:
        return ask()
    except OSError:
        return None
