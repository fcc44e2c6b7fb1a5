"""What the tour does, step by step, without a word to the terminal: each step tells its progress by a callback."""

import asyncio
import csv
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from quietzone_cli.errors import TourFailed
from quietzone_cli.tour.readers import Reading, read_png, read_svg
from quietzone_cli.tour.visitors import BOT, HEAD, PERSON, PREVIEW, Request, requests_for
from quietzone_client import Analytics, AsyncClient, Code, CodeState, ImageFormat, QuietzoneError, Reconciliation, Selection, Sheet

Advance = Callable[[], None]
T = TypeVar("T")

PNG_SIZE_PX = 600
READERS: dict[ImageFormat, Callable[[bytes], Reading]] = {"png": read_png, "svg": read_svg}
CONNECTIONS = 16
"""Scans under way at once: enough to keep one edge busy from one Python client."""

COUNTED_WITHIN_S = 30.0
"""How long to wait for the counts: twenty times the promised 1.5 s, for a machine that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A row of a CSV file."""

    title: str
    destination: str
    slug: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent to one code, by kind."""

    people: int
    bots: int
    previews: int
    heads: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A code, what was sent to it in this tour, and its analytics before and after."""

    code: Code
    sent: Sent
    before: Analytics
    after: Analytics

    @property
    def exact(self) -> bool:
        """Whether everything sent was counted, once, in its class."""
        return (
            self.after.total_scans - self.before.total_scans == self.sent.people
            and self.after.bot_scans - self.before.bot_scans == self.sent.bots
            and self.after.preview_scans - self.before.preview_scans == self.sent.previews
        )


def read_plans(files: Iterable[Path]) -> list[Plan]:
    """The rows of CSV files with the columns title, destination and slug (may be empty); raises TourFailed."""
    paths = list(files)
    plans = [plan for path in paths for plan in _read_plans(path)]
    if not plans:
        raise TourFailed(f"no codes in {', '.join(map(str, paths))}: each line below the first makes one")
    return plans


def _read_plans(path: Path) -> Iterator[Plan]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                if not row.get("title") or not row.get("destination"):
                    raise TourFailed(f"{path}, line {number}: needs a title and a destination")
                yield Plan(row["title"], row["destination"], row.get("slug") or None)
    except OSError as error:
        raise TourFailed(f"{path}: can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TourFailed(f"{path}: not a CSV file in UTF-8 ({error})") from error


async def create(api: AsyncClient, plans: Sequence[Plan], advance: Advance) -> list[Code]:
    """Issue a code per row; those of an earlier tour are used again, known by slug, title and destination: others may be in print.
    Those that somebody has paused are left out.

    Raises:
        TourFailed: a row can't become a code; names it.
    """
    there = [code async for code in api.codes.list()]
    codes: list[Code] = []
    for plan in plans:
        known = next((code for code in there if is_of(plan, code)), None)
        try:
            code = known or await api.codes.create(plan.destination, title=plan.title, slug=plan.slug)
        except QuietzoneError as error:
            raise TourFailed(f"{plan.title}: {error}") from error
        if code.state == CodeState.ACTIVE:
            codes.append(code)
        advance()
    if not codes:
        raise TourFailed("all codes of these examples are paused: name other ones with --examples")
    return codes


def is_of(plan: Plan, code: Code) -> bool:
    """Whether a tour made this code from this row; tours change the fragment of a destination."""
    same = plan.title == code.title and _without_fragment(plan.destination) == _without_fragment(code.destination)
    return same and plan.slug in (None, code.slug)


def _without_fragment(url: str) -> str:
    """An address as the API keeps it, host and path in ASCII."""
    try:
        kept = str(httpx.URL(url))
    except httpx.InvalidURL:
        kept = url
    return kept.partition("#")[0].rstrip("/")


PRINTED_WITHIN_S = 60.0
LABELS = 1_000
"""Of one print, at most."""


async def draw(api: AsyncClient, codes: Sequence[Code], folder: Path, advance: Advance) -> int:
    """Write a PNG and an SVG of each code and read them back from disk; returns how many readings there were.

    Raises:
        TourFailed: a decoder read something else than the short URL, or the files can't be written.
    """
    for code in codes:
        for image_format, read in READERS.items():
            path = folder / f"{code.slug}.{image_format}"
            image = await api.codes.image(code.id, image_format, size=PNG_SIZE_PX)
            reading = await asyncio.to_thread(_write_and_read, path, image.content, read)
            if not reading.says(code.short_url):
                raise TourFailed(f"{path}: should say {code.short_url}; zxing read {reading.zxing}, quirc read {reading.quirc}")
            advance()
    return len(codes) * 4


async def print_labels(api: AsyncClient, codes: Sequence[Code], path: Path, *, files_url: str | None) -> int:
    """Write sheets of labels to cut out, of the first 1,000 codes, fetched by their URL or at `files_url`; returns their bytes."""
    asset = await api.assets.print(
        Selection([code.id for code in codes[:LABELS]]), title="The tour's codes", sheet=Sheet("title", "a4", 3, 4)
    )
    await api.assets.wait(asset.id, within_s=PRINTED_WITHIN_S)
    return await api.assets.download(asset.id, path, at=files_url)


@dataclass(frozen=True, slots=True)
class Scans:
    """Where scans are sent: to the short URLs as they are printed, or to the same paths at `base_url`."""

    base_url: str | None

    def url(self, code: Code) -> str:
        """Where to scan a code."""
        return code.short_url if self.base_url is None else self.base_url + httpx.URL(code.short_url).path

    async def ask(self, client: httpx.AsyncClient, method: str, code: Code, headers: dict[str, str] | None = None) -> httpx.Response:
        """Scan a code once; redirects aren't followed.

        Raises:
            TourFailed: nobody answers there.
        """
        url = self.url(code)
        try:
            return await client.request(method, url, headers=headers)
        except httpx.TransportError as error:
            raise TourFailed(f"{method} {url}: no answer ({error or type(error).__name__}); is this where scans are answered?") from error


async def scan(scans: Scans, codes: Sequence[Code], advance: Advance) -> list[Sent]:
    """Scan every code over HTTP as its visitors would.

    Raises:
        TourFailed: an answer wasn't a redirect to the code's destination.
    """
    jobs = [(code, request) for place, code in enumerate(codes) for request in requests_for(place)]
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=10.0) as client:
        await _each(jobs, lambda job: _scan_once(scans, client, *job), advance)
    return [_tally(requests_for(place)) for place in range(len(codes))]


