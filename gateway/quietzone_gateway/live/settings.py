"""What live updates can be told."""

from pydantic import Field, field_validator

from quietzone_kit.settings import CommaList, Settings


class LiveSettings(Settings):
    """Inherited by the gateway's role `serve`."""

    gateway_live_connections: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="Live connections of this process at most; each costs up to 30 KB of memory, and a file descriptor",
    )
    gateway_live_connections_per_account: int = Field(
        200, ge=1, le=100_000, description="Of them one account's at most, so that none can take the places of all others"
    )
    gateway_live_subscriptions: int = Field(
        20, ge=1, le=1_000, description="Subscriptions of one WebSocket at most; each costs 2 KB and CPU with each event"
    )
    gateway_live_origins: CommaList = Field(
        (),
        description="Origins of pages, such as https://app.example.com, that may open live connections with a session's cookie; without, "
        "pages connect with a token. A page from elsewhere could otherwise listen with the cookie of whoever looks at it",
    )

    @field_validator("gateway_live_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, separator, host = origin.partition("://")
            if scheme not in {"http", "https"} or not separator or not host or "/" in host or host != host.lower():
                raise ValueError(f"{origin!r} is no origin; write https://app.example.com, without a path and in lower case")
        return value
