"""Event buses. Pure."""

import re
from dataclasses import dataclass

from quietzone_notification.events.domain import DEFAULT_BUS

MAX_BUSES = 100  # of an account, `default` among them, as EventBridge
MAX_NAME = 100  # with the account's 64 characters it makes a document's key, which has 200
MAX_DESCRIPTION = 512  # EventBridge's

_NAME = re.compile(rf"[0-9A-Za-z._-]{{1,{MAX_NAME}}}")


class InvalidBus(ValueError):
    """No bus can be this: says what would do."""


@dataclass(frozen=True, slots=True)
class Bus:
    """One bus of an account. `slot` is its place among those of the account, from 0; the default has none, and no document."""

    account_id: str
    name: str
    description: str = ""
    created_at_ms: int = 0
    slot: int | None = None


def default_bus(account_id: str) -> Bus:
    """The one that every account has."""
    return Bus(account_id, DEFAULT_BUS, "events of Quietzone itself, and what names no other bus")


def check_bus(name: str, description: str) -> None:
    """See that there can be such a bus.

    Raises:
        InvalidBus: says what would do.
    """
    check_named(name)
    if len(description) > MAX_DESCRIPTION:
        raise InvalidBus(f"a description has at most {MAX_DESCRIPTION} characters, this one has {len(description)}")


def check_named(name: str) -> None:
    """See that a bus that is changed or taken away can have this name.

    Raises:
        InvalidBus: says what would do.
    """
    if name == DEFAULT_BUS:
        raise InvalidBus(f"{DEFAULT_BUS} is there by itself: it can be neither made nor taken away")
    if not is_name(name):
        raise InvalidBus(f"use 1 to {MAX_NAME} characters of 0-9 A-Z a-z . _ -")


def is_name(name: str) -> bool:
    """Whether a bus can have this name; else a store may not even be able to look it up."""
    return _NAME.fullmatch(name) is not None
