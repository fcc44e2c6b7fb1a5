"""The public REST API, as the command line uses it."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from quietzone_cli.errors import ApiError

TIMEOUT_S = 20.0
"""Above the gateway's own deadline of 5 s for what it asks of services, with room for a machine that has just started."""

RECONCILE_S = 310.0
"""Above the 300 s that the gateway gives it: it reads everything."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code as the API shows it."""

    id: str
    slug: str
    title: str
    destination: str
    short_url: str
    state: str
    revision: int


@dataclass(frozen=True, slots=True)
class Analytics:
    """What a code's scans add up to; shares are (value, scans), most scans first."""

    total_scans: int
    unique_visitors: int
    bot_scans: int
    preview_scans: int
    devices: tuple[tuple[str, int], ...]
    browsers: tuple[tuple[str, int], ...]
    referrers: tuple[tuple[str, int], ...]
    languages: tuple[tuple[str, int], ...]


class Api:
    """A client of one Quietzone, for one account."""

    def __init__(self, base_url: str, api_key: str) -> None:
        """Raises ApiError: the URL or the key can't be one."""
        strange = next((character for character in api_key if not "!" <= character <= "~"), None)
        if strange is not None:
            raise ApiError(f"QUIETZONE_API_KEY holds {strange!r}, and a key only has letters, digits and signs of ASCII")
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = httpx.AsyncClient(base_url=_checked(base_url), headers=headers, timeout=TIMEOUT_S)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def create(self, *, title: str, destination: str, slug: str | None) -> Code:
        """Issue a code; raises ApiError."""
        body = {"title": title, "destination": destination} | ({} if slug is None else {"slug": slug})
        return _code(await self._json("POST", "/v1/codes", json=body))

    async def by_slug(self) -> dict[str, Code]:
        """All codes of the account; raises ApiError."""
        found: dict[str, Code] = {}
        cursor: str | None = None
        while True:
            page = await self._json("GET", "/v1/codes", params={"limit": "200"} | ({} if cursor is None else {"cursor": cursor}))
            found |= {item["slug"]: _code(item) for item in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def change_destination(self, code_id: str, destination: str) -> Code:
        """Point a code somewhere else; raises ApiError."""
        return _code(await self._json("PATCH", f"/v1/codes/{code_id}", json={"destination": destination}))

    async def image(self, code_id: str, image_format: str, *, size: int) -> bytes:
        """The code's symbol as a file's bytes; raises ApiError."""
        return (await self._send("GET", f"/v1/codes/{code_id}/image", params={"format": image_format, "size": str(size)})).content

    async def analytics(self, code_id: str) -> Analytics:
        """Counts of the last 30 days; raises ApiError."""
        answer = await self._json("GET", f"/v1/codes/{code_id}/analytics")
        return Analytics(
            total_scans=answer["total_scans"],
            unique_visitors=answer["unique_visitors"],
            bot_scans=answer["bot_scans"],
            preview_scans=answer["preview_scans"],
            devices=_shares(answer["devices"]),
            browsers=_shares(answer["browsers"]),
            referrers=_shares(answer["referrers"]),
            languages=_shares(answer["languages"]),
        )

    async def reconcile(self) -> "Reconciliation":
        """Accepted, forwarded and stored scans of the whole system; raises ApiError."""
        answer = await self._json("GET", "/v1/reconcile", timeout=RECONCILE_S)
        numbers = {name: answer[name] for name in ("accepted", "forwarded", "applied", "stored", "lost", "unrecorded")}
        return Reconciliation(**numbers, problems=tuple(answer["problems"]))

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        return (await self._send(method, path, **options)).json()

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ApiError(
                f"{self._http.base_url} doesn't answer ({error or type(error).__name__}): is `quietzone serve` running?"
            ) from error
        if response.is_success:
            return response
        raise ApiError(_problem(response))


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Scans on their way through the system; with nothing under way accepted = forwarded + lost, and forwarded = stored."""

    accepted: int
    forwarded: int
    applied: int
    stored: int
    lost: int
    unrecorded: int
    problems: tuple[str, ...]

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return self.accepted == self.forwarded + self.lost and self.forwarded == self.stored


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ApiError(f"{base_url!r} isn't the address of an API; http://localhost:8000 would do")
    return url


def _problem(response: httpx.Response) -> str:
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        return f"{problem['status']} {problem['title']}: {problem.get('detail', '')}"
    return f"{response.status_code} {response.reason_phrase} from {response.request.url}"


def _code(item: dict[str, Any]) -> Code:
    return Code(**{name: item[name] for name in ("id", "slug", "title", "destination", "short_url", "state", "revision")})


def _shares(items: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((item["value"], item["scans"]) for item in items)
