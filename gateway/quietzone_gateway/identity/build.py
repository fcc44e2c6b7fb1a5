"""Identity, put together: ports in, one object out."""

from dataclasses import dataclass, field

from quietzone_gateway.identity.accounts.memberships import Memberships
from quietzone_gateway.identity.accounts.repository import ACCOUNTS, Accounts
from quietzone_gateway.identity.attempts import Attempts
from quietzone_gateway.identity.audit.repository import Log
from quietzone_gateway.identity.authentication import Authentication
from quietzone_gateway.identity.authorisers.ask import Asker
from quietzone_gateway.identity.authorisers.known import KnownByAuthorisers
from quietzone_gateway.identity.keys.known import KnownKeys, Uses
from quietzone_gateway.identity.keys.repository import KEYS, Keys
from quietzone_gateway.identity.keys.use_cases import KIND as KEY
from quietzone_gateway.identity.keys.use_cases import find_key
from quietzone_gateway.identity.mails.tasks import TaskPost
from quietzone_gateway.identity.ports import Ports
from quietzone_gateway.identity.remembered import News, Remembered
from quietzone_gateway.identity.rules import DAY_MS
from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.sessions.known import KnownSessions
from quietzone_gateway.identity.sessions.repository import Sessions
from quietzone_gateway.identity.sessions.signing import SigningKeys
from quietzone_gateway.identity.sessions.tokens import Tokens
from quietzone_gateway.identity.settings import IdentitySettings
from quietzone_gateway.identity.users.passwords import Argon2, Passwords
from quietzone_gateway.identity.users.people import ACCOUNT, SESSION, USER, People
from quietzone_gateway.identity.users.repository import USERS, Users
from quietzone_gateway.identity.work import MAILS, NOBODY, Wakers, nobody
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Documents
from quietzone_kit.lifecycle import App
from quietzone_kit.outside import SystemResolver
from quietzone_kit.runtime import Clock, Executor, Randomness, ThreadExecutor

RESOLVER_THREADS = 2  # a look-up that hangs keeps one for up to half a minute


@dataclass(frozen=True, slots=True)
class Parts:
    """What identity stands on. `executor` hashes passwords; `wakers` are those of the background work, if it runs in this process."""

    documents: Documents
    cache: Cache
    clock: Clock
    randomness: Randomness
    executor: Executor
    wakers: Wakers = field(default_factory=lambda: NOBODY)
    asker: Asker | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What use cases of identity take."""

    accounts: Accounts
    keys: Keys
    people: People
    signing: SigningKeys
    log: Log
    ports: Ports
    authentication: Authentication
    uses: Uses
    cache: Cache

    def serve(self, app: App) -> None:
        """The tasks of a process that answers requests: hear what other replicas change, write down when keys were used."""
        app.task("identity news", self.ports.news.run)
        app.task("key uses", self.uses.run)


def build_identity(parts: Parts, settings: IdentitySettings, *, passwords: Passwords | None = None) -> Identity:
    """Identity on a store whose collections are there; `passwords` takes the place of those that the settings describe."""
    documents, clock, wakers = parts.documents, parts.clock, parts.wakers
    seal = Seal(settings.secret_keys(), parts.randomness)
    rules = settings.rules()
    token_ms = rules.lifetimes.token_ms
    signing = SigningKeys(documents, seal, clock, parts.randomness, rotate_ms=settings.token_key_days * DAY_MS, token_ms=token_ms)
    news = News(parts.cache)
    ports = Ports(clock, parts.randomness, news)
    people = People(
        users=Users(documents, clock, wakers.get(USERS.name, nobody)),
        accounts=Accounts(documents, clock, wakers.get(ACCOUNTS.name, nobody)),
        memberships=Memberships(documents),
        sessions=Sessions(documents),
        attempts=Attempts(documents, seal, clock, within_ms=rules.guesses.within_ms),
        passwords=passwords or _argon2(parts, settings),
        seal=seal,
        tokens=Tokens(signing, settings.public_url, clock, token_ms=token_ms),
        post=TaskPost(documents, clock, parts.randomness, wakers.get(MAILS, nobody)),
        ports=ports,
        rules=rules,
    )
    keys = Keys(documents, wakers.get(KEYS.name, nobody))
    uses = Uses(keys)
    asker = parts.asker or Asker(SystemResolver(ThreadExecutor("resolver", RESOLVER_THREADS)), clock)
    authentication = _authentication(people, Doors(keys, uses, asker, parts.cache), settings.public_url)
    return Identity(people.accounts, keys, people, signing, Log(documents), ports, authentication, uses, parts.cache)


@dataclass(frozen=True, slots=True)
class Doors:
    """What authentication takes besides people."""

    keys: Keys
    uses: Uses
    asker: Asker
    cache: Cache


def _authentication(people: People, doors: Doors, origin: str) -> Authentication:
    """What finds principals, with memories that heed the news."""
    clock, news = people.ports.clock, people.ports.news
    accounts = Remembered(clock, people.accounts.standing)
    known_keys = Remembered(clock, lambda lookup: find_key(people.accounts, doors.keys, clock, lookup))
    sessions, users = Remembered(clock, people.sessions.get), Remembered(clock, people.users.get)
    for kind, memory in ((ACCOUNT, accounts), (KEY, known_keys), (SESSION, sessions), (USER, users)):
        news.about(kind, memory)
    return Authentication(
        KnownKeys(known_keys, accounts, doors.uses, clock),
        KnownSessions(people.tokens, people.seal, clock, sessions=sessions, users=users, accounts=accounts, origin=origin),
        KnownByAuthorisers(accounts, doors.asker, doors.cache, people.seal, clock),
    )


def _argon2(parts: Parts, settings: IdentitySettings) -> Argon2:
    return Argon2(
        parts.executor,
        parts.randomness,
        memory_kib=settings.argon2_memory_kib,
        rounds=settings.argon2_rounds,
        lanes=settings.argon2_lanes,
    )
