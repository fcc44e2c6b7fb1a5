"""Settings of the analytics service."""

from pydantic import Field

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings
from quietzone_kit.settings import Settings

_BLOBS = "Where the archive and exports keep their files, such as file:///data/blobs or s3://bucket/prefix?endpoint=https://host:port"


class MigrateSettings(ProcessSettings):
    """Role `migrate`."""

    analytics_documents_url: str = Field(description="The service's own store, such as sqlite:///data/analytics.db; nobody else may use it")


class AnalyticsStoreSettings(MigrateSettings):
    """What every role of analytics needs but `migrate`; role `adopt` needs no more."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")


class FilesSettings(Settings):
    """What it takes to make files."""

    analytics_temp: str | None = Field(None, description="Folder on a local disk for files in the making; the machine's own by default")
    analytics_temp_bytes: int = Field(
        4_000_000_000,
        ge=100_000_000,
        le=10_000_000_000_000,
        description="What the archive, and exports as well, may take in that folder; exports of many codes need more",
    )


class ArchiveOptions(FilesSettings):
    """When a file of the archive ends."""

    analytics_archive_after_s: float = Field(
        300, ge=1, le=86_400, description="How long scans wait at most before a file is made of them; longer makes fewer and larger files"
    )
    analytics_archive_file_bytes: int = Field(
        64_000_000,
        ge=100_000,
        le=1_000_000_000,
        description="Bytes of events in a file of the archive, which takes about half of them; its upload has 80 s",
    )
    analytics_archive_records: int = Field(100_000, ge=1, le=10_000_000, description="Events in a file of the archive, at most")


class ArchiveSettings(AnalyticsStoreSettings, ArchiveOptions):
    """Role `archive`."""

    analytics_blobs_url: str = Field(description=_BLOBS)


class WorkSettings(AnalyticsStoreSettings, FilesSettings):
    """Role `work`."""

    analytics_blobs_url: str = Field(description=_BLOBS)


class RebuildSettings(WorkSettings):
    """Role `rebuild`."""

    analytics_rebuild_log: str | None = Field(None, description="Id of the log whose archive is counted; by default the log on the bus")


class ProjectSettings(AnalyticsStoreSettings):
    """Role `project`."""

    analytics_cache_bytes: int = Field(
        32_000_000,
        ge=0,
        le=4_000_000_000,
        description="Rollups held in memory, as they are stored; decoded they take about five times as much. More for many busy codes",
    )


class VerifySettings(AnalyticsStoreSettings):
    """Role `verify`."""

    analytics_blobs_url: str | None = Field(None, description=f"{_BLOBS}; without it there is neither archive nor export")


class AnalyticsSettings(ProjectSettings, VerifySettings, RpcSettings, ArchiveOptions):
    """Role `serve`."""

    analytics_listen: str = Field(
        "127.0.0.1:9102", description="Where other parts reach this service: host:port, or unix:/path on one machine"
    )
    analytics_project: bool = Field(True, description="Whether `serve` counts scans; else run `project`, and `serve` only answers")
    analytics_archive: bool = Field(True, description="Whether `serve` archives scans, if there is a place for files; else run `archive`")
    analytics_work: bool = Field(True, description="Whether `serve` makes exports, if there is a place for files; else run `work`")
