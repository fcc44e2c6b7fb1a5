"""Who reads an account's mails: addresses that get none, and what a person wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import mail_pb2, mail_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that isn't written to; fields as in `quietzone.notification.v1.Suppression`. `kind` is empty for all."""

    address: str
    kind: str
    reason: SuppressionReason
    at_ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class SuppressionPage:
    """Suppressions, the latest first."""

    items: tuple[Suppression, ...]
    next_cursor: str | None


_REASONS = {mail_pb2.SuppressionReason.Value(f"SUPPRESSION_REASON_{reason.name}"): reason for reason in SuppressionReason}


class Readers:
    """A client of the service's suppressions and preferences; what each call raises stands in `mail.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "mail_pb2_grpc.MailServiceAsyncStub":
        return mail_pb2_grpc.MailServiceStub(self._service.channel)

    async def suppressions(self, caller: Caller, *, limit: int, cursor: str | None) -> SuppressionPage:
        """Addresses that aren't written to."""
        request = mail_pb2.ListSuppressionsRequest(page_size=limit, page_token=cursor or "")
        page = await self._service.peer.call(self._stub.ListSuppressions, request, caller=caller, idempotent=True)
        return SuppressionPage(tuple(map(_suppression, page.suppressions)), page.next_page_token or None)

    async def suppress(self, caller: Caller, address: str, kind: str, detail: str) -> Suppression:
        """Have an address get no mail, or none of a kind; one that is there stays as it was."""
        request = mail_pb2.PutSuppressionRequest(address=address, kind=kind, detail=detail)
        found = await self._service.peer.call(self._stub.PutSuppression, request, caller=caller, idempotent=True)
        return _suppression(found.suppression)

    async def lift(self, caller: Caller, address: str, kind: str) -> None:
        """Write to an address again."""
        request = mail_pb2.DeleteSuppressionRequest(address=address, kind=kind)
        await self._service.peer.call(self._stub.DeleteSuppression, request, caller=caller, idempotent=False)

    async def wanted(self, caller: Caller, address: str) -> Mapping[str, bool]:
        """Which kinds whoever reads mail there gets."""
        request = mail_pb2.GetPreferencesRequest(address=address)
        found = await self._service.peer.call(self._stub.GetPreferences, request, caller=caller, idempotent=True)
        return dict(found.preferences.wanted)

    async def want(self, caller: Caller, address: str, wanted: Mapping[str, bool]) -> Mapping[str, bool]:
        """Say which he wants: it has to be he who says it. What is left out is as the house has it."""
        request = mail_pb2.PutPreferencesRequest(preferences=mail_pb2.Preferences(address=address, wanted=wanted))
        found = await self._service.peer.call(self._stub.PutPreferences, request, caller=caller, idempotent=True)
        return dict(found.preferences.wanted)


def _suppression(message: mail_pb2.Suppression) -> Suppression:
    return Suppression(message.address, message.kind, _REASONS[message.reason], message.at_ms, message.detail)
