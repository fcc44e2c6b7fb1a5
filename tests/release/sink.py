"""A receiver of webhooks outside the cluster, which verifies what it gets. To senders it is their proxy, and the only way out."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from quietzone_kit.runtime import SystemClock
from servers.process import free_port

PLACE = "93.184.215.14:80"
"""Where webhooks go: an address of the public internet, since a cluster for trials may have addresses that no operator can open to them.
Nobody is asked there: the proxy answers by itself.
"""
CLOCK = SystemClock()


@dataclass(slots=True)
class Arrived:
    """An event, and by their ids how often its webhooks came."""

    kind: str
    webhooks: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Sink:
    """What came, by the ids of events; `proxy` is for who sends, `secret` the endpoint's."""

    proxy: str = ""
    secret: str = ""
    events: dict[str, Arrived] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    """What can't be verified, or was to go elsewhere."""
    slowest_s: float = 0.0
    """From an event's time to its first webhook."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        """A webhook."""
        with self.lock:
            try:
                told = Webhook(self.secret).verify(body, headers)
            except WebhookVerificationError as error:
                self.strange.append(f"{headers.get('webhook-id')}: {error}")
                return
            if told["id"] not in self.events:
                self.events[told["id"]] = Arrived(told["detail-type"])
                self.slowest_s = max(self.slowest_s, CLOCK.now_ms() / 1000 - datetime.fromisoformat(told["time"]).timestamp())
            self.events[told["id"]].webhooks[headers["webhook-id"]] += 1

    def arrived(self) -> dict[str, Arrived]:
        """All events, so far."""
        with self.lock:
            return dict(self.events)


class _Door(BaseHTTPRequestHandler):
    """The proxy, and what it leads to: after CONNECT webhooks come by the same connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, sink: Sink, *arguments: Any) -> None:
        self._sink = sink
        super().__init__(*arguments)

    def do_CONNECT(self) -> None:
        if self.path != PLACE:
            self._sink.strange.append(f"a connection to {self.path}")
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._sink.take(body, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: there are thousands."""


@contextmanager
def webhook_sink(host: str) -> Iterator[Sink]:
    """One that listens there, in threads of its own."""
    port = free_port()
    sink = Sink(f"http://{host}:{port}")
    with ThreadingHTTPServer((host, port), partial(_Door, sink)) as server:
        thread = threading.Thread(target=server.serve_forever, name="sink")
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()
