"""Identity, put together: ports in, one object out."""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.repository import ACCOUNTS, Accounts
from quietzone_gateway.identity.authentication import Authentication
from quietzone_gateway.identity.keys.known import KnownKeys, Uses
from quietzone_gateway.identity.keys.repository import KEYS, Keys
from quietzone_gateway.identity.keys.use_cases import KIND as KEY
from quietzone_gateway.identity.keys.use_cases import find_key
from quietzone_gateway.identity.ports import Ports
from quietzone_gateway.identity.remembered import News, Remembered
from quietzone_gateway.identity.work import Wakers
from quietzone_kit.cache import Cache
from quietzone_kit.documents import Documents
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import Clock, Randomness

NOBODY: Wakers = {}

ACCOUNT = "account"
"""What replicas are told of: an account's id."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What use cases of identity take."""

    accounts: Accounts
    keys: Keys
    ports: Ports
    authentication: Authentication
    uses: Uses

    def serve(self, app: App) -> None:
        """The tasks of a process that answers requests: hear what other replicas change, write down when keys were used."""
        app.task("identity news", self.ports.news.run)
        app.task("key uses", self.uses.run)


def build_identity(documents: Documents, cache: Cache, clock: Clock, randomness: Randomness, *, wakers: Wakers = NOBODY) -> Identity:
    """Identity on a store whose collections are there. `wakers` are those of the background work, if it runs in this process."""
    accounts = Accounts(documents, wakers.get(ACCOUNTS.name, _nobody))
    keys = Keys(documents, wakers.get(KEYS.name, _nobody))
    news = News(cache)
    known_accounts = Remembered(clock, accounts.standing)
    known_keys = Remembered(clock, lambda lookup: find_key(accounts, keys, clock, lookup))
    news.about(ACCOUNT, known_accounts)
    news.about(KEY, known_keys)
    uses = Uses(keys)
    authentication = Authentication(KnownKeys(known_keys, known_accounts, uses, clock))
    return Identity(accounts, keys, Ports(clock, randomness, news), authentication, uses)


def _nobody() -> None:
    """No relay runs here."""
