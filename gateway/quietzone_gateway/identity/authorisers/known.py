"""Whoever an account's own authoriser speaks for, remembered as long as it says."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import Account, Authoriser
from quietzone_gateway.identity.accounts.repository import Standing
from quietzone_gateway.identity.authorisers.ask import Asker, NoPolicy, Question, Refused
from quietzone_gateway.identity.authorisers.domain import granted, holds_s, place_of
from quietzone_gateway.identity.domain import Means, Principal, truncated
from quietzone_gateway.identity.keys.known import check_open
from quietzone_gateway.identity.metrics import AUTHORISERS
from quietzone_gateway.identity.remembered import Remembered
from quietzone_gateway.identity.seal import Seal
from quietzone_kit.cache import Cache, Keep
from quietzone_kit.errors import Unauthenticated, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger

log = logger(__name__)

MAX_TOKEN = 8_192
"""Characters of a token of somebody else's: what fits into a request's head beside the rest."""

FORM = 1
"""Of a verdict that is remembered: one more with each change of it, as two releases share the cache server."""

REFUSED_S = 10
"""How long it is remembered that an authoriser knows nobody with a token."""

MOST_OF_ONE = 10
"""Questions to one account's authoriser at once: one that hangs holds up as many requests, and no other account's."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an authoriser said of a token: a principal with scopes, or nobody (empty); good until `until_ms`."""

    principal_id: str
    scopes: frozenset[str]
    until_ms: int

    def packed(self) -> bytes:
        """As it is remembered."""
        return json.dumps([self.principal_id, sorted(self.scopes), self.until_ms]).encode()

    @classmethod
    def unpacked(cls, value: bytes) -> "Verdict":
        """As it was remembered."""
        principal_id, scopes, until_ms = json.loads(value)
        return cls(principal_id, frozenset(scopes), until_ms)


class KnownByAuthorisers:
    """Finds who shows a token that only the account's own authoriser knows. All that is remembered of an account goes with a change of
    its authoriser (`tag_of`).
    """

    def __init__(self, accounts: Remembered[Standing], asker: Asker, cache: Cache, seal: Seal, clock: Clock) -> None:
        self._accounts = accounts
        self._asker = asker
        self._cache = cache
        self._seal = seal
        self._clock = clock
        self._asked: Counter[str] = Counter()

    async def principal_of(self, account_id: str, question: Question) -> Principal:
        """Whoever shows this token in this account.

        Raises:
            Unauthenticated: the account has no authoriser, or it knows nobody with this token.
            PermissionDenied: the account is suspended.
            Unavailable: the authoriser gives no policy.
        """
        standing = await self._accounts.get(account_id)
        account = standing.account if standing else None
        if standing is None or account is None or account.authoriser is None or len(question.token) > MAX_TOKEN:
            raise _nobody()
        check_open(standing)
        verdict = await self._verdict(account, account.authoriser, question)
        if not verdict.principal_id:
            raise _nobody()
        return Principal(
            account_id=account.account_id,
            subject=f"webhook:{account.account_id}/{verdict.principal_id}",
            scopes=verdict.scopes & account.authoriser.scopes,
            plan=account.plan,
            means=Means.WEBHOOK,
            address=truncated(question.source_ip),
        )

    async def _verdict(self, account: Account, authoriser: Authoriser, question: Question) -> Verdict:
        """What is remembered, else what the authoriser says now; callers who come meanwhile wait for the same answer."""
        # With the secret, which each change renews: who still remembers the one before can't put its words beside the new one's.
        asked = hashlib.sha256(f"{authoriser.sealed_secret} {question.token}".encode()).hexdigest()
        key = f"authoriser:{FORM}:{account.account_id}:{asked}"
        fresh: list[Verdict] = []

        async def load() -> bytes:
            verdict = await self._ask(account, authoriser, question)
            fresh.append(verdict)
            return verdict.packed()

        keep = Keep(ttl_s=max(authoriser.ttl_s, REFUSED_S), tags=(tag_of(account.account_id),))
        for _ in range(2):
            value = await self._cache.get_or_load(key, load, keep)
            verdict = Verdict.unpacked(value) if value is not None else None
            if verdict is not None and (fresh or self._clock.now_ms() < verdict.until_ms):
                return verdict
            await self._cache.delete(key)
        return await self._ask(account, authoriser, question)

    async def _ask(self, account: Account, authoriser: Authoriser, question: Question) -> Verdict:
        now_ms = self._clock.now_ms()
        secret = self._seal.open(authoriser.sealed_secret, place_of_secret(account.account_id))
        with self._room(account.account_id):
            try:
                policy = await self._asker.ask(place_of(authoriser.url), secret, question)
            except Refused:
                AUTHORISERS.labels("refused").inc()
                return Verdict("", frozenset(), now_ms + REFUSED_S * 1000)
            except NoPolicy as error:
                AUTHORISERS.labels("failed").inc()
                log.warning("an account's authoriser gives no policy", account=account.account_id, reason=str(error))
                raise Unavailable(f"the account's authoriser gives no policy ({error}); try again in a moment") from error
        AUTHORISERS.labels("answered").inc()
        until_ms = now_ms + holds_s(policy, authoriser.ttl_s) * 1000
        return Verdict(policy.principal_id, granted(policy, authoriser.scopes), until_ms)

    @contextmanager
    def _room(self, account_id: str) -> Iterator[None]:
        if self._asked[account_id] >= MOST_OF_ONE:
            raise Unavailable("too many wait for the account's authoriser; try again in a moment")
        self._asked[account_id] += 1
        try:
            yield
        finally:
            self._asked[account_id] -= 1
            if not self._asked[account_id]:
                del self._asked[account_id]


def tag_of(account_id: str) -> str:
    """What everything is tagged with that an account's authoriser has said."""
    return f"authoriser:{account_id}"


def place_of_secret(account_id: str) -> str:
    """For what an authoriser's secret is sealed."""
    return f"authoriser of {account_id}"


def _nobody() -> Unauthenticated:
    return Unauthenticated("the account named in X-Quietzone-Account has no authoriser, or it knows nobody with this token")
