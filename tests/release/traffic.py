"""Scans and API calls without a pause, at the ports that the world has; each has a ledger."""

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from house import KEY, fetch
from load import Ledger, scan_steadily

SCANS_A_SECOND = 100
CONNECTIONS = 4
FRESH = 2
"""Of these are made anew for each scan."""
CALLS_A_SECOND = 4
COUNTED = "query ($id: ID!) { code(id: $id) { id destination totalScans } }"
MAX_FAILURES = 20
"""That are kept in full."""


@dataclass(slots=True)
class Calls:
    """Answers of the API, by status; 'no answer' is one too."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Those that weren't served."""
        return sum(count for status, count in self.answers.items() if not status.startswith("2"))


@dataclass(slots=True)
class Traffic:
    """What was asked so far."""

    api: str
    scans_at: tuple[str, int]
    codes: list[dict[str, str]]
    scans: Ledger = field(default_factory=Ledger)
    calls: Calls = field(default_factory=Calls)
    told: dict[str, str] = field(default_factory=dict)
    """Where codes lead, by their ids, when it was changed."""
    flowed_s: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def failed_scans(self) -> int:
        """Scans without their redirect."""
        return self.scans.refused.total() + self.scans.unanswered

    def leads(self, code: dict[str, str]) -> str:
        """Where a code was last told to lead."""
        return self.told.get(code["id"], code["destination"])

    @property
    def steady(self) -> bool:
        """Whether it flowed all the time: at least half of what was to be asked was."""
        enough = self.flowed_s / 2
        return self.scans.sent.total() >= enough * SCANS_A_SECOND and self.calls.answers.total() >= enough * CALLS_A_SECOND

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Scan and call until the end of the block; raises what ended either before."""
        stopped, began = threading.Event(), time.monotonic()
        with ThreadPoolExecutor(2) as executor:
            flows = [executor.submit(asyncio.run, self._scan(stopped)), executor.submit(self._call, stopped)]
            try:
                yield
            finally:
                stopped.set()
                self.flowed_s += time.monotonic() - began
            for flow in flows:
                flow.result()

    async def _scan(self, stopped: threading.Event) -> None:
        stop = asyncio.Event()
        slugs = [code["slug"] for code in self.codes]
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
                    destination = f"https://example.com/{number}"
                    if self._ask("PATCH", path, json.dumps({"destination": destination}).encode()):
                        self.told[code_id] = destination
                case 1:
                    self._ask("GET", path)
                case 2:
                    self._ask("GET", f"{path}/analytics")
                case 3:
                    self._ask("POST", "/graphql", json.dumps({"query": COUNTED, "variables": {"id": code_id}}).encode())
            time.sleep(1 / CALLS_A_SECOND)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bool:
        """Whether it was done."""
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        try:
            answer = fetch(method, self.api + path, body, headers)
            told = path == "/graphql" and answer.status == 200 and "errors" in answer.json
            status, words = "errors" if told else str(answer.status), answer.body[:200].decode(errors="replace")
        except OSError as error:
            status, words = "no answer", str(error)
        self.calls.answers[status] += 1
        done = status.startswith("2")
        if not done and len(self.calls.failures) < MAX_FAILURES:
            self.calls.failures.append(f"{time.monotonic() - self.began:.0f} s: {method} {path}: {status} {words}")
        return done
