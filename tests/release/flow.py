"""What goes on all the while beside the steps of the proof, and what was answered to it."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from house import KEY, Answer, fetch

MAX_FAILURES = 20
"""That are kept in full."""


@dataclass(slots=True)
class Calls:
    """Answers of the API, by status; 'no answer' is one too. For one thread."""

    api: str
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> int:
        """Those that weren't served."""
        return sum(count for status, count in self.answers.items() if not status.startswith("2"))

    def ask(self, method: str, path: str, body: Any = None) -> Answer | None:
        """The answer when it was done. Nothing is tried again."""
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        answer = None
        try:
            answer = fetch(method, self.api + path, None if body is None else json.dumps(body).encode(), headers)
            told = path == "/graphql" and answer.status == 200 and "errors" in answer.json
            status, words = "errors" if told else str(answer.status), answer.body[:200].decode(errors="replace")
        except OSError as error:
            status, words = "no answer", str(error)
        self.answers[status] += 1
        if status.startswith("2"):
            return answer
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(f"{time.monotonic() - self.began:.0f} s: {method} {path}: {status} {words}")
        return None


@contextmanager
def beside(*works: Callable[[threading.Event], object]) -> Iterator[None]:
    """Each in a thread of its own until the end of the block, which its event tells it; raises what ended one before."""
    stopped = threading.Event()
    with ThreadPoolExecutor(len(works)) as executor:
        flows = [executor.submit(work, stopped) for work in works]
        try:
            yield
        finally:
            stopped.set()
        for flow in flows:
            flow.result()
