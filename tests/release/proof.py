"""What all steps of the proof share: the cluster, the servers outside it, the installation's values, and the timeline."""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from house import KEY, fetch
from release.cluster import Cluster, Failed, until
from release.flow import beside
from release.mailbox import Mailbox
from release.sink import Sink
from servers.proxied import Proxied

HOST = os.environ.get("RELEASE_PROOF_HOST", "")
"""An address of this machine that pods reach: the servers outside the cluster listen there."""

NODE = os.environ.get("RELEASE_PROOF_NODE", "127.0.0.1")
"""Where NodePorts are asked."""

DNS = os.environ.get("RELEASE_PROOF_DNS", "")
"""Where the cluster's DNS answers, when it isn't a pod of kube-system."""

BLUE, GREEN, BROKEN = "1.0.0", "1.1.0", "1.2.0-broken"
URL_KEY = "of-a-proof-that-nobody-else-can-reach"
LOOK_EVERY_S = 0.05
API_PORT, SCAN_PORT, PREVIEW_API_PORT, PREVIEW_SCAN_PORT = 30_080, 30_081, 30_082, 30_083
FILES_PORT, PREVIEW_FILES_PORT = 30_084, 30_085
SERVERS = {
    "bus": "QUIETZONE_BUS_URL",
    "documents": "QUIETZONE_QR_DOCUMENTS_URL",
    "cache": "QUIETZONE_CACHE_URL",
    "blobs": "QUIETZONE_ANALYTICS_BLOBS_URL",
}


@dataclass(slots=True)
class Proof:
    """What happened, and when."""

    cluster: Cluster
    there: Proxied
    mailbox: Mailbox | None = None
    sink: Sink | None = None
    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        """Where the API answers."""
        return f"http://{NODE}:{API_PORT}"

    def note(self, what: str) -> None:
        """A line of the timeline."""
        at = time.monotonic() - self.began
        self.lines.append((at, what))
        sys.stdout.write(f"{at:6.0f} s  {what}\n")
        sys.stdout.flush()

    def expect(self, what: str, *, holds: bool) -> None:
        """A line of the timeline that fails the proof when it doesn't hold; the proof goes on."""
        self.note(what if holds else f"WRONG: {what}")
        if not holds:
            self.wrong.append(what)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """A step, with the seconds that it took."""
        began = time.monotonic()
        yield
        self.note(f"{what}: {time.monotonic() - began:.1f} s")

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A call of the API that must be answered well; names of headers with _ for -."""
        data = None if body is None else json.dumps(body).encode()
        told = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = fetch(method, self.api + path, data, told)
        except OSError as error:
            raise Failed(f"{method} {path}: {error}") from error
        if not 200 <= answer.status < 300:
            raise Failed(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer.json

    def first_code(self) -> dict[str, str]:
        """Made as soon as the API answers."""
        made: list[dict[str, str]] = []

        def answered() -> bool:
            try:
                made.append(self.ask("POST", "/v1/codes", {"destination": "https://example.com/first"}))
            except Failed:
                return False
            return True

        until(answered, "the first code")
        return made[0]

    def answering(self) -> str:
        """The release that answers: the API's description says so. Raises Failed when nothing does."""
        try:
            return str(fetch("GET", f"{self.api}/openapi.json", None, {}).json["info"]["version"])
        except OSError as error:
            raise Failed(f"no answer from {self.api}: {error}") from error

    @contextmanager
    def watched(self, old: str) -> Iterator[list[float]]:
        """Look at who answers, all the time; the times at which it was still `old`."""
        times: list[float] = []

        def look(ended: threading.Event) -> None:
            while not ended.wait(LOOK_EVERY_S):
                if self.answering() == old:
                    times.append(time.monotonic())

        with beside(look):
            yield times

    def values(self, tag: str) -> dict[str, Any]:
        """Of an installation of these images."""
        ports = {name: [int(re.findall(rf"{HOST}:(\d+)", self.there.urls[variable])[0])] for name, variable in SERVERS.items()}
        here = [{"ipBlock": {"cidr": f"{HOST}/32"}}]
        dns = {"dns": {"to": [{"ipBlock": {"cidr": f"{DNS}/32"}}]}} if DNS else {}
        keys = {name: value for name, value in os.environ.items() if name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}
        urls = {**self.there.urls, **keys, "QUIETZONE_STORAGE_URL_KEYS": URL_KEY}
        if self.mailbox is not None:
            urls["QUIETZONE_MAIL_URL"] = urls["QUIETZONE_NOTIFICATION_MAIL_URL"] = self.mailbox.url
            ports["mail"] = [int(re.findall(rf"{HOST}:(\d+)", self.mailbox.url)[0])]
        parts: dict[str, Any] = {}
        if self.sink is not None:
            ports["proxy"] = [int(re.findall(rf"{HOST}:(\d+)", self.sink.proxy)[0])]
            send = {"internet": False, "servers": ["bus", "documents", "mail", "proxy"]}
            parts["notification"] = {"settings": {"NOTIFICATION_WEBHOOK_PROXY": self.sink.proxy}, "roles": {"send": send}}
        gateway = {"type": "NodePort", "nodePort": API_PORT, "previewNodePort": PREVIEW_API_PORT}
        edge = {"type": "NodePort", "nodePort": SCAN_PORT, "previewNodePort": PREVIEW_SCAN_PORT}
        files = {"type": "NodePort", "nodePort": FILES_PORT, "previewNodePort": PREVIEW_FILES_PORT}
        return {
            "image": {"tag": tag, "pullPolicy": "IfNotPresent"},
            "hosts": {"scans": f"{NODE}:{SCAN_PORT}", "api": f"{NODE}:{API_PORT}", "files": f"{NODE}:{FILES_PORT}", "https": False},
            "servers": {"urls": urls},
            "account": {"existingSecret": "own-account"},
            "parts": {
                "gateway": {"roles": {"serve": {"service": gateway}}},
                "tracking": {"roles": {"edge": {"service": edge}}},
                "storage": {"roles": {"files": {"service": files}}},
                **parts,
            },
            "networkPolicies": {**dns, "servers": {name: {"to": here, "ports": found} for name, found in ports.items()}},
        }


def redirected(slug: str) -> str | None:
    """Where a scan is sent; None when it isn't. It isn't counted."""
    try:
        answer = fetch("HEAD", f"http://{NODE}:{SCAN_PORT}/{slug}", None, {})
    except OSError:
        return None
    return next((value for name, value in answer.headers.items() if name.lower() == "location"), None) if answer.status == 302 else None
