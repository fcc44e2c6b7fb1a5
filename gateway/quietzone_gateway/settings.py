"""What the gateway can be told."""

from pydantic import Field

from quietzone_gateway.graphql.settings import GraphqlSettings
from quietzone_gateway.identity.settings import FirstKeySettings, IdentitySettings
from quietzone_gateway.live.settings import LiveSettings
from quietzone_gateway.plans import PlansSettings
from quietzone_gateway.rest.settings import RestSettings
from quietzone_kit.http.settings import ProxySettings
from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings


class GatewayStoreSettings(ProcessSettings):
    """Role `migrate`."""

    gateway_documents_url: str = Field(description="The gateway's own store (accounts and keys), such as sqlite:///data/gateway.db")


class GatewayWorkSettings(GatewayStoreSettings, IdentitySettings, RpcSettings):
    """Role `work`, and what `serve` shares with it."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")
    cache_url: str = Field(
        "memory://",
        description="What replicas share and can do without: memory:// for one process, redis://host:6379/0 for several "
        "(rediss://, redis+sentinel://, redis+cluster:// too)",
    )
    notification_address: str = Field(
        "",
        description="Where the notification service is called: host:port, dns:///name:port or unix:/path; it sends our mails too. "
        "Empty where there is none: all but events and notifications is served without, and QUIETZONE_MAIL_URL says who sends mail",
    )


class GatewaySettings(GatewayWorkSettings, ProxySettings, RestSettings, FirstKeySettings, LiveSettings, GraphqlSettings, PlansSettings):
    """Roles `serve` and `verify`."""

    gateway_host: str = Field("0.0.0.0", description="Address that the API listens on; 127.0.0.1 keeps it to this machine")
    gateway_port: int = Field(8000, ge=0, le=65535, description="Port of the API")
    qr_address: str = Field(description="Where the qr service is called: host:port, dns:///name:port or unix:/path")
    analytics_address: str = Field(description="Where the analytics service is called: host:port, dns:///name:port or unix:/path")
    storage_address: str = Field(
        "", description="The same of the storage service; empty where there is none: all but files and uploads is served without"
    )
    gateway_work: bool = Field(
        True,
        description="Whether this process also does the work behind the API (tells of changes, sends mail); false where "
        "`python -m quietzone_gateway work` does that by itself",
    )
