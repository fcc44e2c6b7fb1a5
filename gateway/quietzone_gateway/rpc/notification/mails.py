"""Mails of the house, and the word of people who want none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import mail_pb2, mail_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import SCOPE_OPERATOR, Caller

PLATFORM = Caller("", frozenset({SCOPE_OPERATOR}))
"""Us, for nobody: mails of the house are no account's, and a mail's token alone says whose word it is."""


class MailKind(StrEnum):
    """Of a mail that nobody can do without."""

    SECURITY = "security"
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail of the house; those of a kind with the same `key` are one. `data` fills the template, and holds links: nobody prints it."""

    to: str
    kind: MailKind
    template: str
    data: Mapping[str, object] = field(repr=False)
    key: str


@dataclass(frozen=True, slots=True)
class Left:
    """What somebody gets no more: mails of this kind, `from_name` as mails say whom they are from (may be empty)."""

    kind: str
    from_name: str


class Mails:
    """A client of the service's mails; what each call raises stands in `mail.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "mail_pb2_grpc.MailServiceAsyncStub":
        return mail_pb2_grpc.MailServiceStub(self._service.channel)

    async def send(self, new: NewMail) -> str:
        """Have a mail sent; its delivery's id."""
        request = mail_pb2.SendMailRequest(
            to=new.to, kind=new.kind.value, template=new.template, data=json.dumps(new.data), idempotency_key=new.key
        )
        return (await self._service.peer.call(self._stub.SendMail, request, caller=PLATFORM, idempotent=True)).delivery_id

    async def leave(self, token: str, *, all_kinds: bool) -> Left:
        """Take the word of whoever holds a mail's token; again changes nothing."""
        request = mail_pb2.MailServiceUnsubscribeRequest(token=token, all_kinds=all_kinds)
        response = await self._service.peer.call(self._stub.Unsubscribe, request, caller=PLATFORM, idempotent=True)
        return Left(response.kind, response.from_name)
