"""Settings of the qr service."""

from pydantic import Field, field_validator

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings
from quietzone_qr.codes.domain import ScanBase


class QrSettings(ProcessSettings, RpcSettings):
    """Role `serve`."""

    qr_listen: str = Field("127.0.0.1:9101", description="Where other parts reach this service: host:port, or unix:/path on one machine")
    qr_documents_url: str = Field(description="The service's own store, such as sqlite:///data/qr.db; nobody else may use it")
    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")
    cache_url: str = Field(
        "memory://",
        description="What replicas share and can do without: memory:// for one process, redis://host:6379/0 for several "
        "(rediss://, redis+sentinel://, redis+cluster:// too)",
    )
    scan_base_url: str = Field(
        "http://localhost:8080",
        description="What every printed symbol says before the slug: the public address of the scan host, without a path. "
        "Codes that are printed keep what it was; change it before the first print, and keep the old host answering for ever",
    )

    @field_validator("scan_base_url")
    @classmethod
    def _is_scan_base(cls, value: str) -> str:
        return ScanBase.parse(value).origin
