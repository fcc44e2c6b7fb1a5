"""The processes of one machine, and what each is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_standalone.settings import Installation


@dataclass(frozen=True, slots=True)
class Role:
    """A process: `python -m <module> <name>`."""

    module: str
    name: str

    @property
    def title(self) -> str:
        """The role as people know it, such as `tracking edge`."""
        return f"{self.module.removeprefix('quietzone_')} {self.name}"


# Started together, stopped from the last to the first: first nothing new comes in, then what came in is passed on.
ROLES = (
    Role("quietzone_qr", "serve"),
    Role("quietzone_analytics", "serve"),
    Role("quietzone_tracking", "links"),
    Role("quietzone_tracking", "forwarder"),
    Role("quietzone_tracking", "edge"),
    Role("quietzone_gateway", "serve"),
)


def environment(installation: Installation, caller_key: str) -> Mapping[str, str]:
    """What all roles are told. Where parts find each other is fixed, defaults stand in for what our own environment leaves open."""
    data, run = installation.data, installation.data / "run"
    defaults = {
        "QUIETZONE_LOG_LEVEL": "warning",
        "QUIETZONE_TRUSTED_PROXIES": "127.0.0.0/8,::1/128",  # nobody comes from these but a proxy on this machine
    }
    fixed = {
        "QUIETZONE_BUS_URL": f"sqlite:///{data}/bus.db",
        "QUIETZONE_QR_DOCUMENTS_URL": f"sqlite:///{data}/qr.db",
        "QUIETZONE_TRACKING_DOCUMENTS_URL": f"sqlite:///{data}/tracking.db",
        "QUIETZONE_ANALYTICS_DOCUMENTS_URL": f"sqlite:///{data}/analytics.db",
        "QUIETZONE_GATEWAY_DOCUMENTS_URL": f"sqlite:///{data}/gateway.db",
        "QUIETZONE_TRACKING_SPOOL": f"{data}/spool",
        "QUIETZONE_SCAN_BASE_URL": installation.scan_base_url,
        "QUIETZONE_CALLER_KEY": caller_key,
        "QUIETZONE_QR_LISTEN": f"unix:{run}/qr.sock",
        "QUIETZONE_ANALYTICS_LISTEN": f"unix:{run}/analytics.sock",
        "QUIETZONE_QR_ADDRESS": f"unix:{run}/qr.sock",
        "QUIETZONE_ANALYTICS_ADDRESS": f"unix:{run}/analytics.sock",
        "QUIETZONE_GATEWAY_PORT": str(installation.port),
        "QUIETZONE_TRACKING_PORT": str(installation.scan_port),
    }
    return defaults | dict(os.environ) | fixed
