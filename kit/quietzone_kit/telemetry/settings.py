"""Settings of logs and traces."""

from typing import Literal

from pydantic import Field

from quietzone_kit.settings import Settings


class TelemetrySettings(Settings):
    """How a process tells about itself."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged; `debug` to follow single requests"
    )
    log_format: Literal["auto", "json", "text"] = Field("auto", description="JSON for machines, text for people; auto: text on a terminal")
    traces_url: str | None = Field(
        None, description="An OpenTelemetry collector, http://host:4317 (OTLP over gRPC, https:// for TLS); without one nothing is traced"
    )
    traces_ratio: float = Field(0.01, ge=0, le=1, description="Share of the requests and scans that begin a trace; 1 follows each of them")
