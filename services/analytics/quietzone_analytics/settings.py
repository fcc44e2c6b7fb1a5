"""Settings of the analytics service."""

from pydantic import Field

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings


class AnalyticsStoreSettings(ProcessSettings):
    """What every role of analytics needs; role `adopt` needs no more."""

    analytics_documents_url: str = Field(description="The service's own store, such as sqlite:///data/analytics.db; nobody else may use it")
    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")


class AnalyticsSettings(AnalyticsStoreSettings, RpcSettings):
    """Role `serve`."""

    analytics_listen: str = Field(
        "127.0.0.1:9102", description="Where other parts reach this service: host:port, or unix:/path on one machine"
    )
    analytics_cache_bytes: int = Field(
        32_000_000,
        ge=0,
        le=4_000_000_000,
        description="Rollups held in memory, as they are stored; decoded they take about five times as much. More for many busy codes",
    )
