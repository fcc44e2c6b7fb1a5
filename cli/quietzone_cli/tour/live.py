"""The tour's own scans, as live updates tell them while they are made; and the key that listens, which may do nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from quietzone_cli.errors import TourFailed
from quietzone_client import AsyncClient, Code, Event, Kind, PermissionDenied, Reset, Summary, Told

SCOPES = frozenset({"analytics:read", "codes:read"})
"""What a screen on a wall needs."""

KEY_NAME = "The tour's reader"

WATCHED = 100
"""Codes that a stream can be asked for."""


async def reading_key(api: AsyncClient) -> str:
    """The secret of a key that only reads: that of an earlier tour gets another secret, so that keys don't pile up."""
    for key in await api.keys.list():
        if (key.name, key.scopes, key.networks, key.expires_at, key.revoked_at) == (KEY_NAME, SCOPES, (), None, None):
            return (await api.keys.rotate(key.id, grace_s=0)).secret
    return (await api.keys.make(KEY_NAME, sorted(SCOPES))).secret


async def refused_change(reader: AsyncClient, code: Code) -> str:
    """What the API says when a key that only reads changes a code.

    Raises:
        TourFailed: it lets it.
    """
    try:
        await reader.codes.change(code.id, title=code.title)
    except PermissionDenied as error:
        return error.detail
    raise TourFailed(f"{code.slug}: a key without the scope codes:write could change it")


class Heard:
    """What live updates have told so far: scans by people, the first by each kind of device, and where changed codes lead."""

    def __init__(self, codes: Sequence[Code]) -> None:
        self.codes = codes[:WATCHED]
        self.scans = 0
        self.samples: dict[str, Event] = {}
        self.missed = ""
        self._known: set[str] = set()
        self._led: dict[str, str] = {}
        self._news = asyncio.Event()

    async def listen(self, api: AsyncClient) -> None:
        """Take what is told, until cancelled."""
        stream = api.stream([Kind.CODE_UPDATED, Kind.SCANNED], code_ids=[code.id for code in self.codes])
        async with aclosing(stream) as all_told:
            async for told in all_told:
                self.take(told)
                self._news.set()

    async def until_changed(self, code: Code, *, within_s: float) -> bool:
        """Wait until it was told where a code leads now; whether it was in time."""
        return await self._until(lambda: self._led.get(code.id) == code.destination, within_s)

    async def until_scanned(self, count: int, *, within_s: float) -> bool:
        """Wait until so many scans were told, or some can't be any more; whether that was in time."""
        return await self._until(lambda: self.scans >= count or bool(self.missed), within_s)

    async def _until(self, done: Callable[[], bool], within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def take(self, told: Told) -> None:
        """Add what was told; an event that comes twice counts once."""
        match told:
            case Event(id=event_id) if event_id not in self._known:
                self._known.add(event_id)
                self._note(told)
            case Summary(scans=scans, changes=changes):
                self.scans += sum(each.count for each in scans)
                for change in changes:
                    self._note(change)
            case Reset(reason=reason):
                self.missed = reason

    def _note(self, event: Event) -> None:
        if event.kind is Kind.SCANNED:
            self.scans += 1
            self.samples.setdefault(str(event.fields.get("device")), event)
        elif event.code is not None:
            self._led[event.code_id] = event.code.destination


@asynccontextmanager
async def listening(reader: AsyncClient, codes: Sequence[Code]) -> AsyncIterator[Heard]:
    """What is told about codes, from now on to the block's end."""
    heard = Heard(codes)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(heard.listen(reader))
            yield heard
            task.cancel()
    except ExceptionGroup as failed:  # the first says what happened
        raise failed.exceptions[0] from None
