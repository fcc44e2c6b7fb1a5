"""Who uses the house: owners who create and change codes, and people who scan them. They are outside: nothing kills them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from quietzone_kit.errors import AlreadyExists, NotFound, Unavailable
from quietzone_qr.codes.domain import AccountId, Code, State
from quietzone_qr.codes.requests import Edit, NewCode
from simulation.chance import Chance
from simulation.codebook import DELETED, PAUSED, REDIRECT, UNAVAILABLE, UNKNOWN, Answer, Codebook, Sight
from simulation.ledger import Ledger
from simulation.process import Gone
from simulation.roles import QrApi, ScanPort
from simulation.world import Role, World

PATIENCE_S = 4.0
"""How long a client waits for an answer."""

AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
)

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@dataclass(frozen=True, slots=True)
class Habits:
    """How busy clients are: seconds between two actions on average, and how many scans there are at most."""

    scan_every_s: float
    change_every_s: float
    most_scans: int
    most_codes: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What qr answered: the code, or None when it refused; uncertain when nobody knows what it did."""

    code: Code | None
    certain: bool


class Clients:
    """Everybody outside."""

    def __init__(self, world: World, chance: Chance, books: tuple[Ledger, Codebook], habits: Habits) -> None:
        self._world = world
        self._chance = chance
        self._ledger, self._codebook = books
        self._habits = habits
        self._destinations = 0
        self._changing: set[str] = set()

    async def own(self, name: str, qrs: list[Role]) -> None:
        """Create and change codes for ever."""
        chance = self._chance.fork(name)
        while True:
            await asyncio.sleep(chance.uniform(0, 2 * self._habits.change_every_s))
            qr = chance.pick(qrs)
            if not qr.is_up():
                continue
            if not self._codebook.entries or (len(self._codebook.entries) < self._habits.most_codes and chance.happens(0.4)):
                await self._create(qr, chance)
            else:
                await self._change(qr, chance)

    async def scan(self, name: str, edges: list[Role]) -> None:
        """Scan codes until there were enough scans, alone or in groups."""
        chance = self._chance.fork(name)
        while len(self._ledger.scans) < self._habits.most_scans:
            await asyncio.sleep(chance.uniform(0, 2 * self._habits.scan_every_s))
            known = list(self._codebook.entries)
            if not known:
                continue
            edge = chance.pick(edges)
            async with asyncio.TaskGroup() as group:
                for _ in range(chance.pick((1, 1, 1, 4, 12))):
                    code_id = known[0] if chance.happens(0.5) else chance.pick(known)
                    group.create_task(self.scan_once(edge, self._codebook.entries[code_id].code, chance))

    async def scan_once(self, edge: Role, code: Code, chance: Chance) -> Answer | None:
        """One scan; None when there was no answer."""
        if not edge.is_up():
            return None
        run = f"{edge.name}#{edge.starts}"
        counts, loop = self._world.counts, self._world.loop
        agent = BOT if chance.happens(0.05) else chance.pick(AGENTS)
        scan = self._ledger.sent((code.account_id, code.code_id), edge.name, loop.time(), is_person=agent != BOT)
        counts["scans sent"] += 1
        method = b"HEAD" if chance.happens(0.05) else b"GET"
        headers = {b"user-agent": agent.encode(), b"referer": f"https://{scan.referrer}/".encode(), b"accept-language": b"de-DE"}
        if method == b"HEAD":
            self._ledger.not_to_be_counted(scan)
        try:
            answer = await self._world.ask(edge, partial(_scan, method=method, slug=code.slug, headers=headers), within_s=PATIENCE_S)
        except (Gone, TimeoutError):
            counts["scans without an answer"] += 1
            return None
        counts[f"scans answered: {answer.outcome}"] += 1
        if answer.outcome == REDIRECT:
            self._ledger.redirected(scan, loop.time())
            self._world.answered()
        else:
            self._ledger.not_to_be_counted(scan)
        self._codebook.led(code.code_id, run, Sight(answer, scan.sent_at, loop.time()))
        return answer

    async def _create(self, qr: Role, chance: Chance) -> None:
        slugs = [entry.code.slug for entry in self._codebook.entries.values()]
        slug = chance.pick([None, "menu", "poster", *slugs])
        account = AccountId(chance.pick(("north", "south")))
        new = NewCode(self._destination(), "", slug)
        code = (await self._ask(qr, lambda api: api.create(account, new))).code
        if code is not None:
            self._codebook.issued(code)
            self._world.tell(f"{code.code_id} is issued as {code.slug}")

    async def _change(self, qr: Role, chance: Chance) -> None:
        entry = chance.pick(list(self._codebook.entries.values()))
        code = entry.code
        state = State.ACTIVE if code.state is State.PAUSED else State.PAUSED if chance.happens(0.1) else None
        edit = Edit(self._destination() if state is None else None, None, state)
        entry.unknown += 1
        delete = chance.happens(0.05)
        reply = await self._ask(qr, (lambda api: api.delete(code)) if delete else lambda api: api.update(code, edit))
        entry.unknown -= reply.certain
        if reply.code is not None:
            self._codebook.changed(reply.code)
            self._world.tell(f"{code.slug} is {reply.code.state.value} with revision {reply.code.revision}, {reply.code.destination}")

    async def _ask(self, qr: Role, call: Callable[["QrApi"], Coroutine[Any, Any, Code]]) -> Reply:
        """What qr answers."""
        counts = self._world.counts
        try:
            code = await self._world.ask(qr, call, within_s=PATIENCE_S)
        except (NotFound, AlreadyExists):
            counts["changes of codes refused"] += 1
            return Reply(None, certain=True)
        except (Gone, TimeoutError, Unavailable):
            counts["changes of codes with unknown outcome"] += 1
            return Reply(None, certain=False)
        counts["changes of codes"] += 1
        return Reply(code, certain=True)

    def _destination(self) -> str:
        self._destinations += 1
        return f"https://example.com/{self._destinations}"


async def _scan(port: ScanPort, *, method: bytes, slug: str, headers: dict[bytes, bytes]) -> Answer:
    status, location, body = await port.ask(method, slug, headers)
    if status == 302:
        return Answer(REDIRECT, location)
    if status == 410:
        return Answer(DELETED)
    if status == 503:
        return Answer(UNAVAILABLE)
    return Answer(PAUSED if b"paused" in body else UNKNOWN)
