"""The processes of one machine, and what each is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quietzone_analytics.settings import AnalyticsSettings
from quietzone_gateway.settings import GatewaySettings
from quietzone_kit.settings import Settings, SettingsError, check
from quietzone_notification.settings import NotificationSettings
from quietzone_qr.settings import QrSettings
from quietzone_standalone.secret import FILES
from quietzone_standalone.settings import DEFAULT_PORT, Backends, Installation, installation
from quietzone_storage.settings import StorageSettings
from quietzone_tracking.settings import ForwarderSettings, LinksSettings
from quietzone_tracking.settings.edge import EdgeSettings


@dataclass(frozen=True, slots=True)
class Role:
    """A process: `python -m <module> <name>`, with the settings of class `settings`."""

    module: str
    name: str
    settings: type[Settings]

    @property
    def title(self) -> str:
        """The role as people know it, such as `tracking edge`."""
        return f"{self.module.removeprefix('quietzone_')} {self.name}"


OPS_PORT = "QUIETZONE_OPS_PORT"

OF_THE_COMMAND = frozenset({f"QUIETZONE_{name}" for name in ("API_URL", "SCANS_URL", "RELEASE", "NAMESPACE", "CHART")})
"""Variables that only the `quietzone` command reads."""

# Started together, stopped from the last to the first: first nothing new comes in, then what came in is passed on.
ROLES = (
    Role("quietzone_qr", "serve", QrSettings),
    Role("quietzone_analytics", "serve", AnalyticsSettings),
    Role("quietzone_storage", "serve", StorageSettings),
    Role("quietzone_notification", "serve", NotificationSettings),
    Role("quietzone_tracking", "links", LinksSettings),
    Role("quietzone_tracking", "forwarder", ForwarderSettings),
    Role("quietzone_tracking", "edge", EdgeSettings),
    Role("quietzone_gateway", "serve", GatewaySettings),
)


def environment(place: Installation, caller_key: str, environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """What all roles are told. Where parts find each other is fixed, defaults stand in for what our own `environ` leaves open.

    Raises:
        SettingsError: names everything that is wrong, of all roles at once.
    """
    defaults = {
        "QUIETZONE_LOG_LEVEL": "warning",
        "QUIETZONE_PUBLIC_URL": f"http://localhost:{place.port}",
        "QUIETZONE_STORAGE_PUBLIC_URL": f"http://localhost:{place.files_port}",
        "QUIETZONE_NOTIFICATION_CONFIRM_URL": f"http://localhost:{place.port}/subscriptions/confirm",
        "QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL": f"http://localhost:{place.port}/unsubscribe",
        "QUIETZONE_TRUSTED_PROXIES": "127.0.0.0/8,::1/128",  # nobody comes from these but a proxy on this machine
    }
    fixed = _fixed(place, caller_key)
    told = defaults | dict(environ) | {"QUIETZONE_SCAN_BASE_URL": place.scan_base_url} | fixed
    problems = [
        f"{name}: `quietzone serve` sets it itself; remove it (PORT moves the ports, --data the folder, --backends real what it stands on)"
        for name in fixed
        if environ.get(name, "").strip()
    ]
    try:
        # The kept keys are read when the folder is locked; the caller's stands in for them.
        checked = dict.fromkeys(FILES, caller_key) | {name: value for name, value in told.items() if name not in OF_THE_COMMAND}
        check([role.settings for role in ROLES], checked)
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(*problems)
    return told


def told_to(role: Role, told: Mapping[str, str]) -> Mapping[str, str]:
    """What one role is told: operators' ports follow each other from QUIETZONE_OPS_PORT on, since two can't share one."""
    ports = ops_ports(told)
    return {**told, OPS_PORT: str(ports[role])} if role in ports else told


def ops_ports(told: Mapping[str, str]) -> Mapping[Role, int]:
    """The operators' port of each role; none when QUIETZONE_OPS_PORT isn't set."""
    first = told.get(OPS_PORT, "").strip()
    return {role: int(first) + number for number, role in enumerate(ROLES)} if first and first != "0" else {}


def _fixed(place: Installation, caller_key: str) -> dict[str, str]:
    """Where the parts of one machine find each other and what they stand on."""
    run = place.data / "run"
    return {
        **(embedded_urls(place.data) if place.backends is Backends.EMBEDDED else {}),
        "QUIETZONE_TRACKING_SPOOL": f"{place.data}/tracking",
        "QUIETZONE_CALLER_KEY": caller_key,
        "QUIETZONE_QR_LISTEN": f"unix:{run}/qr.sock",
        "QUIETZONE_ANALYTICS_LISTEN": f"unix:{run}/analytics.sock",
        "QUIETZONE_STORAGE_LISTEN": f"unix:{run}/storage.sock",
        "QUIETZONE_NOTIFICATION_LISTEN": f"unix:{run}/notification.sock",
        "QUIETZONE_QR_ADDRESS": f"unix:{run}/qr.sock",
        "QUIETZONE_ANALYTICS_ADDRESS": f"unix:{run}/analytics.sock",
        "QUIETZONE_STORAGE_ADDRESS": f"unix:{run}/storage.sock",
        "QUIETZONE_NOTIFICATION_ADDRESS": f"unix:{run}/notification.sock",
        "QUIETZONE_GATEWAY_PORT": str(place.port),
        "QUIETZONE_TRACKING_PORT": str(place.scan_port),
        "QUIETZONE_STORAGE_PORT": str(place.files_port),
    }


def embedded_urls(data: Path) -> dict[str, str]:
    """Bus and stores in the files of a data folder."""
    return {
        "QUIETZONE_BUS_URL": f"sqlite:///{data}/bus.db",
        "QUIETZONE_QR_DOCUMENTS_URL": f"sqlite:///{data}/qr.db",
        "QUIETZONE_TRACKING_DOCUMENTS_URL": f"sqlite:///{data}/tracking.db",
        "QUIETZONE_ANALYTICS_DOCUMENTS_URL": f"sqlite:///{data}/analytics.db",
        "QUIETZONE_STORAGE_DOCUMENTS_URL": f"sqlite:///{data}/storage.db",
        "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": f"sqlite:///{data}/notification.db",
        "QUIETZONE_GATEWAY_DOCUMENTS_URL": f"sqlite:///{data}/gateway.db",
        "QUIETZONE_ANALYTICS_BLOBS_URL": f"file://{data}/blobs",
        "QUIETZONE_STORAGE_BLOBS_URL": f"file://{data}/files",
    }


SET_BY_SERVE = frozenset(_fixed(installation(Path(), DEFAULT_PORT, None), ""))
"""Variables that `environment` sets, so that nobody else may."""
