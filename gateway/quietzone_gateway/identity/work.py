"""What identity does in the background, in role `work` or beside the API: tells of changes, keeps the audit log, makes who signs up, sends
mails, changes the keys that sign, forgets what is over.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, TypeAlias

from quietzone_gateway.identity.accounts.memberships import Memberships
from quietzone_gateway.identity.accounts.repository import ACCOUNTS, Accounts
from quietzone_gateway.identity.attempts import SWEPT, Attempts
from quietzone_gateway.identity.audit.consumers import CODES, OURS, KeepAudit
from quietzone_gateway.identity.audit.repository import Log
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.mails.carriers import Carrier
from quietzone_gateway.identity.mails.tasks import KIND as MAIL
from quietzone_gateway.identity.mails.tasks import WITHIN_S, Addressees, SendMail, Tokens
from quietzone_gateway.identity.mails.texts import Texts
from quietzone_gateway.identity.metrics import AUDIT_STOPPED
from quietzone_gateway.identity.rules import DAY_MS
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.sessions.repository import Sessions
from quietzone_gateway.identity.sessions.signing import SigningKeys
from quietzone_gateway.identity.settings import IdentitySettings
from quietzone_gateway.identity.telling.use_cases import TellAgain
from quietzone_gateway.identity.users.newcomers import Newcomers
from quietzone_gateway.identity.users.repository import USERS, Users
from quietzone_kit.bus import Bus, TopicMismatch
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.mail import MailUnavailable
from quietzone_kit.outbox import Relay
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything, run_reaction
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import Kind, Worker
from quietzone_kit.telemetry import logger
from quietzone_topics import GATEWAY_ACCOUNT_V1, GATEWAY_AUDIT_V1, QR_CODE_V1

log = logger(__name__)

TELLING: tuple[Collection, ...] = (ACCOUNTS, KEYS, USERS)
"""Collections whose documents tell of their changes."""

TOPICS = (GATEWAY_AUDIT_V1, GATEWAY_ACCOUNT_V1)
"""All that identity writes."""

MAILS = "mails"
"""The waker of those who send mail; the others are called as their collection."""

MAILS_AT_ONCE = 4

SWEEP_S = 60.0
"""Between looks for what is over, and for a signing key that is due."""

Wakers: TypeAlias = Mapping[str, Callable[[], None]]
"""By collection: what tells its relay that an event waits. Where none runs in this process, polling finds it within a second."""

NOBODY: Wakers = {}

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks; `wakers` are for those who write in the same process."""

    bus: Bus
    randomness: Randomness
    relays: Mapping[str, Relay]
    mails: Worker
    log: Log
    house: "House"
    telling: TellAgain

    @property
    def wakers(self) -> Wakers:
        """What tells each relay that an event waits, and who sends mail that one is due."""
        return {MAILS: self.mails.wake, **{name: relay.wake for name, relay in self.relays.items()}}

    def run(self, app: App) -> None:
        """Add the tasks to a process."""
        for name, relay in self.relays.items():
            app.task(f"{name} relay", partial(self._on_topics, relay.run))
        app.task("mails", self.mails.run)
        for name, topic in ((OURS, GATEWAY_AUDIT_V1), (CODES, QR_CODE_V1)):
            app.task(f"{name} reaction", partial(self._on_topics, partial(self._audit, topic.name, name)))
        app.task("identity housekeeping", self.house.run)
        app.task("accounts told again", partial(self._on_topics, self.telling.run))

    async def _audit(self, topic: str, name: str) -> None:
        """Keep what is told on a topic. A reaction that stops alone stops nothing else: changes wait in the topic meanwhile."""
        try:
            await run_reaction(self.bus, topic, name, KeepAudit(self.log), self.house.clock, randomness=self.randomness)
        except (FailsOnEverything, ForeignLog, TopicMismatch) as error:
            AUDIT_STOPPED.set(1)
            log.error("the audit log hears of no changes any more", error=str(error))  # noqa: TRY400 - it says it all
            await asyncio.Event().wait()

    async def _on_topics(self, main: Main) -> None:
        """A task once our topics are there. The API answers without the bus, so its absence at the start ends nothing."""
        await ensure_patiently(self.bus, (*TOPICS, QR_CODE_V1), randomness=self.randomness, meanwhile="what is told of changes waits")
        await main()


@dataclass(frozen=True, slots=True)
class House:
    """Keeps things in order; several replicas do no harm."""

    sessions: Sessions
    attempts: Attempts
    signing: SigningKeys | None
    clock: Clock

    async def run(self) -> NoReturn:
        """Tidy up now and then, until cancelled."""
        while True:
            more = False
            with contextlib.suppress(Unavailable):  # what is over can wait
                more = await self.tidy()
            await asyncio.sleep(0 if more else SWEEP_S)

    async def tidy(self) -> bool:
        """Forget what is over, make a key that is due; True when there is more to forget."""
        swept = await self.sessions.sweep(self.clock.now_ms()), await self.attempts.sweep()
        if self.signing is not None:
            await self.signing.rotate()
        return max(swept) >= SWEPT


@dataclass(frozen=True, slots=True)
class Tools:
    """What the work stands on."""

    documents: Documents
    bus: Bus
    carrier: Carrier
    clock: Clock
    randomness: Randomness


def build_work(tools: Tools, settings: IdentitySettings) -> Work:
    """The tasks on a store whose collections are there."""
    documents, clock, randomness = tools.documents, tools.clock, tools.randomness
    relays = {
        each.name: Relay(documents, each, tools.bus, clock=clock, randomness=randomness, owner=uuid7(clock, randomness)) for each in TELLING
    }
    rules = settings.rules()
    lifetimes = rules.lifetimes
    users, accounts = Users(documents, clock, relays[USERS.name].wake), Accounts(documents, clock, relays[ACCOUNTS.name].wake)
    keys = settings.secret_keys()
    seal = Seal(keys, randomness)
    newcomers = Newcomers(users, accounts, Memberships(documents), seal)
    texts, tokens = Texts(settings.public_url, lifetimes), Tokens(seal, randomness)
    sending = SendMail(Addressees(users, accounts, newcomers), tools.carrier, texts, clock, tokens=tokens)
    kinds = {MAIL: Kind(sending, within_s=WITHIN_S, of_others=(MailUnavailable,))}
    mails = Worker(documents, kinds, clock=clock, randomness=randomness, owner=uuid7(clock, randomness), concurrency=MAILS_AT_ONCE)
    rotate_ms, token_ms = settings.token_key_days * DAY_MS, lifetimes.token_ms
    signing = SigningKeys(documents, seal, clock, randomness, rotate_ms=rotate_ms, token_ms=token_ms) if keys else None
    house = House(Sessions(documents), Attempts(documents, seal, clock, within_ms=rules.guesses.within_ms), signing, clock)
    return Work(tools.bus, randomness, relays, mails, Log(documents), house, TellAgain(accounts, users, randomness))


def nobody() -> None:
    """Nobody to be woken runs here."""
