"""compose.yaml tells each role all that it must be told, and nothing that no role knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from quietzone_kit.settings import load, unknown
from quietzone_standalone.roles import ROLES, Role

COMPOSE = Path(__file__).parents[2] / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
FROM_OUTSIDE = {
    "QUIETZONE_CALLER_KEY": "k" * 32,
    "QUIETZONE_API_KEY": "qz_" + "k" * 32,
    "QUIETZONE_SCAN_BASE_URL": "https://qr.example.com",
    "QUIETZONE_STORAGE_URL_KEYS": "u" * 32,
    "QUIETZONE_STORAGE_PUBLIC_URL": "https://files.example.com",
    "QUIETZONE_PUBLIC_URL": "https://api.example.com",
    "QUIETZONE_NOTIFICATION_SECRET_KEY": "n" * 32,
    "QUIETZONE_NOTIFICATION_MAIL_URL": "smtp://mail.example.com:587",
    "QUIETZONE_NOTIFICATION_CONFIRM_URL": "https://api.example.com/subscriptions/confirm",
    "QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL": "https://api.example.com/unsubscribe",
}


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_compose_can_start(name: str) -> None:
    told = {variable: value for variable, value in environment_of(OURS[name]).items() if variable.startswith("QUIETZONE_")}

    load(role_of(OURS[name]).settings, told)


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_compose_is_told_nothing_that_no_role_knows(name: str) -> None:
    assert unknown([role.settings for role in ROLES], environment_of(OURS[name])) == []


def test_compose_runs_each_role_once() -> None:
    assert sorted(role_of(service).title for service in OURS.values()) == sorted(role.title for role in ROLES)


def test_each_server_of_compose_is_used_by_a_role() -> None:
    told = " ".join(value for service in OURS.values() for value in environment_of(service).values())

    assert [name for name in SERVICES if name not in OURS and f"//{name}" not in told] == []


def role_of(service: dict[str, Any]) -> Role:
    part, [name] = service["build"]["args"]["PART"], service["command"]
    [role] = [role for role in ROLES if (role.module, role.name) == (f"quietzone_{part}", name)]
    return role


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    return {name: FROM_OUTSIDE.get(name, value) for name, value in service["environment"].items()}
