"""Settings of identity."""

from pydantic import Field, SecretStr

from quietzone_gateway.identity.keys.domain import MIN_KEY_CHARACTERS
from quietzone_kit.settings import Settings


class FirstKeySettings(Settings):
    """Of whoever makes the first account."""

    api_key: SecretStr | None = Field(
        None,
        min_length=MIN_KEY_CHARACTERS,
        description="The first account's API key; without it one is made at the first start and shown once. Another value replaces the key",
    )
