"""What an operator says of delivery."""

import ipaddress

from pydantic import Field, SecretStr, field_validator

from quietzone_kit.settings import Settings
from quietzone_notification.delivery.client import Proxy, proxy_of
from quietzone_notification.delivery.reach import DEFAULT_PORTS, Network, Reach

MIN_KEY_CHARACTERS, MAX_KEYS = 32, 3


class DeliverySettings(Settings):
    """A mix-in of the service's own settings."""

    notification_secret_key: SecretStr = Field(
        SecretStr(""),
        description="Seals webhooks' secrets and headers, and devices' tokens, in the store: 32 or more random characters; of several "
        "(a,b) the first seals, all open. Without one there are neither webhooks nor push",
    )
    notification_webhook_ports: str = Field(
        ",".join(map(str, sorted(DEFAULT_PORTS))), description="Ports that webhooks may go to; each one more opens what listens there"
    )
    notification_webhook_networks: str = Field(
        "", description="Private networks that webhooks may go to besides the internet, such as 10.1.0.0/16,127.0.0.0/8; else none"
    )
    notification_webhook_proxy: str = Field(
        "", description="Proxy for webhooks, such as http://egress.internal:3128, which takes CONNECT to addresses; else they go directly"
    )
    notification_deliveries_at_once: int = Field(
        512,
        ge=8,
        le=10_000,
        description="Attempts of a sender under way at once: a connection and a body each; below `ulimit -n`. Three quarters at most are "
        "of one kind",
    )
    notification_deliveries_of_one: int = Field(
        8, ge=1, le=100, description="Attempts under way at once to one endpoint; more hurts small receivers"
    )
    notification_deliveries_kept_days: int = Field(
        7, ge=1, le=365, description="How long what was delivered or given up can be looked at and sent again; 1.5 kB each"
    )
    notification_sender: str = Field(
        "", description="The sender's name, which no other has at the same time and it has again when it is restarted; else the host's name"
    )

    def secret_keys(self) -> list[str]:
        """The keys that seal, the first to be used."""
        return [key.strip() for key in self.notification_secret_key.get_secret_value().split(",") if key.strip()]

    def reach(self) -> Reach:
        """Where webhooks may go."""
        return Reach(_ports(self.notification_webhook_ports), _networks(self.notification_webhook_networks))

    def proxy(self) -> Proxy | None:
        """The proxy, if there is one."""
        return proxy_of(self.notification_webhook_proxy)

    @field_validator("notification_secret_key")
    @classmethod
    def _is_long_enough_each(cls, value: SecretStr) -> SecretStr:
        keys = [key.strip() for key in value.get_secret_value().split(",")]
        if value.get_secret_value() and (len(keys) > MAX_KEYS or any(len(key) < MIN_KEY_CHARACTERS for key in keys)):
            raise ValueError(f"use 1 to {MAX_KEYS} keys of at least {MIN_KEY_CHARACTERS} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("notification_webhook_ports")
    @classmethod
    def _are_ports(cls, value: str) -> str:
        Reach(_ports(value))
        return value

    @field_validator("notification_webhook_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        Reach(private=_networks(value))
        return value

    @field_validator("notification_webhook_proxy")
    @classmethod
    def _is_proxy(cls, value: str) -> str:
        proxy_of(value)
        return value


def _ports(text: str) -> frozenset[int]:
    return frozenset(int(port) for port in text.split(","))


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network.strip()) for network in text.split(",") if network.strip())
