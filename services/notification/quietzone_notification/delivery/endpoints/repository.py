"""Where endpoints are kept: one document an endpoint."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, Index, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import FailedPrecondition, NotFound, RevisionMismatch, Unavailable
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.endpoints.domain import MAX_ENDPOINTS, Endpoint

ENDPOINTS = Collection("webhook_endpoints", key="endpoint_id", indexes=(Index("by_account", ("account_id", "created_ms")),))

COLLECTIONS = (ENDPOINTS,)

ATTEMPTS = 10
"""An endpoint changes when a person changes it, or when a run of failures begins or ends."""


@dataclass(frozen=True, slots=True)
class Held:
    """An endpoint as it was read, with what the store needs to replace it."""

    endpoint: Endpoint
    stored: Stored


class Endpoints:
    """All endpoints. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str, endpoint_id: str) -> Held:
        """An endpoint.

        Raises:
            NotFound: this account has none with this id.
        """
        held = await self.find(account_id, endpoint_id)
        if held is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        return held

    async def find(self, account_id: str, endpoint_id: str) -> Held | None:
        """An endpoint of this account, by key; None when there is none, or it is another's."""
        if not (endpoint_id.isprintable() and 1 <= len(endpoint_id) <= 64):
            return None
        async with store_answers():
            stored = await self._documents.get(ENDPOINTS, endpoint_id)
        return None if stored is None or stored.body["account_id"] != account_id else held_of(stored)

    async def listed(self, account_id: str) -> tuple[Endpoint, ...]:
        """All of an account's endpoints, the oldest first (index `by_account`)."""
        async with store_answers():
            page = await self._documents.query(ENDPOINTS, Query("by_account", (account_id,), limit=2 * MAX_ENDPOINTS))
        return tuple(held.endpoint for held in readable(ENDPOINTS, page.items, held_of))

    async def add(self, endpoint: Endpoint) -> None:
        """Add a new endpoint.

        Raises:
            FailedPrecondition: the account has as many as it may have; of some that are added at once one more may come in.
        """
        if len(await self.listed(endpoint.account_id)) >= MAX_ENDPOINTS:
            raise FailedPrecondition(f"an account has at most {MAX_ENDPOINTS} webhook endpoints: delete one first")
        async with store_answers():
            await self._documents.insert(ENDPOINTS, _body(endpoint))

    async def change(
        self, account_id: str, endpoint_id: str, change: Callable[[Endpoint], Endpoint], *, expected: int | None = None
    ) -> Endpoint:
        """Put what `change` makes of an endpoint in its place; nothing is written when that is itself. It may be called again.

        Raises:
            NotFound: this account has none with this id.
            RevisionMismatch: `expected` is given and the endpoint has another revision.
        """
        for _ in range(ATTEMPTS):
            held = await self.get(account_id, endpoint_id)
            before = held.endpoint
            if expected not in (None, before.revision):
                raise RevisionMismatch(f"the endpoint has revision {before.revision}, not {expected}: read it again")
            after = change(before)
            if after == before:
                return before
            body = Unknown.of(held.stored.body, _body(before)).beside(_body(after))
            try:
                async with store_answers():
                    await self._documents.replace(ENDPOINTS, body, if_version=held.stored.version)
            except VersionConflict:
                continue
            return after
        raise Unavailable(f"endpoint {endpoint_id} changes all the time: try again")

    async def delete(self, account_id: str, endpoint_id: str) -> None:
        """Remove an endpoint; raises NotFound."""
        for _ in range(ATTEMPTS):
            held = await self.get(account_id, endpoint_id)
            try:
                async with store_answers():
                    await self._documents.delete(ENDPOINTS, endpoint_id, if_version=held.stored.version)
            except VersionConflict:
                continue
            return
        raise Unavailable(f"endpoint {endpoint_id} changes all the time: try again")


def held_of(stored: Stored) -> Held:
    """The endpoint in a document; msgspec.ValidationError names the field that was damaged."""
    return Held(msgspec.convert(stored.body, Endpoint), stored)


def _body(endpoint: Endpoint) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(endpoint)
    body["secrets"] = [msgspec.to_builtins(secret) for secret in endpoint.secrets]  # a tuple can't be stored
    body["header_names"] = list(endpoint.header_names)
    return body
