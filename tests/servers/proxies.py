"""Faults on the way to a server, by toxiproxy: https://github.com/Shopify/toxiproxy says what each toxic does."""

import json
import urllib.request
from typing import Any, Literal

Direction = Literal["upstream", "downstream"]
"""Towards the server, or back from it."""

BOTH: tuple[Direction, ...] = ("upstream", "downstream")
ANSWER_WITHIN_S = 10.0


class Proxy:
    """The only way to one server of this machine; `url` is toxiproxy's own interface, `listen` a host and port."""

    def __init__(self, url: str, name: str, *, listen: str, upstream: int) -> None:
        self._url = url
        self._name = name
        self._post("/proxies", {"name": name, "listen": listen, "upstream": f"127.0.0.1:{upstream}", "enabled": True})

    def cut(self) -> None:
        """End all connections, refuse new ones."""
        self._post(f"/proxies/{self._name}", {"enabled": False})

    def slow(self, latency_ms: int, jitter_ms: int) -> None:
        """Delay what goes either way."""
        for direction in BOTH:
            self._add("latency", direction, {"latency": latency_ms, "jitter": jitter_ms})

    def reset(self) -> None:
        """Answer every connection, those that are open too, with a reset."""
        for direction in BOTH:
            self._add("reset_peer", direction, {"timeout": 0})

    def half_open(self, *directions: Direction) -> None:
        """Let nothing through in these directions, both by default, and end no connection."""
        for direction in directions or BOTH:
            self._add("timeout", direction, {"timeout": 0})

    def mend(self) -> None:
        """End every fault. Connections on which something got lost are ended with it, as a network's devices do some day."""
        for toxic in self._ask("GET", f"/proxies/{self._name}/toxics"):
            self._ask("DELETE", f"/proxies/{self._name}/toxics/{toxic['name']}")
        self._post(f"/proxies/{self._name}", {"enabled": True})

    def _add(self, kind: str, direction: Direction, attributes: dict[str, int]) -> None:
        toxic = {"name": f"{kind} {direction}".replace(" ", "-"), "type": kind, "stream": direction, "attributes": attributes}
        self._post(f"/proxies/{self._name}/toxics", toxic)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"content-type": "application/json"}, method=method)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310
            said = answer.read()
        return json.loads(said) if said else None
