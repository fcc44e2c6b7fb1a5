"""What the REST API is told."""

import re
from pathlib import Path

from pydantic import Field, field_validator

from quietzone_kit.settings import CommaList, Settings

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


class RestSettings(Settings):
    """Inherited by role `serve`."""

    gateway_cors_origins: CommaList = Field(
        (), description="Origins whose pages may use the API in browsers, with keys of their own: https://app.example.com, or * for all"
    )

    gateway_mappings: Path | None = Field(
        None,
        description="File of rules that give requests and answers another form, for callers that can't change theirs (docs/mapping.md)",
    )

    @field_validator("gateway_cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [text for text in value if text != "*" and not _ORIGIN.fullmatch(text)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: write origins as https://app.example.com, in lower case, without a path")
        return value
