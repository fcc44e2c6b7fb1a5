"""A whole Quietzone in a temporary folder, for tests that use nothing but its public interfaces and kill -9."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quietzone_standalone.serve import running
from quietzone_standalone.settings import Backends, installation

if TYPE_CHECKING:
    from quietzone_standalone.supervisor import Supervisor

KEY = "qz_" + "test" * 10
START_WITHIN_S = 180.0
EXIT_WITHIN_S = 90.0
NONE: Mapping[str, str] = {}
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `json` is None when the body is none."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class House:
    """Runs the supervisor in a thread of its own; `restart` stops everything and starts it on the same data."""

    def __init__(self, data: Path, urls: Mapping[str, str] = NONE) -> None:
        self.data = data
        self.urls = urls
        self.backends = Backends.REAL if urls else Backends.EMBEDDED
        self.place = installation(data, free_port(), None, self.backends)
        self.said: list[str] = []
        self.start()

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, headers: dict[str, str] | None = None) -> Answer:
        """A request to the API."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} if data is not None else {}
        sent |= {} if key is None else {"authorization": f"Bearer {key}"}
        return fetch(method, self.place.api_url + path, data, sent | (headers or {}))

    def scan(self, slug: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """A scan of a code by a person's phone, unless `headers` say another user agent; redirects aren't followed."""
        return fetch(method, f"http://localhost:{self.place.scan_port}/{slug}", None, {"user-agent": PHONE, **(headers or {})})

    def create(self, destination: str, **fields: Any) -> dict[str, Any]:
        """A new code."""
        answer = self.request("POST", "/v1/codes", {"destination": destination, **fields})
        assert answer.status == 201, answer.body
        return dict(answer.json)

    def total(self, code_id: str) -> int:
        """A code's scans by people in the last 30 days."""
        answer = self.request("GET", f"/v1/codes/{code_id}/analytics")
        assert answer.status == 200, answer.body
        return int(answer.json["total_scans"])

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command for operators on this house."""
        return command(*arguments, "--data", str(self.data), "--backends", self.backends.value, settings=self.urls)

    @property
    def bus_url(self) -> str:
        """Where its bus is."""
        return self.urls.get("QUIETZONE_BUS_URL", f"sqlite:///{self.data}/bus.db")

    @property
    def analytics_url(self) -> str:
        """Where its counts are."""
        return self.urls.get("QUIETZONE_ANALYTICS_DOCUMENTS_URL", f"sqlite:///{self.data}/analytics.db")

    def kill(self, title: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a role's process, such as `tracking edge`."""
        os.kill(self.supervisor.pids()[title], number)

    def restart(self) -> None:
        """Stop everything, start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Stop everything."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_WITHIN_S)
        assert not self._thread.is_alive(), "the house doesn't stop"

    def start(self) -> None:
        """Start everything, on the data that are there."""
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="house")
        with told(self.urls):
            self._thread.start()
            assert self._started.wait(START_WITHIN_S), "the house doesn't start"
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failure = error
            self._started.set()

    def _say(self, sentence: str) -> None:
        self.said.append(sentence)
        sys.stdout.write(f"{sentence}\n")  # shown with a test that fails

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with running(self.place, self._say) as supervisor:
            self.supervisor: Supervisor = supervisor
            self._started.set()
            await self._stop.wait()


@contextmanager
def house_in(data: Path, urls: Mapping[str, str] = NONE) -> Iterator[House]:
    """A house that is stopped at the end; on the servers that `urls` name by the product's variables, else on files."""
    os.environ["QUIETZONE_API_KEY"] = KEY
    os.environ.setdefault("QUIETZONE_GATEWAY_ANONYMOUS_REQUESTS", "100000")  # all tests are one address
    os.environ.setdefault("QUIETZONE_QR_HEALTH", "false")  # tests ask nobody on the internet; test_health has servers of its own
    house = House(data, urls)
    try:
        yield house
    finally:
        house.stop()


@contextmanager
def told(urls: Mapping[str, str]) -> Iterator[None]:
    """What a house is told: `urls`, and nothing of the servers that are there for tests. Another house is told others."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("QUIETZONE_TEST_")}
    os.environ.update(urls)
    try:
        yield
    finally:
        for name in urls:
            os.environ.pop(name, None)
        os.environ.update(kept)


def fetch(method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    """One HTTP request on a connection of its own."""
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - only to our own server
    try:
        with _OPENER.open(request, timeout=10) as response:
            return Answer(response.status, _lower(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def until(holds: Callable[[], bool], what: str, *, within_s: float = 60.0) -> float:
    """Wait until something holds; returns the seconds that it took. Whoever cares how soon it is gives `within_s`: the minute is for what
    never comes, on slow cores too.
    """
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - started


def command(
    *arguments: str, settings: Mapping[str, str] = NONE, cwd: Path | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `quietzone` until it ends, with these settings and no other."""
    return subprocess.run(
        [sys.executable, "-m", "quietzone_cli", *arguments],
        env=environment(settings),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=EXIT_WITHIN_S,
        check=False,
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("QUIETZONE_")} | {"COLUMNS": "80", **settings}


def free_port() -> int:
    """A port such that it, the one 80 above it and the one 82 above are free."""
    while True:
        with socket.socket() as api, socket.socket() as scans, socket.socket() as files:
            api.bind(("127.0.0.1", 0))
            port = int(api.getsockname()[1])
            try:
                scans.bind(("127.0.0.1", port + 80))
                files.bind(("127.0.0.1", port + 82))
            except (OSError, OverflowError):
                continue
            return port


def first_of_free_ports(count: int) -> int:
    """Below the ports that outgoing connections get, so that none of them takes one meanwhile."""
    first = 22_000 + os.getpid() % 9_000
    while not all(map(_is_free, range(first, first + count))):
        first += count
    return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
