"""Changes of what documents hold, while two releases work on them: expand, migrate, contract.

A release that keeps something in another form declares a `Migration`. Expanding makes collections and indexes as the new release declares
them. Migrating gives every document the new form beside the old one; until then, and as long as the older release runs, the new one reads
both and writes both. Contracting, once no older release runs any more, takes away what only that one has read.

What was done stands in the store, in the collection `migrations`, so that a step that was cut off goes on where it was, and so that a
release which doesn't know a migration refuses the store once that one has begun to contract (`declare`). All writes compare versions: two
that migrate at once, and a service beside them, lose nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TypeAlias

from quietzone_kit.documents import (
    Body,
    Collection,
    Documents,
    DocumentsError,
    DocumentsUnavailable,
    DuplicateKey,
    Outcome,
    Put,
    Stored,
    VersionConflict,
)
from quietzone_kit.runtime import Clock

DONE = Collection("migrations", key="name")
"""A document for each migration that was begun."""

PAGE = 500
"""Documents in memory at once: some MB as they are; what is done again after a crash."""

PAGE_S = 60.0
"""For a page: reading and writing 500 documents takes 0.1 s, 20 s where each is as large as it may be."""

ATTEMPTS = 10
"""Of a write that others overtake: a service writes the same document once in a while, not ten times in a row."""

MAX_MIGRATIONS = 10_000
"""In one store: a page of one scan."""

Change: TypeAlias = Callable[[Body], Body]
Say: TypeAlias = Callable[[str], object]


class Step(Enum):
    """How far a migration is; each follows the one above."""

    MIGRATING = "migrating"
    MIGRATED = "migrated"
    CONTRACTING = "contracting"
    CONTRACTED = "contracted"


@dataclass(frozen=True, slots=True)
class Migration:
    """A change of the documents of `collection` (as this release declares it); `name` is its own for ever.

    `migrate` gives a body the new form beside the old one; it also gets bodies that have it, and must make the new form follow the old one,
    since an older release that still runs changes only what it knows. `contract` takes the old form away; it gets what `migrate` made.
    Both are pure and keep all other fields. `rewrite`: contracting writes every document again, changed or not, since writes of older
    releases may lack what a store derives from bodies for this one's indexes (`Index.many` in MongoDB).
    """

    name: str
    collection: Collection
    migrate: Change
    contract: Change
    rewrite: bool = False


class NewerStore(DocumentsError):
    """A newer release has taken away what this one needs: says which, and what to do."""


class NotMigrated(DocumentsError):
    """What would be contracted was never migrated: says what to do first."""


async def declare(documents: Documents, collections: Sequence[Collection], migrations: Sequence[Migration]) -> None:
    """Make what isn't there of `collections`, for a role that starts; nothing is written when `migrate` has done so before.

    Raises:
        NewerStore: a migration that isn't among `migrations` has begun to contract.
        DocumentsError: as `Documents.ensure`.
    """
    await documents.ensure(*collections, DONE)
    known = {migration.name for migration in migrations}
    page = await documents.scan(DONE, limit=MAX_MIGRATIONS)
    for record in map(_record, page.items):
        if record.name not in known and record.step in {Step.CONTRACTING, Step.CONTRACTED}:
            raise NewerStore(
                f"the store was changed for good by release {record.release} (migration {record.name}), and this release would misread it: "
                f"start {record.release} or a newer one; for an older one, restore what was stored before"
            )


async def missing(documents: Documents, collections: Sequence[Collection], migrations: Sequence[Migration]) -> list[str]:
    """What `migrate` has still to do, in words; nothing is written."""
    lacking = await documents.missing(*collections, DONE)
    if lacking:
        return lacking
    await documents.ensure(DONE)  # as it is there, this writes nothing
    done = {
        record.name for record in map(_record, (await documents.scan(DONE, limit=MAX_MIGRATIONS)).items) if record.step != Step.MIGRATING
    }
    return [f"migration {migration.name}" for migration in migrations if migration.name not in done]


class Migrations:
    """A part's migrations, in the order in which they are made; `release` and `clock` say in the store by whom and when."""

    def __init__(
        self, documents: Documents, collections: Sequence[Collection], migrations: Sequence[Migration], *, release: str, clock: Clock
    ) -> None:
        self._documents = documents
        self._collections = collections
        self._migrations = migrations
        self._release = release
        self._clock = clock

    async def migrate(self, say: Say) -> None:
        """Expand and migrate: all that a release may need before it starts, while an older one runs.

        Raises:
            NewerStore: a newer release has contracted the store.
            DocumentsUnavailable: run it again.
            DocumentsError: documents break a new index, or a new form breaks a unique one.
        """
        lacking = await self._documents.missing(*self._collections, DONE)
        await declare(self._documents, self._collections, self._migrations)
        say(f"made {', '.join(lacking)}" if lacking else f"all {len(self._collections)} collections and their indexes are there")
        for migration in self._migrations:
            record = await self._begun(migration)
            if record.step is Step.MIGRATING:
                record = await self._sweep(migration, record, migration.migrate, Step.MIGRATED)
                say(f"{migration.name}: {record.changed} documents of {migration.collection.name} were given the new form")
            else:
                say(f"{migration.name}: {record.step.value} already")
        if not self._migrations:
            say("no documents are to be changed")

    async def contract(self, say: Say) -> None:
        """Contract what was migrated, when no older release runs any more; documents that it wrote meanwhile are migrated first.

        Raises:
            NotMigrated: `migrate` wasn't run, or not to its end.
            NewerStore, DocumentsUnavailable, DocumentsError: as `migrate`.
        """
        await declare(self._documents, self._collections, self._migrations)
        for migration in self._migrations:
            record = await self._begun(migration)
            if record.step is Step.MIGRATING:
                raise NotMigrated(f"{migration.name} isn't migrated yet: run `migrate`, let no older release run, and contract then")
            if record.step is Step.MIGRATED:
                # before the first document: from here on older releases are refused
                record = await self._note(replace(record, step=Step.CONTRACTING, after=None, changed=0))
            if record.step is Step.CONTRACTING:
                record = await self._sweep(migration, record, partial(_both, migration), Step.CONTRACTED)
                say(f"{migration.name}: {record.changed} documents of {migration.collection.name} have the new form alone")
            else:
                say(f"{migration.name}: contracted already")
        if not self._migrations:
            say("nothing is to be contracted")

    async def _begun(self, migration: Migration) -> "_Record":
        """How far a migration is; it begins now if it hasn't."""
        first = _Record(migration.name, Step.MIGRATING)
        async with _answers():
            try:
                return await self._inserted(first)
            except DuplicateKey:
                return await self._noted(migration.name)

    async def _sweep(self, migration: Migration, record: "_Record", change: Change, end: Step) -> "_Record":
        """Change every document from where `record` is, a page at a time; returns what is noted when all of it is done."""
        begun = record.step
        while record.step is begun:
            async with _answers():
                page = await self._documents.scan(migration.collection, limit=PAGE, after=record.after)
                rewrite = migration.rewrite and begun is Step.CONTRACTING
                changed = record.changed + await self._change(migration.collection, page.items, change, rewrite=rewrite)
                step = end if page.cursor is None else begun
                record = await self._note(replace(record, step=step, after=page.cursor, changed=changed))
        return record

    async def _note(self, record: "_Record") -> "_Record":
        """Keep how far it is; where another process was quicker, what that one has kept."""
        try:
            stored = await self._documents.replace(DONE, self._body(record), if_version=record.version)
        except VersionConflict:
            return await self._noted(record.name)
        return _record(stored)

    async def _noted(self, name: str) -> "_Record":
        stored = await self._documents.get(DONE, name)
        if stored is None:
            raise DocumentsError(f"migration {name} isn't noted in the store any more: somebody changes it by hand")
        return _record(stored)

    async def _inserted(self, record: "_Record") -> "_Record":
        return _record(await self._documents.insert(DONE, self._body(record)))

    async def _change(self, collection: Collection, items: Sequence[Stored], change: Change, *, rewrite: bool) -> int:
        """Put changed bodies in the place of these documents; what others write meanwhile is read again. Returns how many were written."""
        changed = 0
        left = list(items)
        for _ in range(ATTEMPTS):
            puts = [Put(after, item.version) for item in left if (after := change(item.body)) != item.body or rewrite]
            if not puts:
                return changed
            outcomes = await self._documents.bulk(collection, puts)
            changed += outcomes.count(Outcome.WRITTEN)
            keys = [str(put.body[collection.key]) for put in puts]
            if Outcome.DUPLICATE in outcomes:
                raise DocumentsError(
                    f"collection {collection.name}: {keys[outcomes.index(Outcome.DUPLICATE)]}: another document has its new fields of a "
                    "unique index; change one of the two, and run this again"
                )
            again = [key for key, outcome in zip(keys, outcomes, strict=True) if outcome is Outcome.CONFLICT]
            left = list((await self._documents.get_many(collection, again)).values())
        raise DocumentsUnavailable(
            f"collection {collection.name}: others wrote the same documents {ATTEMPTS} times meanwhile: run this again"
        )

    def _body(self, record: "_Record") -> Body:
        """A record as it is stored, by this release and now."""
        return {
            **record.held,
            "name": record.name,
            "step": record.step.value,
            "after": record.after,
            "changed": record.changed,
            "release": self._release,
            "at_ms": self._clock.now_ms(),
        }


@dataclass(frozen=True, slots=True)
class _Record:
    """How far a migration is: documents up to the cursor `after` were looked at in this step, `changed` of them written, by `release`.

    `held` is the body as it was read; fields that a newer release has added to it are written again.
    """

    name: str
    step: Step
    after: str | None = None
    changed: int = 0
    release: str = ""
    version: int = 0
    held: Body = field(default_factory=dict)


def _record(stored: Stored) -> _Record:
    match stored.body:
        case {"name": str(name), "step": str(step), "after": str() | None as after, "changed": int(changed), "release": str(release)}:
            return _Record(name, Step(step), after, changed, release, stored.version, stored.body)
        case _:
            raise DocumentsError(f"migration {stored.body.get('name')!r} isn't noted as this release notes it: start a newer release")


@asynccontextmanager
async def _answers() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PAGE_S):
            yield
    except TimeoutError as error:
        raise DocumentsUnavailable(f"the store gave no answer within {PAGE_S:g} s: run this again, it goes on where it was") from error


def _both(migration: Migration, body: Body) -> Body:
    return migration.contract(migration.migrate(body))
