"""Where assets are kept: one document an asset, tombstones for ever, with its events until they are published.

A document names each blob that it needs, or is about to need (`naming`): what no document names may be removed, so it names a blob before
it counts on it (`contents`). It also knows how much of it was counted into its account's use (`usage`).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Order, Query, Stored, Value
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.outbox import OUTBOX_INDEX, OUTBOX_LEASES, Outgoing, replace_keeping_outbox, with_event
from quietzone_storage.assets.domain import AT_ONCE, AccountId, Asset, AssetId, BlobKey, Kind, State, Symbol
from quietzone_storage.assets.events import asset_event
from quietzone_storage.deadlines import store_answers
from quietzone_topics import STORAGE_ASSET_V1

ASSETS = Collection(
    "assets",
    key="asset_id",
    indexes=(
        # tombstones lack `live_since_ms`, and so aren't listed
        Index("by_account", ("account_id", "live_since_ms"), sparse=True),
        Index("by_kind", ("account_id", "kind", "live_since_ms"), sparse=True),
        Index("by_state", ("account_id", "state", "live_since_ms"), sparse=True),
        Index("by_blob", ("blobs",), many="blobs"),
        Index("by_pending", ("pending_since_ms",), sparse=True),
        Index("by_idle", ("idle_since_ms",), sparse=True),
        Index("by_account_idle", ("account_id", "idle_since_ms"), sparse=True),
        Index("by_count", ("uncounted_since_ms",), sparse=True),
        Index("by_account_count", ("account_id", "uncounted_since_ms"), sparse=True),
        OUTBOX_INDEX,
    ),
)

COLLECTIONS = (ASSETS, OUTBOX_LEASES)

_SETTLED = frozenset({State.READY, State.QUARANTINED})

PENDING_PAGE = 200
"""Read at once: 0.5 MB."""
MAX_NAMED = 60
"""Blobs that a document names: some ten files, and as many that are about to take their place. An index takes 100."""


class AssetExists(Exception):
    """An asset with this id is there."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What of an asset was counted into its account's use: `bytes` of it, as change number `no`. `is_due` when it isn't all of it."""

    bytes: int = 0
    no: int = 0
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """An asset as it was read, with what the store needs to replace it. `naming` are blobs that it is about to need."""

    asset: Asset
    stored: Stored
    counted: Counted
    naming: tuple[BlobKey, ...] = ()


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets, newest first; `next_token` brings those after them, None when there are none."""

    assets: tuple[Asset, ...]
    next_token: str | None


class Assets:
    """All assets. Every method can raise Unavailable: the store doesn't answer; whether a write has happened is not known then."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._wake = wake

    async def get(self, account_id: AccountId, asset_id: AssetId) -> Held | None:
        """An asset of this account, by key, tombstones too; None when there is none, or it is another account's."""
        held = await self.of_any_account(asset_id)
        return held if held is not None and held.asset.account_id == account_id else None

    async def of_any_account(self, asset_id: AssetId) -> Held | None:
        """Whoever's asset it is, by key: for those who bring a signed URL instead of an account, and for upkeep."""
        if not _is_key(asset_id):
            return None
        async with store_answers():
            stored = await self._documents.get(ASSETS, asset_id)
        return None if stored is None else held_of(stored)

    async def symbols(self, account_id: AccountId, code_ids: Sequence[AssetId]) -> dict[str, Symbol]:
        """The modules of an account's codes whose images are served, by the codes' ids; at most 10,000."""
        async with store_answers():
            found = await self._documents.get_many(ASSETS, [code_id for code_id in code_ids if _is_key(code_id)])
        assets = [asset for stored in found.values() if (asset := asset_of(stored)).account_id == account_id]
        return {asset.asset_id: asset.symbol for asset in assets if asset.state is State.READY and asset.symbol is not None}

    async def listed(
        self, account_id: AccountId, *, kind: Kind | None = None, state: State | None = None, limit: int, after: str | None = None
    ) -> AssetPage:
        """An account's assets without deleted ones, newest first; those of one kind, or in one state (indexes `by_account`, `by_kind`,
        `by_state`).

        Raises:
            InvalidCursor: `after` isn't a `next_token` of the same list.
        """
        index, equals = "by_account", (account_id,)
        if kind is not None:
            index, equals = "by_kind", (account_id, kind.value)  # type: ignore[assignment] # a longer tuple
        elif state is not None:
            index, equals = "by_state", (account_id, state.value)  # type: ignore[assignment] # a longer tuple
        async with store_answers():
            page = await self._documents.query(ASSETS, Query(index, equals, order=Order.DESCENDING, limit=limit, after=after))
        return AssetPage(tuple(asset_of(stored) for stored in page.items), page.cursor)

    async def names(self, blob: BlobKey) -> bool:
        """Whether any asset needs this blob, or is about to (index `by_blob`)."""
        async with store_answers():
            page = await self._documents.query(ASSETS, Query("by_blob", (blob,), limit=1))
        return bool(page.items)

    async def that_name(self, blob: BlobKey) -> Sequence[Held]:
        """Assets that need this blob, or are about to, a hundred at most (index `by_blob`)."""
        async with store_answers():
            page = await self._documents.query(ASSETS, Query("by_blob", (blob,), limit=100))
        return [held_of(stored) for stored in page.items]

    async def needs_at_once(self, blob: BlobKey, *, but: AssetId | None = None) -> bool:
        """Whether an asset, `but` this one, needs this blob where it is read at once (index `by_blob`); of more than a hundred that name it
        one will.
        """
        async with store_answers():
            page = await self._documents.query(ASSETS, Query("by_blob", (blob,), limit=100))
        others = [held_of(stored) for stored in page.items if stored.body["asset_id"] != but]
        return page.cursor is not None or any(
            held.asset.tier in AT_ONCE or blob in held.naming or blob not in held.asset.movable for held in others
        )

    async def idle(
        self, account_id: AccountId | None, before_ms: int, *, limit: int, after: str | None
    ) -> tuple[Sequence[Held], str | None]:
        """Assets that were last used before a moment, the longest unused first, of one account or all (indexes `by_account_idle`,
        `by_idle`), and the next page's cursor.
        """
        index, equals = ("by_idle", ()) if account_id is None else ("by_account_idle", (account_id,))
        async with store_answers():
            page = await self._documents.query(ASSETS, Query(index, equals, below=before_ms, limit=limit, after=after))
        return [held_of(stored) for stored in page.items], page.cursor

    async def pending_since(self, before_ms: int) -> AsyncIterator[Held]:
        """All assets that have been pending since before a moment, the oldest first (index `by_pending`), page by page."""
        cursor = None
        while True:
            async with store_answers():
                page = await self._documents.query(ASSETS, Query("by_pending", below=before_ms, limit=PENDING_PAGE, after=cursor))
            for stored in page.items:
                yield held_of(stored)
            cursor = page.cursor
            if cursor is None:
                return

    async def uncounted(self, account_id: AccountId | None, *, limit: int) -> Sequence[Held]:
        """Assets that aren't counted yet as they are, of one account or all (indexes `by_account_count`, `by_count`)."""
        query = Query("by_count", limit=limit) if account_id is None else Query("by_account_count", (account_id,), limit=limit)
        async with store_answers():
            page = await self._documents.query(ASSETS, query)
        return [held_of(stored) for stored in page.items]

    async def insert(self, asset: Asset, *, naming: Sequence[BlobKey] = ()) -> Held:
        """Add a new asset, and the event that says so.

        Raises:
            AssetExists: its id is there.
        """
        event = Outgoing(STORAGE_ASSET_V1.name, asset_event(None, asset))
        body = with_event(body_of(asset, Counted(is_due=asset.bytes > 0), naming), asset.asset_id, event)
        try:
            async with store_answers():
                stored = await self._documents.insert(ASSETS, body)
        except DuplicateKey as error:
            raise AssetExists(asset.asset_id) from error
        self._wake()
        return held_of(stored)

    async def replace(self, held: Held, after: Asset, *, naming: Sequence[BlobKey] = ()) -> Held:
        """Put `after` in the place of what was held, with the event that says so if its revision is another. It names `naming` from now
        on, beside its own blobs, and nothing else. Fields of other releases stay as they are.

        Raises:
            VersionConflict: somebody else has changed it meanwhile.
            Unavailable: 100 events wait in it.
        """
        events = [Outgoing(STORAGE_ASSET_V1.name, asset_event(held.asset, after))] if after.revision != held.asset.revision else []
        # What was due stays due, even if the bytes are those of before again: the sum may have been told of others in between.
        is_due = held.counted.is_due or after.bytes != held.counted.bytes
        stored = await self._put(held, body_of(after, replace(held.counted, is_due=is_due), naming), *events)
        if events:
            self._wake()
        return held_of(stored)

    async def use(self, held: Held, at_ms: int) -> None:
        """Take down that a file of it was asked for; raises VersionConflict."""
        await self._put(held, body_of(held.asset.used(at_ms), held.counted, held.naming))

    async def count(self, held: Held, counted: Counted) -> Held:
        """Take down what of it was counted; raises VersionConflict."""
        is_due = counted.bytes != held.asset.bytes
        return held_of(await self._put(held, body_of(held.asset, replace(counted, is_due=is_due), held.naming)))

    async def _put(self, held: Held, body: dict[str, Value], *events: Outgoing) -> Stored:
        unknown = Unknown.of(held.stored.body, body_of(held.asset, held.counted, held.naming))
        async with store_answers():
            return await replace_keeping_outbox(self._documents, ASSETS, held.stored, unknown.beside(body), *events)


