"""Settings of the role `edge`."""

from typing import Literal

from pydantic import Field

from quietzone_kit.http.settings import ProxySettings
from quietzone_kit.rpc import RpcSettings
from quietzone_tracking.settings import SpoolSettings, StoreSettings


class VerifySettings(StoreSettings, RpcSettings):
    """Role `verify`."""

    qr_address: str = Field(description="Where the qr service is asked for codes that are newer than their event: host:port or unix:/path")


class EdgeSettings(SpoolSettings, VerifySettings, ProxySettings):
    """Role `edge`: answers scans. More of them, on one port, use more CPUs."""

    tracking_host: str = Field("0.0.0.0", description="Address that scans are answered on; 127.0.0.1 keeps them to this machine")
    tracking_port: int = Field(8080, ge=0, le=65535, description="Port that scans are answered on")
    tracking_reuse_port: bool = Field(
        default=False, description="Whether several edges may have the port, one for each CPU; false says at once when it is taken"
    )
    scan_ack: Literal["spool", "disk"] = Field(
        "spool", description="When a scan is answered: written (survives the process) or flushed (survives the machine, costs milliseconds)"
    )
    tracking_links_held: int = Field(
        1_000_000, ge=1000, le=100_000_000, description="Links in an edge's memory, 0.4 kB each; all others are looked up when scanned"
    )
    tracking_connections: int = Field(
        8192, ge=1, le=1_000_000, description="Connections at once, about 20 kB each; below the bound of open files (ulimit -n)"
    )
    tracking_flush_interval_ms: int = Field(
        50, ge=1, le=1000, description="How much of the spool a power cut may take with scan_ack=spool; shorter costs disk writes"
    )
    tracking_segment_bytes: int = Field(
        16 * 1024 * 1024,
        ge=1024,
        le=1024**3,
        description="When a new spool file is begun; smaller ones free the disk sooner",
    )
    tracking_spool_bytes: int = Field(
        4 * 1024**3,
        ge=1024 * 1024,
        description="What spools may take while the bus is away, 0.2 kB a scan; beyond it scans are redirected and not counted",
    )
