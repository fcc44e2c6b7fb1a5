"""Documents: what a service owns, one collection per kind of thing, with compare-and-swap and declared indexes.

What must change together is one document; there are no free queries, joins or transactions over documents. `version` counts
writes and is for compare-and-swap; what people see is a field of the body. `open_documents` chooses the adapter by the URL's scheme.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from quietzone_kit.runtime import Executor, Randomness
from quietzone_kit.urls import wrong_scheme

Value: TypeAlias = bool | int | float | str | bytes | list["Value"] | dict[str, "Value"] | None
Body: TypeAlias = Mapping[str, Value]

MAX_BODY_BYTES = 8_000_000
"""Half of MongoDB's limit of 16 MiB a document, so that every adapter has the same."""

MAX_ITEMS = 10_000
"""Documents in one `get_many`, `bulk` or page: more would hold a store's lock, and the memory, for too long."""

MAX_ELEMENTS = 100
"""Of a list whose elements are indexed: each write of the document may write as many entries."""

Connect: TypeAlias = Callable[[], sqlite3.Connection]
"""Opens one more connection to the same SQLite database: in autocommit mode (`isolation_level=None`), usable from any thread."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index over top-level fields of type int or str; a field that is None counts as absent.

    A `sparse` index holds only documents that have its last field. A `unique` one holds only documents that have all its fields, no two
    with equal ones. Any other holds all documents: what lacks a field comes before what has it.

    `many` names the one of its fields, if any, that is a list instead: of at most MAX_ELEMENTS str, each 1 to 200 characters and none of
    them NUL. Such an index isn't unique. It holds a document once for each different element, and not at all without any; a query of it
    says which element it wants, so that no document comes twice.
    """

    name: str
    fields: tuple[str, ...]
    unique: bool = False
    sparse: bool = False
    many: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents of one kind: `key` names the field (a str of 1 to 200 characters, none of them NUL) that identifies a document."""

    name: str
    key: str
    indexes: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it stands in the store."""

    body: Body
    version: int


class Order(Enum):
    """Direction in which an index is read."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class Query:
    """Documents of one index: its first fields equal `equals`; the next field, if any is asked for, is ≥ `at_least` and < `below`
    (and of their type).

    Results come in the order of the index's remaining fields, then of the key; all of it reversed when descending. `after` is a cursor
    that a page gave; `limit` is 1 to MAX_ITEMS.
    """

    index: str
    equals: tuple[str | int, ...] = ()
    at_least: str | int | None = None
    below: str | int | None = None
    order: Order = Order.ASCENDING
    limit: int = 100
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query; `cursor` brings the next, None when there is none."""

    items: Sequence[Stored]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Put:
    """One write of a bulk: insert when `if_version` is None, else replace if the stored version is that one."""

    body: Body
    if_version: int | None


class Outcome(Enum):
    """How one write of a bulk ended."""

    WRITTEN = "written"
    CONFLICT = "conflict"
    """Another version stands there (or none, or one already): read it again."""
    DUPLICATE = "duplicate"
    """Another document has its fields of a unique index."""


class DocumentsError(Exception):
    """The store could not do what was asked."""


class DocumentsUnavailable(DocumentsError):
    """Not now: the same call may well succeed later."""


class DuplicateKey(DocumentsError):
    """Another document has this key or these fields of a unique index; `index` names it (the collection's key field for the key)."""

    def __init__(self, collection: str, index: str) -> None:
        super().__init__(f"collection {collection}: another document has the same {index}")
        self.index = index


class VersionConflict(DocumentsError):
    """The document isn't there with that version: read it again."""


class InvalidDocument(DocumentsError, ValueError):
    """No adapter can store this body: names the field and what would do."""


class InvalidCursor(DocumentsError, ValueError):
    """The cursor wasn't given by a page of this query."""


class UnknownScheme(DocumentsError, ValueError):
    """The URL names no adapter: says which there are."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who opens a store ("": nobody in particular), and whether an empty one may be made theirs."""

    owner: str = ""
    create: bool = True

    def check(self, shown: str, *, owner: str, is_empty: bool) -> None:
        """Compare with whom the store belongs to so far.

        Raises:
            DocumentsError: it is another's, or empty and not to be made.
        """
        if is_empty and not self.create:
            raise DocumentsError(f"{shown} is empty: nothing was ever stored there")
        if self.owner and owner and owner != self.owner:
            raise DocumentsError(f"{shown} is the store of {owner}: give {self.owner} one of its own")


ANYBODY = Claim()
"""Takes what is there, and makes what isn't."""