def _is_key(asset_id: str) -> bool:
    """Whether a store takes it for one."""
    return asset_id.isprintable() and 1 <= len(asset_id) <= 36


def asset_of(stored: Stored) -> Asset:
    """The asset in a document; msgspec.ValidationError names the field that something else wrote or that was damaged."""
    return msgspec.convert(stored.body, Asset, builtin_types=(bytes,))


def held_of(stored: Stored) -> Held:
    """The asset in a document, with what is kept beside it."""
    kept = msgspec.convert(stored.body, _Kept, builtin_types=(bytes,))
    counted = Counted(kept.counted_bytes, kept.counted_no, kept.uncounted_since_ms is not None)
    return Held(asset_of(stored), stored, counted, tuple(BlobKey(blob) for blob in kept.naming))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a document has beside its asset."""

    naming: list[str]
    counted_bytes: int
    counted_no: int
    uncounted_since_ms: int | None = None


def body_of(asset: Asset, counted: Counted, naming: Sequence[BlobKey]) -> dict[str, Value]:
    """An asset as it is stored: its fields by their names, enums by value, and what it is found by."""
    body: dict[str, Value] = msgspec.to_builtins(asset, builtin_types=(bytes,))
    body["variants"] = [msgspec.to_builtins(variant) for variant in asset.variants]  # a tuple can't be stored
    named = list(dict.fromkeys((*asset.blobs, *naming)))
    if len(named) > MAX_NAMED:
        raise ValueError(f"{len(named)} blobs in one asset; {MAX_NAMED} are the most")
    kept: dict[str, Value] = {
        "blobs": list(named),
        "naming": list(naming),
        "live_since_ms": None if asset.state is State.DELETED else asset.created_at_ms,
        "idle_since_ms": asset.last_used_ms if asset.state in _SETTLED else None,
        "pending_since_ms": asset.updated_at_ms if asset.state is State.PENDING else None,
        "counted_bytes": counted.bytes,
        "counted_no": counted.no,
        "uncounted_since_ms": asset.updated_at_ms if counted.is_due else None,
    }
    return body | kept
