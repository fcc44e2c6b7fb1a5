"""Whether something may be sent somewhere: an account reaches its own endpoints and topics, and people who want its mail."""

from collections.abc import Collection
from typing import Protocol

from quietzone_notification.rules.domain import Kind


class Endpoints(Protocol):
    """Who knows the endpoints of webhooks."""

    async def find(self, account_id: str, endpoint_id: str) -> object | None:
        """An endpoint of this account; None when there is none, or it is another's. Raises Unavailable."""


async def refusal(endpoints: Endpoints, account_id: str, kind: Kind, destination: str, verified: Collection[str]) -> str:
    """Why nothing may be sent there; empty when it may. `verified` are addresses of verified members of the account."""
    if kind is Kind.WEBHOOK and await endpoints.find(account_id, destination) is None:
        return "no such endpoint: make it first"
    if kind is Kind.MAIL and destination.lower() not in {each.lower() for each in verified}:
        return "not the address of a verified member: have it subscribed to a topic, and confirm that"
    return ""
