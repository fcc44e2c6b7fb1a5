"""Scans and API calls without a pause, at the ports that the world has; each has a ledger."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from load import Ledger, scan_steadily
from release.flow import Calls, beside

SCANS_A_SECOND = 100
CONNECTIONS = 4
FRESH = 2
"""Of these are made anew for each scan."""
CALLS_A_SECOND = 4
COUNTED = "query ($id: ID!) { code(id: $id) { id destination totalScans } }"
RARELY = 12
"""The last code is scanned once while each of the others is so often: once a second, which is what becomes webhooks."""


@dataclass(slots=True)
class Traffic:
    """What was asked so far."""

    calls: Calls
    scans_at: tuple[str, int]
    codes: list[dict[str, str]]
    scans: Ledger = field(default_factory=Ledger)
    told: dict[str, str] = field(default_factory=dict)
    """Where codes lead, by their ids, when it was changed."""
    changes: set[str] = field(default_factory=set)
    """Ids of the events of these changes."""
    flowed_s: float = 0.0

    @property
    def failed_scans(self) -> int:
        """Scans without their redirect."""
        return self.scans.refused.total() + self.scans.unanswered

    def leads(self, code: dict[str, str]) -> str:
        """Where a code was last told to lead."""
        return self.told.get(code["id"], code["destination"])

    @property
    def steady(self) -> bool:
        """Whether it flowed all the time: half of the scans were sent, and a quarter of the calls, each of which waits for another."""
        return (
            self.scans.sent.total() >= self.flowed_s * SCANS_A_SECOND / 2
            and self.calls.answers.total() >= self.flowed_s * CALLS_A_SECOND / 4
        )

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Scan and call until the end of the block; raises what ended either before."""
        began = time.monotonic()
        try:
            with beside(lambda stopped: asyncio.run(self._scan(stopped)), self._call):
                yield
        finally:
            self.flowed_s += time.monotonic() - began

    async def _scan(self, stopped: threading.Event) -> None:
        stop = asyncio.Event()
        *often, rare = (code["slug"] for code in self.codes)
        slugs = [*often * RARELY, rare]
        async with asyncio.TaskGroup() as group:
            group.create_task(
                scan_steadily(
                    *self.scans_at, slugs, rate=SCANS_A_SECOND, connections=CONNECTIONS, ledger=self.scans, stop=stop, fresh=FRESH
                )
            )
            await asyncio.to_thread(stopped.wait)
            stop.set()

    def _call(self, stopped: threading.Event) -> None:
        """Change a destination, read it, read its counts, read both by GraphQL, in turn."""
        for number in itertools.count():
            if stopped.is_set():
                return
            code_id = self.codes[number % len(self.codes)]["id"]
            path = f"/v1/codes/{code_id}"
            match number // len(self.codes) % 4:
                case 0:
                    destination = f"https://example.com/moved/{number}"
                    if answer := self.calls.ask("PATCH", path, {"destination": destination}):
                        self.told[code_id] = destination
                        self.changes.add(f"{code_id}.{answer.json['revision']}")
                case 1:
                    self.calls.ask("GET", path)
                case 2:
                    self.calls.ask("GET", f"{path}/analytics")
                case 3:
                    self.calls.ask("POST", "/graphql", {"query": COUNTED, "variables": {"id": code_id}})
            time.sleep(1 / CALLS_A_SECOND)
