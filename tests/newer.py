"""A store that a newer release writes to: each document that we read, and each body within one, has a field that we don't know."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from quietzone_kit.documents import Body, Collection, Documents, Outcome, Page, Put, Query, Stored, Value, VersionConflict

FIELD = "of_a_newer_release"
VALUE: Value = {"deep": [1, b"2", None]}

WHOLE = {
    "tasks": frozenset({"payload", "result"}),
    "subscriptions": frozenset({"options"}),
    "mail_addresses": frozenset({"wanted"}),
}
"""Fields whose bodies are one thing, put and replaced as such: what a task is given, what its last run says, what somebody wants."""


class NewerStore:
    """The kit's `Documents`. What is read gets the field first, as a write of somebody else; who then drops it is found out."""

    def __init__(
        self, documents: Documents, found_out: Callable[[str, list[str]], None], *, left_alone: frozenset[str] = frozenset()
    ) -> None:
        """`found_out` is told a collection's name, and where in its document the field was dropped."""
        self._documents = documents
        self._found_out = found_out
        self._left_alone = left_alone
        self.inserted: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    async def ensure(self, *collections: Collection) -> None:
        await self._documents.ensure(*collections)

    async def missing(self, *collections: Collection) -> list[str]:
        return await self._documents.missing(*collections)

    async def get(self, collection: Collection, key: str) -> Stored | None:
        stored = await self._documents.get(collection, key)
        return await self._mark(collection, stored) if stored is not None else None

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        found = await self._documents.get_many(collection, keys)
        return {key: await self._mark(collection, stored) for key, stored in found.items()}

    async def insert(self, collection: Collection, body: Body) -> Stored:
        stored = await self._documents.insert(collection, body)
        self.inserted[collection.name] += 1
        return stored

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        await self._look(collection, [Put(body, if_version)])
        return await self._documents.replace(collection, body, if_version=if_version)

    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        await self._documents.delete(collection, key, if_version=if_version)

    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        return await self._documents.increment(collection, key, field, by)

    async def query(self, collection: Collection, query: Query) -> Page:
        return await self._mark_all(collection, await self._documents.query(collection, query))

    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        return await self._mark_all(collection, await self._documents.scan(collection, limit=limit, after=after))

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        await self._look(collection, puts)
        outcomes = await self._documents.bulk(collection, puts)
        self.inserted[collection.name] += sum(
            put.if_version is None and outcome is Outcome.WRITTEN for put, outcome in zip(puts, outcomes, strict=True)
        )
        return outcomes

    async def close(self) -> None:
        await self._documents.close()

    async def _mark_all(self, collection: Collection, page: Page) -> Page:
        return Page([await self._mark(collection, stored) for stored in page.items], page.cursor)

    async def _mark(self, collection: Collection, stored: Stored) -> Stored:
        if collection.name in self._left_alone:
            return stored
        whole = WHOLE.get(collection.name, frozenset())
        body = marked(stored.body, whole)
        if body == stored.body:
            return stored
        try:
            return await self._documents.replace(collection, body, if_version=stored.version)
        except VersionConflict:  # somebody was faster: this is what was read all the same
            return stored

    async def _look(self, collection: Collection, puts: Sequence[Put]) -> None:
        standing = await self._documents.get_many(collection, [str(put.body[collection.key]) for put in puts])
        for put in puts:
            stored = standing.get(str(put.body[collection.key]))
            if stored is not None and stored.version == put.if_version:
                self.replaced[collection.name] += 1
                if found := dropped(stored.body, put.body):
                    self._found_out(collection.name, found)


def marked(body: Body, whole: frozenset[str] = frozenset()) -> dict[str, Value]:
    """A body with the field, on every level but in `whole`. One whose values are all bodies is a map by name, and has it in these."""
    after = {name: value if name in whole else _marked(value) for name, value in body.items() if name != FIELD}
    return after if after and all(isinstance(value, dict) for value in after.values()) else {**after, FIELD: VALUE}


def dropped(before: Body, after: Body, where: str = "") -> list[str]:
    """Where `after` lacks the field that `before` has; what isn't there any more lacks nothing."""
    found = [f"{where}/{FIELD}"] if FIELD in before and after.get(FIELD) != VALUE else []
    for name in (before.keys() & after.keys()) - {FIELD}:
        found += _dropped(before[name], after[name], f"{where}/{name}")
    return sorted(found)


def _marked(value: Value) -> Value:
    if isinstance(value, dict):
        return marked(value) if value else value  # an empty one may be a map
    return [_marked(one) for one in value] if isinstance(value, list) else value


def _dropped(before: Value, after: Value, where: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return dropped(before, after, where)
    found: list[str] = []
    if isinstance(before, list) and isinstance(after, list):
        for one in before:
            same = [other for other in after if _plain(other) == _plain(one)]
            found += _dropped(one, same[0], f"{where}[]") if same else []
    return found


def _plain(value: Value) -> Value:
    """A value without the field."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if name != FIELD}
    return [_plain(each) for each in value] if isinstance(value, list) else value