class Documents(Protocol):
    """A service's store. Collections are declared once with `ensure`, before anything else.

    Every call can raise DocumentsUnavailable; whether a write happened is not known then. Every write can raise InvalidDocument.
    """

    async def ensure(self, *collections: Collection) -> None:
        """Create collections and indexes that aren't there; documents that are there are indexed too. Nothing is ever dropped.

        Raises:
            DuplicateKey: documents that are there break a new unique index.
            DocumentsError: an index is there with other fields, or the store isn't one of documents, or another part's.
        """

    async def missing(self, *collections: Collection) -> list[str]:
        """What `ensure` would create, such as `index by_slug of codes`; nothing is written."""

    async def get(self, collection: Collection, key: str) -> Stored | None:
        """The document with this key."""

    async def get_many(self, collection: Collection, keys: Sequence[str]) -> dict[str, Stored]:
        """The documents with these keys (at most 10,000) that there are."""

    async def insert(self, collection: Collection, body: Body) -> Stored:
        """Add a document, with version 1.

        Raises:
            DuplicateKey: its key, or its fields of a unique index, are taken.
        """

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        """Put `body` in the place of the document with its key, if that has version `if_version`; its version is one more then.

        A write whose answer was lost is recognised by its write id and succeeds.

        Raises:
            VersionConflict: it has another version, or isn't there.
            DuplicateKey: its fields of a unique index are taken.
        """

    async def delete(self, collection: Collection, key: str, *, if_version: int) -> None:
        """Remove a document if it has this version; raises VersionConflict."""

    async def increment(self, collection: Collection, key: str, field: str, by: int = 1) -> Stored:
        """Add to a number in a document, in one step (an absent document is made, an absent number is 0), and return the result."""

    async def query(self, collection: Collection, query: Query) -> Page:
        """One page of a declared index.

        Raises:
            KeyError: the collection declares no such index.
            ValueError: more fields are asked for than the index has, not the element of one with `many`, `at_least` and `below` differ in
                type, or `limit` is out of bounds.
            InvalidCursor: `after` is not from this query.
        """

    async def scan(self, collection: Collection, *, limit: int, after: str | None = None) -> Page:
        """One page of all documents in the order of their keys, for loading and for checks."""

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        """Write many documents (at most 10,000, each key once), each on its own: an outcome per item, in order."""

    async def close(self) -> None:
        """Let go of everything."""


def open_documents(
    url: str,
    *,
    executor: Executor,
    randomness: Randomness,
    owner: str = "",
    create: bool = True,
    connect: Connect | None = None,
) -> Documents:
    """The store at `url`; nothing is opened before the first call.

    - `sqlite:///file.db` is relative to the working folder, `sqlite:////var/lib/file.db` absolute; the folder must be there. Give
      the executor two threads or more, so that reads needn't wait for writes.
    - `sqlite://:memory:` is a store of its own that ends with `close`.
    - `mongodb://[user[:password]@]host[:port][,host…]/database[?option=value&…]` and `mongodb+srv://…` are MongoDB's own connection
      strings, with a database for each service. `password_file=path` takes the place of a password; it is read again, as are MongoDB's
      `tlsCAFile` and `tlsCertificateKeyFile`, when the server doesn't let us in.

    `owner` is the part whose store it is: `ensure` notes it in an empty store, and refuses another's. Without `create` it refuses an empty
    one too: for those who come to look.

    `connect` takes the place of the path: a simulation opens `file:/name?vfs=memdb`, keeps one connection of its own as the disk that
    survives, and crashes a store by closing the connections that it handed out: what wasn't committed is gone.

    Raises:
        UnknownScheme: the URL names no adapter.
        quietzone_kit.urls.InvalidUrl: it can't be used; says what would do.
    """
    scheme, separator, place = url.partition("://")
    # only what is used is imported: motor takes 100 ms
    if separator and scheme == "sqlite":
        from quietzone_kit.documents._sqlite import SqliteDocuments, connect_to  # noqa: PLC0415

        name = place.removeprefix("/")  # for messages
        claim = Claim(owner, create=create)
        return SqliteDocuments(connect or connect_to(place, randomness), name, executor=executor, randomness=randomness, claim=claim)
    if separator and scheme in ("mongodb", "mongodb+srv"):
        from quietzone_kit.documents._mongodb import MongodbDocuments  # noqa: PLC0415
        from quietzone_kit.documents._mongodb.place import place_of  # noqa: PLC0415

        return MongodbDocuments(place_of(url), executor=executor, randomness=randomness, claim=Claim(owner, create=create))
    raise UnknownScheme(wrong_scheme(url, "sqlite:///path or mongodb://host:27017/database"))
