"""Programs that show a key."""

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import NoReturn

from quietzone_gateway.identity.accounts.repository import Standing
from quietzone_gateway.identity.domain import ALL_SCOPES, Means, Principal, truncated
from quietzone_gateway.identity.keys.domain import USED_EVERY_MS, ApiKey, hash_of, lookup_of_hash
from quietzone_gateway.identity.keys.repository import Keys
from quietzone_gateway.identity.keys.use_cases import is_current
from quietzone_gateway.identity.remembered import MAX_REMEMBERED, Remembered
from quietzone_gateway.identity.shelf import Changed
from quietzone_kit.errors import PermissionDenied, QuietzoneError, Unauthenticated
from quietzone_kit.runtime import Clock

MAX_KEY_CHARACTERS = 256
"""Of what is looked up: a key of ours has 46, a preset one may be longer."""

NOTED_S = 5.0
"""Between writes of when keys were used."""


class KnownKeys:
    """Finds who shows a key."""

    def __init__(self, keys: Remembered[ApiKey], accounts: Remembered[Standing], uses: "Uses", clock: Clock) -> None:
        self._keys = keys
        self._accounts = accounts
        self._uses = uses
        self._clock = clock

    async def principal_of(self, secret: str, address: str) -> Principal:
        """Whoever shows this secret, from this address (whole, as keys may be bound to some).

        Raises:
            Unauthenticated: nobody has it any more, or ever had.
            PermissionDenied: it may not be used from there, or its account is suspended.
            Unavailable: the store can't be reached.
        """
        hashed = hash_of(secret) if len(secret) <= MAX_KEY_CHARACTERS else ""
        key = await self._keys.get(lookup_of_hash(hashed)) if hashed else None
        if key is None or not self._opens(key, hashed):
            raise Unauthenticated("no account has this API key, or it was revoked or has ended")
        standing = await self._accounts.get(key.account_id)
        if standing is None or not is_current(key, standing):
            raise Unauthenticated("no account has this API key, or it was revoked or has ended")
        return self._principal(key, standing, hashed, address)

    def at_once(self, hashed: str, address: str) -> Principal | None:
        """Whoever has the key with this hash, by what is remembered, for those who can't wait; None: `principal_of` must find out."""
        key = self._keys.held(lookup_of_hash(hashed))
        standing = self._accounts.held(key.account_id) if key is not None else None
        if key is None or standing is None or not self._opens(key, hashed) or not is_current(key, standing):
            return None
        return self._principal(key, standing, hashed, address)

    def _opens(self, key: ApiKey, hashed: str) -> bool:
        now_ms = self._clock.now_ms()
        return key.opens_with(hashed, now_ms) and key.is_live(now_ms)

    def _principal(self, key: ApiKey, standing: Standing, hashed: str, address: str) -> Principal:
        """Who shows a key that is good; raises PermissionDenied."""
        if not key.allows(address):
            raise PermissionDenied("this API key may not be used from this address: its `networks` say from where it may")
        check_open(standing)
        self._uses.note(key, self._clock.now_ms())
        return Principal(
            key.account_id,
            f"key:{key.key_id}",
            key.scopes & ALL_SCOPES,
            standing.account.plan,
            Means.KEY,
            address=truncated(address),
            expires_at_ms=key.good_until_ms(hashed),
            networks=key.networks,
        )


class Uses:
    """When keys were used, written now and then: a request waits for none of it, and a crash loses a minute of it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._noted: dict[str, tuple[ApiKey, int]] = {}

    def note(self, key: ApiKey, at_ms: int) -> None:
        """A key was used just now."""
        if key.key_id in self._noted or at_ms - (key.last_used_at_ms or 0) < USED_EVERY_MS or len(self._noted) >= MAX_REMEMBERED:
            return
        self._noted[key.key_id] = (key, at_ms)

    async def run(self) -> NoReturn:
        """Write what was noted, until cancelled."""
        while True:
            await asyncio.sleep(NOTED_S)
            await self.write()

    async def write(self) -> None:
        """Write what was noted; what the store can't take now is noted again with the next use."""
        noted, self._noted = self._noted, {}
        for key, at_ms in noted.values():
            with contextlib.suppress(QuietzoneError):
                await self._keys.change(key.account_id, key.key_id, partial(_used, at_ms=at_ms))


def check_open(standing: Standing) -> None:
    """See that an account may be used; raises PermissionDenied."""
    if standing.account.suspended_at_ms is not None:
        raise PermissionDenied("this account is suspended; ask whoever operates this installation")


def _used(key: ApiKey, at_ms: int) -> Changed[ApiKey] | None:
    """The key with a later use; None when another replica has noted one within the minute."""
    if at_ms - (key.last_used_at_ms or 0) < USED_EVERY_MS:
        return None
    return Changed(replace(key, last_used_at_ms=at_ms))
