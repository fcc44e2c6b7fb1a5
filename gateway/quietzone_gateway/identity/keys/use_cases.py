"""What can be asked of API keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT, Account, first_account
from quietzone_gateway.identity.accounts.repository import Accounts, Standing
from quietzone_gateway.identity.audit.events import Act, Fields, audited
from quietzone_gateway.identity.domain import ALL_SCOPES, SYSTEM, Actor, Means, Principal
from quietzone_gateway.identity.keys.domain import (
    FIRST_KEY,
    KEY_BYTES,
    LOOKUP_CHARACTERS,
    MAX_GRACE_S,
    MAX_KEYS,
    ApiKey,
    hash_of,
    lookup_of,
    name_of,
    networks_of,
    new_key,
    shown,
    within,
)
from quietzone_gateway.identity.keys.repository import Keys
from quietzone_gateway.identity.ports import Ports
from quietzone_gateway.identity.shelf import Changed
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, PermissionDenied, Violations
from quietzone_kit.runtime import Clock, Randomness

KIND, ID_KIND = "key", "key-id"
"""What replicas are told of: a key's `lookup`, and its id."""

REMOVED_MS = 30 * 86_400_000
"""A revoked key is shown for a month, then makes room; the audit log has it for ever."""


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """The account that an installation starts with. `new_key` is to be shown, now or never: only its hash is kept."""

    account: Account
    new_key: str | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is asked for; `expires_at_ms` None: it doesn't end."""

    name: str
    scopes: frozenset[str]
    networks: Sequence[str] = ()
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What is to be changed of a key; None stays."""

    name: str | None = None
    scopes: frozenset[str] | None = None
    networks: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key with its secret, which is known at this moment only."""

    key: ApiKey
    secret: str


async def open_first_account(accounts: Accounts, keys: Keys, clock: Clock, randomness: Randomness, *, preset: str | None) -> FirstAccount:
    """The first account, made when there is none; its first key is `preset`, or drawn when it is made.

    A `preset` that isn't the first key takes its place. Of several first starts at once, one makes the account and its key.

    Raises:
        Unavailable: the store can't be reached.
    """
    standing = await accounts.standing(FIRST_ACCOUNT)
    secret = None
    if standing is None:
        secret = preset or new_key(randomness.token(KEY_BYTES))
        made = first_account(clock.now_ms())
        if not await accounts.add(made, key_id=lookup_of(secret), key_hash=hash_of(secret)):
            secret = None
        standing = await accounts.standing(FIRST_ACCOUNT)
    if standing is None:
        raise LookupError("the first account was there and is gone: somebody changes the store by hand")
    if preset is not None:
        await accounts.change_old_key(FIRST_ACCOUNT, lookup_of(preset), hash_of(preset))
        await _put_first_key(keys, clock, hash_of(preset), shown(preset))
    elif standing.old_key_hash:
        await _put_first_key(keys, clock, standing.old_key_hash, shown(secret or ""))
    return FirstAccount(standing.account, None if preset else secret)


async def find_key(accounts: Accounts, keys: Keys, clock: Clock, lookup: str) -> ApiKey | None:
    """The key that is found by this, also where only an older release has put it."""
    key = await keys.by_lookup(lookup)
    if key is not None:
        return key
    standing = await accounts.by_old_key(lookup)
    if standing is None or not standing.old_key_hash or standing.account.account_id != FIRST_ACCOUNT:
        return None
    await _put_first_key(keys, clock, standing.old_key_hash, "")
    return await keys.by_lookup(lookup)


def is_current(key: ApiKey, standing: Standing) -> bool:
    """Whether an older release that runs beside us, and which knows one key, hasn't put another in its place."""
    return key.key_id != FIRST_KEY or standing.old_key_hash in (None, key.key_hash)


async def create_key(keys: Keys, ports: Ports, by: Principal, asked: NewKey) -> ShownKey:
    """Make a key of the principal's account.

    Raises:
        InvalidInput: names each field.
        PermissionDenied: it would have scopes that the principal hasn't, or work where or when his own key doesn't.
        FailedPrecondition: the account has as many keys as it may have.
    """
    now_ms = ports.now_ms()
    checked = _checked(KeyChange(asked.name, asked.scopes, asked.networks))
    if asked.expires_at_ms is not None and asked.expires_at_ms <= now_ms:
        raise InvalidInput(FieldViolation("expires_at", "is past; use a moment to come, or leave it out"))
    _check_scopes(by, asked.scopes)
    _check_reach(by, tuple(checked.networks or ()), asked.expires_at_ms)
    await _make_room(keys, by.account_id, now_ms)
    secret = new_key(ports.randomness.token(KEY_BYTES))
    key = ApiKey(
        key_id=ports.new_id(),
        account_id=by.account_id,
        name=checked.name or "",
        shown=shown(secret),
        lookup=lookup_of(secret),
        key_hash=hash_of(secret),
        scopes=asked.scopes,
        networks=tuple(checked.networks or ()),
        created_by=by.subject,
        created_at_ms=now_ms,
        expires_at_ms=asked.expires_at_ms,
    )
    if not await keys.add(key, audited(by.actor, _act("key.created", None, key, now_ms))):
        raise LookupError(f"a random id was drawn twice: {key.key_id}")
    return ShownKey(key, secret)


