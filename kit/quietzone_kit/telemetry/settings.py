"""Settings of logs."""

from typing import Literal

from pydantic import Field

from quietzone_kit.settings import Settings


class TelemetrySettings(Settings):
    """How a process tells about itself."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged; `debug` to follow single requests"
    )
    log_format: Literal["auto", "json", "text"] = Field("auto", description="JSON for machines, text for people; auto: text on a terminal")
