"""Places of files in memory, and tables that keep lines as they are: what the archive writes, without DuckDB."""

from collections.abc import AsyncIterator, Mapping, Sequence

from quietzone_analytics.tables import NOTHING, Draft, NoRoom
from quietzone_kit.blobs import (
    AT_ONCE,
    PLAIN,
    About,
    AlreadyThere,
    Blob,
    BlobArchived,
    BlobNotFound,
    BlobsUnavailable,
    Content,
    Entry,
    Page,
    Tier,
)


class MemoryBlobs:
    """The kit's `Blobs`, as much as analytics uses; `calls_left` says when it breaks off."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.abouts: dict[str, About] = {}
        self.tiers: dict[str, Tier] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.ages: dict[str, int] = {}
        self.written: list[tuple[str, bytes]] = []
        self.calls_left: int | None = None

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        data = content if isinstance(content, bytes) else b"".join([piece async for piece in content])
        self._call()
        self.held[key], self.abouts[key] = data, about
        self.tiers[key], self.tags[key] = Tier.HOT, dict(about.tags)
        self.written.append((key, data))
        self._call()  # written, and the answer lost
        return await self.head(key)

    async def put_if_absent(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        if key in self.held:
            raise AlreadyThere(key)
        return await self.put(key, content, about)

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        self._call()
        if key not in self.held:
            raise BlobNotFound(key)
        if self.tiers[key] not in AT_ONCE:
            raise BlobArchived(key)
        return self.held[key][start:end]

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        yield await self.get(key, start=start, end=end)

    async def head(self, key: str) -> Blob:
        return Blob(key, len(self.held[key]), "etag", self.ages.get(key, 0), self.abouts[key])

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        if key not in self.held:
            raise BlobNotFound(key)
        self.tiers[key], self.tags[key] = tier, dict(tags)
        return True

    async def delete(self, key: str) -> None:
        self.held.pop(key, None)

    async def list(self, prefix: str = "", *, limit: int = 2, after: str | None = None) -> Page:
        self._call()
        keys = sorted(key for key in self.held if key.startswith(prefix) and key > (after or ""))
        entries = [Entry(key, len(self.held[key]), self.ages.get(key, 0)) for key in keys[:limit]]
        return Page(entries, keys[limit - 1] if len(keys) > limit else None)

    async def close(self) -> None:
        self.held.clear()

    def _call(self) -> None:
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise BlobsUnavailable("injected")
            self.calls_left -= 1


class LineTables:
    """`Tables` whose files of every kind are the lines themselves; `room` bounds what drafts take."""

    def __init__(self, room: int = 10**9) -> None:
        self.drafts: dict[Draft, bytes] = {}
        self.room = room
        self._made = 0

    @property
    def held_bytes(self) -> int:
        return sum(map(len, self.drafts.values()))

    async def draft(self) -> Draft:
        self._made += 1
        draft = Draft(str(self._made))
        self.drafts[draft] = b""
        return draft

    async def append(self, draft: Draft, data: bytes) -> None:
        if self.held_bytes + len(data) > self.room:
            raise NoRoom("injected")
        self.drafts[draft] += data

    async def size(self, draft: Draft) -> int:
        return len(self.drafts[draft])

    async def pieces(self, draft: Draft) -> AsyncIterator[bytes]:
        yield self.drafts[draft]

    async def drop(self, draft: Draft) -> None:
        self.drafts.pop(draft, None)

    async def to_parquet(self, sources: Sequence[Draft], query: str, about: Mapping[str, str] = NOTHING) -> Draft:  # noqa: ARG002 - as the port has it
        made = await self.draft()
        self.drafts[made] = b"".join(self.drafts[source] for source in sources)
        return made

    async def to_lines(self, source: Draft, query: str) -> Draft:
        return await self.to_parquet([source], query)

    async def to_printed(self, source: Draft, form: str, about: Mapping[str, str]) -> Draft:  # noqa: ARG002 - as the port has it
        return await self.to_parquet([source], form)

    async def close(self) -> None:
        self.drafts.clear()
