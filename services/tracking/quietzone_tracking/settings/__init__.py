"""Settings of the tracking service, one class for each role; the edge's are a module of their own, since only it loads gRPC (12 MB)."""

from pathlib import Path

from pydantic import Field

from quietzone_kit.lifecycle import ProcessSettings


class BusSettings(ProcessSettings):
    """What every role needs that reads or writes events."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")


class DocumentsSettings(ProcessSettings):
    """Role `migrate`."""

    tracking_documents_url: str = Field(description="The service's own store, such as sqlite:///data/tracking.db; nobody else may use it")


class StoreSettings(BusSettings, DocumentsSettings):
    """What roles with a store need."""


class SpoolSettings(BusSettings):
    """What roles with a spool need."""

    tracking_spool: Path = Field(
        description="Folder on this machine's disk for scans that aren't forwarded yet, checkpoints and the snapshot of links; "
        "the same for the edges of a machine and their forwarder, and kept when they are replaced"
    )


class LinksSettings(StoreSettings):
    """Role `links`: fills the link store, keeps salts, keeps an embedded bus within its retention."""


class ForwarderSettings(SpoolSettings):
    """Roles `forwarder` and `drain`: send what the edges of this machine have spooled to the bus."""

    tracking_country_db: Path | None = Field(
        None,
        description="A database of countries in MaxMind's format (.mmdb), any maker's; without one countries are unknown. "
        "Replace it by a rename, and it is taken up within seconds",
    )
