"""Partition states in the store: one document for each partition of a topic, owned by compare-and-swap."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from quietzone_analytics.bodies import field
from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.partitions.domain import Log, State, check
from quietzone_kit.documents import Body, Collection, Documents, DuplicateKey, Stored, Value, VersionConflict
from quietzone_kit.documents.unknown import NOTHING, Unknown

S = TypeVar("S", bound=State)

MAX_PARTITIONS = 10_000  # a page of one scan; topics have a hundred at most


@dataclass(frozen=True, slots=True)
class Versioned(Generic[S]):
    """A state with the version that it was read or written with, and the fields of its document that this release doesn't know."""

    state: S
    version: int
    unknown: Unknown = NOTHING


class States(ABC, Generic[S]):
    """The states of one topic's partitions; what a projection keeps in them is up to the subclass."""

    def __init__(self, documents: Documents, collection: Collection) -> None:
        self._documents = documents
        self._collection = collection

    @abstractmethod
    def first(self, partition: int, log: Log) -> S:
        """The state before anything was read of `log`, owned by nobody."""

    def resume(self, state: S, log: Log) -> S:
        """The state to go on from in `log`; raises LogMismatch if that can't be."""
        check(state, log)
        return state

    @abstractmethod
    def encode(self, state: S) -> dict[str, Value]:
        """What a state holds beside the fields of State."""

    @abstractmethod
    def decode(self, plain: State, body: Body) -> S:
        """The state of which `plain` are the fields of State, and `encode` made the rest."""

    async def get(self, partition: int) -> Versioned[S] | None:
        """A partition's state as it is stored."""
        async with store_answers():
            stored = await self._documents.get(self._collection, str(partition))
        return self._state(stored) if stored is not None else None

    async def all(self) -> list[Versioned[S]]:
        """Every partition's state, by number."""
        async with store_answers():
            page = await self._documents.scan(self._collection, limit=MAX_PARTITIONS)
        return sorted(map(self._state, page.items), key=lambda one: one.state.partition)

    async def write(self, state: S, *, over: Versioned[S] | None) -> Versioned[S] | None:
        """Put a state in the place of `over`, or of none; None when something else stands there."""
        unknown = NOTHING if over is None else over.unknown
        body = unknown.beside(self._body(state))
        try:
            async with store_answers():
                if over is None:
                    stored = await self._documents.insert(self._collection, body)
                else:
                    stored = await self._documents.replace(self._collection, body, if_version=over.version)
        except (DuplicateKey, VersionConflict):
            return None
        return Versioned(state, stored.version, unknown)

    def _body(self, state: S) -> Body:
        return {
            "partition_id": str(state.partition),
            "log_id": state.log_id,
            "epoch": state.epoch,
            "owner": state.owner,
            "next_offset": state.next_offset,
            "adopted_at_ms": state.adopted_at_ms,
            **self.encode(state),
        }

    def _state(self, stored: Stored) -> Versioned[S]:
        body = stored.body
        plain = State(
            partition=int(field(body, "partition_id", str)),
            log_id=field(body, "log_id", str),
            epoch=field(body, "epoch", int),
            owner=field(body, "owner", str),
            next_offset=field(body, "next_offset", int),
            adopted_at_ms=field(body, "adopted_at_ms", int),
        )
        state = self.decode(plain, body)
        return Versioned(state, stored.version, Unknown.of(body, self._body(state)))
