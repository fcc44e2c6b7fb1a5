"""A server that answers from a list, and time that passes only when somebody sleeps."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from quietzone_client import AsyncClient, Client, Retries, Runtime

CODE_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"
CODE: Mapping[str, Any] = {
    "id": CODE_ID,
    "slug": "menu-4",
    "short_url": "https://qr.example.com/menu-4",
    "destination": "https://example.com/menu",
    "title": "Menu",
    "state": "active",
    "tags": ["menu", "summer"],
    "folder": "tables",
    "revision": 3,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
}
EXPORT: Mapping[str, Any] = {
    "id": "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e",
    "code_id": None,
    "from": "2026-11-01T00:00:00.000Z",
    "to": "2026-12-01T00:00:00.000Z",
    "interval": "day",
    "zone": "UTC",
    "format": "csv",
    "state": "waiting",
    "codes_done": 0,
    "codes_total": None,
    "rows": None,
    "size": None,
    "sha256": None,
    "error": None,
    "created_at": "2026-12-01T09:30:00.125Z",
    "expires_at": None,
}

Scripted = httpx.Response | Exception


class Parts(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in parts; an exception among them breaks it off."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


@dataclass
class Server:
    """Gives its answers one after the other, the last for ever, and keeps what it was asked."""

    answers: list[Scripted]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now_s: float = 1_000.0
    named: int = 0

    @classmethod
    def of(cls, *answers: Scripted) -> "Server":
        return cls(list(answers))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)  # a body is read once

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def name(self) -> str:
        self.named += 1
        return f"name-{self.named}"

    @property
    def runtime(self) -> Runtime:
        """Jitter is always the longest."""
        now, longest = (lambda: self.now_s), (lambda _low, high: high)
        return Runtime(now, now, longest, self.name, self.sleep, self.sleep_async)

    def client(self, retries: Retries | None = None, **options: Any) -> Client:
        return Client(
            "https://api.test",
            **{"auth": "qz_key"} | options,
            retries=retries or Retries(),
            transport=httpx.MockTransport(self),
            runtime=self.runtime,
        )

    def on_loop(self) -> AsyncClient:
        return AsyncClient("https://api.test", "qz_key", transport=httpx.MockTransport(self), runtime=self.runtime)

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.asked]

    @property
    def keys(self) -> list[str | None]:
        """Of the requests, what they were named by."""
        return [request.headers.get("idempotency-key") for request in self.asked]

    def body(self, number: int = 0) -> Any:
        return json.loads(self.asked[number].content)


def ok(body: Any = CODE, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def problem(status: int, kind: str, **fields: Any) -> httpx.Response:
    headers = {"content-type": "application/problem+json", "x-request-id": "request-1"}
    retry_after = fields.pop("retry_after", None)
    if retry_after is not None:
        headers["retry-after"] = retry_after
    body = {
        "type": f"/problems/{kind}",
        "title": "Title",
        "status": status,
        "detail": "the detail",
        "instance": "/",
        "request_id": "request-1",
    }
    return httpx.Response(status, content=json.dumps(body | fields), headers=headers)


def page(*items: Any, cursor: str | None = None, **meta: Any) -> httpx.Response:
    return ok(
        {"items": list(items), "meta": {"limit": 50, "has_next": cursor is not None, "has_prev": False} | meta, "next_cursor": cursor}
    )