async def list_keys(keys: Keys, by: Principal) -> tuple[ApiKey, ...]:
    """The account's keys, newest first; revoked ones for a month."""
    return await keys.of_account(by.account_id)


async def get_key(keys: Keys, by: Principal, key_id: str) -> ApiKey:
    """One key; raises NotFound."""
    key = await keys.get(by.account_id, key_id)
    if key is None:
        raise _not_found()
    return key


async def change_key(keys: Keys, ports: Ports, by: Principal, key_id: str, change: KeyChange) -> ApiKey:
    """Change a key's name, scopes or networks.

    Raises:
        InvalidInput: names each field.
        NotFound: the account has no such key.
        PermissionDenied: the key has, or would have, scopes that the principal hasn't, or works where or when his own key doesn't; or it
            is this own key, and its networks are to be others.
        FailedPrecondition: it was revoked.
    """
    checked = _checked(change)
    networks = None if checked.networks is None else tuple(checked.networks)

    def decide(key: ApiKey) -> Changed[ApiKey]:
        _check_scopes(by, key.scopes | (change.scopes or frozenset()))
        if by.subject == _subject(key):
            _check_own(networks)
        else:
            _check_reach(by, key.networks, key.expires_at_ms)
            _check_reach(by, key.networks if networks is None else networks, key.expires_at_ms)
        _check_live(key)
        after = key.changed(name=checked.name, scopes=change.scopes, networks=networks)
        return Changed(after, (audited(by.actor, _act("key.changed", key, after, ports.now_ms())),))

    return await _told(ports, await keys.change(by.account_id, key_id, decide))


async def rotate_key(accounts: Accounts, keys: Keys, ports: Ports, by: Principal, key_id: str, *, grace_s: int) -> ShownKey:
    """Give a key another secret; the one that it has works for `grace_s` more.

    Raises:
        InvalidInput: `grace_s` is out of bounds.
        NotFound: the account has no such key.
        PermissionDenied: it has scopes that the principal hasn't, or works where or when his own key doesn't: he would have all that with
            its secret.
        FailedPrecondition: it was revoked.
    """
    if not 0 <= grace_s <= MAX_GRACE_S:
        raise InvalidInput(FieldViolation("grace_s", f"0 to {MAX_GRACE_S} seconds"))
    secret = new_key(ports.randomness.token(KEY_BYTES))
    was = await get_key(keys, by, key_id)

    def decide(key: ApiKey) -> Changed[ApiKey]:
        _check_scopes(by, key.scopes)
        if by.subject != _subject(key):
            _check_reach(by, key.networks, key.expires_at_ms)
        _check_live(key)
        after = key.rotated(secret, ports.now_ms(), grace_s)
        return Changed(after, (audited(by.actor, _act("key.rotated", key, after, ports.now_ms())),))

    after = await _told(ports, await keys.change(by.account_id, key_id, decide), was.lookup, was.lookup_before)
    if key_id == FIRST_KEY:
        await accounts.change_old_key(FIRST_ACCOUNT, after.lookup, after.key_hash)
    return ShownKey(after, secret)


async def revoke_key(accounts: Accounts, keys: Keys, ports: Ports, by: Principal, key_id: str) -> None:
    """Have a key never work again, at once; whoever looks after keys may stop any of them.

    Raises:
        NotFound: the account has no such key.
    """
    was = await get_key(keys, by, key_id)

    def decide(key: ApiKey) -> Changed[ApiKey] | None:
        if key.revoked_at_ms is not None:
            return None
        after = key.revoked(ports.now_ms())
        return Changed(after, (audited(by.actor, _act("key.revoked", key, after, ports.now_ms())),))

    await _told(ports, await keys.change(by.account_id, key_id, decide), was.lookup_before)
    if key_id == FIRST_KEY:
        await accounts.change_old_key(FIRST_ACCOUNT, None, "")


async def _make_room(keys: Keys, account_id: str, now_ms: int) -> None:
    """See that the account may have one key more. Two who ask at once may both have one: the bound is for memory, not for money."""
    found = await keys.of_account(account_id)
    if len(found) < MAX_KEYS:
        return
    for key in found:
        if key.revoked_at_ms is not None and key.revoked_at_ms + REMOVED_MS < now_ms and await keys.remove(key):
            return
    raise FailedPrecondition(f"the account has {MAX_KEYS} keys: revoke those that nobody uses; a revoked one makes room after 30 days")


