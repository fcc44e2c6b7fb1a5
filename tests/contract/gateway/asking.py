"""How GraphQL is asked in tests."""

from dataclasses import dataclass
from typing import Any

import httpx
from contract.gateway.served import Api


@dataclass(frozen=True)
class Told:
    """An answer of GraphQL."""

    status: int
    data: Any
    errors: list[dict[str, Any]]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]

    @property
    def fields(self) -> list[str]:
        """The wrong fields of all errors."""
        return [wrong["field"] for error in self.errors for wrong in error["extensions"].get("errors", [])]


async def ask(api: Api, query: str, variables: dict[str, Any] | None = None, **headers: str) -> Told:
    """Send a document with the account's key."""
    accept = {"accept": "application/graphql-response+json"}
    return told(await api.send("POST", "/graphql", {"query": query, "variables": variables or {}}, **(accept | headers)))


def told(answer: httpx.Response) -> Told:
    assert answer.headers["content-type"].startswith(("application/json", "application/graphql-response+json")), answer.text
    body = answer.json()
    return Told(answer.status_code, body.get("data"), body.get("errors", []))