async def until_redirected(scans: Scans, code: Code, *, within_s: float = 5.0) -> float:
    """Seconds until a HEAD of a code leads to its destination; HEAD isn't counted.

    Raises:
        TourFailed: it doesn't within `within_s`.
    """
    started = time.monotonic()
    async with httpx.AsyncClient(timeout=5.0) as client:
        while (answer := (await scans.ask(client, "HEAD", code)).headers.get("location")) != code.destination:
            if time.monotonic() - started > within_s:
                raise TourFailed(f"{scans.url(code)} leads to {answer}, not to {code.destination}")
            await asyncio.sleep(0.01)
    return time.monotonic() - started


async def analytics_of(api: AsyncClient, codes: Sequence[Code]) -> list[Analytics]:
    """Each code's analytics now."""
    return [await api.codes.analytics(code.id) for code in codes]


async def until_counted(
    api: AsyncClient, codes: Sequence[Code], sent: Sequence[Sent], before: Sequence[Analytics]
) -> AsyncIterator[list[Counted]]:
    """Each code's counts again and again, until all that was sent is counted or COUNTED_WITHIN_S have passed."""
    ends = time.monotonic() + COUNTED_WITHIN_S
    while True:
        after = await analytics_of(api, codes)
        counted = [Counted(*row) for row in zip(codes, sent, before, after, strict=True)]
        yield counted
        if all(row.exact for row in counted) or time.monotonic() > ends:
            return
        await asyncio.sleep(0.05)


def _write_and_read(path: Path, image: bytes, read: Callable[[bytes], Reading]) -> Reading:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    except OSError as error:
        raise TourFailed(f"{path.parent}: can't be written to ({error.strerror}); choose another folder with --out") from error
    return read(path.read_bytes())


async def until_reconciled(api: AsyncClient, before: Reconciliation) -> Reconciliation:
    """What reconcile says once the edges' own numbers have come in too. Where others scan meanwhile, numbers never meet: then it is enough
    that as many are stored as were accepted at first.

    Raises:
        TourFailed: it names problems that it didn't name before the tour, or the numbers don't settle within COUNTED_WITHIN_S.
    """
    ends = time.monotonic() + COUNTED_WITHIN_S
    first = found = await api.reconcile()
    while not has_arrived(first, found) and time.monotonic() < ends:
        await asyncio.sleep(0.1)
        found = await api.reconcile()
    new = [problem for problem in found.problems if problem not in before.problems]
    if new or not has_arrived(first, found):
        numbers = f"{found.accepted} accepted, {found.forwarded} forwarded, {found.stored} stored, {found.lost} lost"
        raise TourFailed(f"reconcile: {numbers}: {'; '.join(new) or 'still under way'}")
    return found


def has_arrived(first: Reconciliation, found: Reconciliation) -> bool:
    """Whether all that was accepted `first` is stored in what was `found` later."""
    others_scan = found.accepted > first.accepted
    return found.settled or (others_scan and found.stored + found.lost >= first.accepted)


def _tally(requests: Sequence[Request]) -> Sent:
    kinds = [request.visitor.kind for request in requests]
    return Sent(kinds.count(PERSON), kinds.count(BOT), kinds.count(PREVIEW), kinds.count(HEAD))


async def _scan_once(scans: Scans, client: httpx.AsyncClient, code: Code, request: Request) -> None:
    visitor = request.visitor
    headers = {"user-agent": visitor.user_agent, "x-forwarded-for": request.address}
    if visitor.language is not None:
        headers["accept-language"] = visitor.language
    if visitor.referrer is not None:
        headers["referer"] = visitor.referrer
    method = "HEAD" if visitor.kind == HEAD else "GET"
    answer = await scans.ask(client, method, code, headers)
    if answer.status_code != httpx.codes.FOUND or answer.headers.get("location") != code.destination:
        raise TourFailed(
            f"{method} {scans.url(code)}: {answer.status_code} to {answer.headers.get('location')}, not 302 to {code.destination}"
        )


async def _each(items: Sequence[T], work: Callable[[T], Awaitable[None]], advance: Advance) -> None:
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)
            advance()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(worker())
    except ExceptionGroup as failed:  # the first says what happened
        raise failed.exceptions[0] from None