async def _put_first_key(keys: Keys, clock: Clock, key_hash: str, beginning: str) -> None:
    """Have the first key be the one with this hash."""
    now_ms = clock.now_ms()
    made = ApiKey(
        key_id=FIRST_KEY,
        account_id=FIRST_ACCOUNT,
        name="The installation's first key",
        shown=beginning,
        lookup=key_hash[:LOOKUP_CHARACTERS],
        key_hash=key_hash,
        scopes=ALL_SCOPES,
        networks=(),
        created_by=SYSTEM,
        created_at_ms=now_ms,
    )
    if await keys.add(made, audited(Actor(SYSTEM, FIRST_ACCOUNT), _act("key.created", None, made, now_ms))):
        return

    def decide(key: ApiKey) -> Changed[ApiKey] | None:
        if key.key_hash == key_hash and key.revoked_at_ms is None:
            return None
        after = key.with_hash(key_hash, beginning)
        return Changed(after, (audited(Actor(SYSTEM, FIRST_ACCOUNT), _act("key.replaced", key, after, now_ms)),))

    await keys.change(FIRST_ACCOUNT, FIRST_KEY, decide)


async def _told(ports: Ports, key: ApiKey | None, *lookups: str | None) -> ApiKey:
    """The key that was changed, when all replicas have been told of it; raises NotFound when there is none."""
    if key is None:
        raise _not_found()
    for lookup in {key.lookup, key.lookup_before, *lookups} - {None}:
        await ports.news.tell(KIND, str(lookup))
    await ports.news.tell(ID_KIND, key.key_id)
    return key


def _checked(change: KeyChange) -> KeyChange:
    violations = Violations()
    name, networks = change.name, change.networks
    with violations.field("name"):
        name = None if change.name is None else name_of(change.name)
    with violations.field("networks"):
        networks = None if change.networks is None else networks_of(change.networks)
    if change.scopes is not None and not change.scopes:
        violations.add("scopes", "needed: a key without any can do nothing")
    if unknown := sorted((change.scopes or frozenset()) - ALL_SCOPES):
        violations.add("scopes", f"no such scope: {', '.join(unknown)}; there are {', '.join(sorted(ALL_SCOPES))}")
    violations.check()
    return KeyChange(name, change.scopes, networks)


def _check_scopes(by: Principal, scopes: frozenset[str]) -> None:
    if newer := sorted(scopes - ALL_SCOPES):
        raise PermissionDenied(f"a newer release has given it {', '.join(newer)}: change it once that one answers, or revoke it")
    if lacking := sorted(by.lacks(scopes)):
        raise PermissionDenied(f"a key can't have more than whoever makes or changes it; you lack {', '.join(lacking)}")


def _check_reach(by: Principal, networks: tuple[str, ...], expires_at_ms: int | None) -> None:
    """See that a key gets nobody further, nor longer, than the key that he shows."""
    if not within(networks, by.networks):
        raise PermissionDenied(
            f"your key may be used from {', '.join(by.networks)} only: it looks after keys whose `networks` lie in these"
        )
    ends_ms = by.expires_at_ms if by.means is Means.KEY else None
    if ends_ms is not None and (expires_at_ms is None or expires_at_ms > ends_ms):
        raise PermissionDenied("your key ends: it looks after keys that end with it or before, by their `expires_at`")


def _check_own(networks: tuple[str, ...] | None) -> None:
    """Whoever has stolen a key isn't where it may be used from."""
    if networks is not None:
        raise PermissionDenied("a key can't change its own `networks`: do it as a person, or by another key")


def _subject(key: ApiKey) -> str:
    return f"key:{key.key_id}"


def _check_live(key: ApiKey) -> None:
    if key.revoked_at_ms is not None:
        raise FailedPrecondition("the key was revoked: make another")


def _not_found() -> NotFound:
    return NotFound("there is no key with this id")


def _act(action: str, before: ApiKey | None, after: ApiKey, at_ms: int) -> Act:
    return Act(
        action,
        f"key:{after.key_id}",
        after.account_id,
        f"key/{after.key_id}",
        after.revision,
        at_ms,
        before=_fields(before) if before else {},
        after=_fields(after),
    )


def _fields(key: ApiKey) -> Fields:
    """What of a key the audit log may show."""
    return {
        "name": key.name,
        "shown": key.shown,
        "scopes": sorted(key.scopes),
        "networks": list(key.networks),
        "expires_at_ms": key.expires_at_ms,
        "revoked_at_ms": key.revoked_at_ms,
        "old_secret_until_ms": key.previous.until_ms if key.previous else None,
    }
