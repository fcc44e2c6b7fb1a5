"""What processes of analytics stand on in a test: files, or servers with names of their own."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
from aiokafka.admin import AIOKafkaAdminClient
from ports import Inline

from quietzone_analytics.app import COLLECTIONS, TOPICS
from quietzone_analytics.rollups import DAYS, MONTHS, TOTALS
from quietzone_analytics.settings import AnalyticsSettings
from quietzone_kit.blobs import Blobs, open_blobs
from quietzone_kit.bus import Bus, open_bus
from quietzone_kit.documents import Body, open_documents
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import load

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()

BUS, STORE, FILES = "QUIETZONE_BUS_URL", "QUIETZONE_ANALYTICS_DOCUMENTS_URL", "QUIETZONE_ANALYTICS_BLOBS_URL"


class Place:
    """`new_urls` gives others each time; `folder` is for what is on this machine in any case."""

    def __init__(self, folder: Path, new_urls: Callable[[], Mapping[str, str]]) -> None:
        self.folder = folder
        self._new_urls = new_urls
        given = new_urls()
        self.urls = {name: given[name] for name in (BUS, STORE, FILES)}

    def variables(self, **more: str) -> dict[str, str]:
        """What a role is told; `more` are settings of analytics."""
        return {
            **self.urls,
            "QUIETZONE_CALLER_KEY": "k" * 32,
            "QUIETZONE_ANALYTICS_LISTEN": f"unix:{self.folder}/s",
            "QUIETZONE_ANALYTICS_TEMP": f"{self.folder}/temp",
            "QUIETZONE_ANALYTICS_ARCHIVE_AFTER_S": "1",
        } | {f"QUIETZONE_ANALYTICS_{name.upper()}": value for name, value in more.items()}

    def settings(self, **more: str) -> AnalyticsSettings:
        """Without a place for files."""
        return load(AnalyticsSettings, self.variables(blobs_url="", **more))

    def lose_log(self) -> None:
        """What a disk does that takes the bus with it."""
        self.urls[BUS] = self._new_urls()[BUS]

    def lose_store(self) -> None:
        """The same with the counts."""
        self.urls[STORE] = self._new_urls()[STORE]

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        """The bus, with our topics."""
        bus = open_bus(self.urls[BUS], clock=CLOCK, executor=ThreadExecutor("bus", 2), randomness=RANDOMNESS)
        try:
            await bus.ensure(TOPICS)
            yield bus
        finally:
            await bus.close()

    async def delete_topic(self, name: str) -> None:
        """What no operator should do to a Kafka."""
        parts = urlsplit(self.urls[BUS])
        admin = AIOKafkaAdminClient(bootstrap_servers=parts.netloc)
        try:
            await admin.start()
            await admin.delete_topics([parse_qs(parts.query)["prefix"][0] + name])
        finally:
            await admin.close()

    async def archived(self) -> list[str]:
        """The archive's files."""
        blobs = self._blobs()
        found = [entry.key for entry in (await blobs.list("scans/")).entries]
        await blobs.close()
        return found

    async def archived_scans(self) -> int:
        """How many scans are in the archive."""
        blobs, copies = self._blobs(), []
        for number, entry in enumerate((await blobs.list("scans/")).entries):
            copies.append(self.folder / f"copy-{number}.parquet")
            copies[-1].write_bytes(await blobs.get(entry.key))
        await blobs.close()
        scans = duckdb.read_parquet(list(map(str, copies))).filter("seq IS NOT NULL") if copies else ()
        return len(scans)

    async def counts(self) -> list[Body]:
        """All counts, as they lie in the store."""
        documents = open_documents(self.urls[STORE], executor=Inline(), randomness=RANDOMNESS)
        await documents.ensure(*COLLECTIONS)
        found = [one.body for kind in (DAYS, MONTHS, TOTALS) for one in (await documents.scan(kind.collection, limit=100)).items]
        await documents.close()
        return found

    def _blobs(self) -> Blobs:
        return open_blobs(self.urls[FILES], executor=Inline(), randomness=RANDOMNESS)
