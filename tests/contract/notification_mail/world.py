"""A sender that carries mails, a mail server on this machine, and MailService on a socket."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope
from ports import MovableClock, NoJitter

from quietzone.notification.v1 import delivery_pb2_grpc, mail_pb2_grpc
from quietzone_kit.documents import Documents
from quietzone_kit.errors import InvalidInput
from quietzone_kit.mail import open_mail
from quietzone_kit.rpc import CODES_READ, CODES_WRITE, SCOPE_OPERATOR, Caller, CallerKeys, Peer, RpcSettings, Server
from quietzone_kit.seal import Seal
from quietzone_kit.tasks import Tasks
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.domain import Delivery, NewDelivery, State
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.sender import Bounds, Sender
from quietzone_notification.mail.addresses.repository import Addresses
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.rpc import DeliveryService, MailService

ACCOUNT, OTHER = "north", "south"
ADA = "ada@example.com"
SENDER = "Quietzone <codes@example.com>"
UNSUBSCRIBE = "https://console.example/unsubscribe"
NOTICE = {
    "subject": "Choose a new password",
    "paragraphs": ["Hello Ada,", "open this <link>."],
    "link": "https://q.example/reset#token=opensesame",
}
"""What the house's template `notice` is given."""


def wrong(error: InvalidInput) -> set[str]:
    """The fields that are wrong."""
    return {each.field for each in error.violations}


def delivery(name: str, to: str = ADA, account_id: str = ACCOUNT, **more: Any) -> NewDelivery:
    """A mail of a rule, unless it says otherwise."""
    fields: dict[str, Any] = {
        "id": name,
        "account_id": account_id,
        "cause": "rule:r1:t",
        "event_id": f"event-{name}",
        "event_type": "QR Code Created",
        "kind": "mail",
        "destination": to,
        "body": b'{"detail": {"title": "<Menu>"}}',
        "content_type": "application/json",
        "headers": (),
        "max_attempts": None,
        "max_age_ms": None,
        "created_ms": 1_772_445_600_000,
    }
    return NewDelivery(**fields | more)


@dataclass
class Mailbox:
    """A mail server's view of what it takes; `answers` are what it says to a recipient and at a message's end, one a message."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    to_recipient: list[str] = field(default_factory=list)
    at_end: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        answer = self.to_recipient.pop(0) if self.to_recipient else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return self.at_end.pop(0) if self.at_end else "250 taken"

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one.content or b"", policy=email.policy.default) for one in self.taken]  # type: ignore[arg-type, misc]

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator["Mailbox"]:
        mailbox = cls()
        server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
        mailbox.port = server.sockets[0].getsockname()[1]
        try:
            yield mailbox
        finally:
            server.close()
            await server.wait_closed()


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def token_in(message: EmailMessage) -> str:
    """The token of List-Unsubscribe."""
    return parse_qs(urlsplit(str(message["List-Unsubscribe"]).strip("<>")).query)["token"][0]


class World:
    """One installation; `clock` runs, and is moved."""

    def __init__(self, documents: Documents, mailbox: Mailbox, *, keys: tuple[str, ...] = ("s" * 32,)) -> None:
        self.documents = documents
        self.mailbox = mailbox
        self.clock = MovableClock()
        self.randomness = NoJitter()
        seal = Seal(keys, self.randomness, setting="SECRET_KEY", lacks="no key")
        self.parts = MailParts(documents, seal, self.clock, unsubscribe_url=UNSUBSCRIBE)
        self.addresses = Addresses(documents)
        self.deliveries = Deliveries(documents, self.clock)
        self.desks = self.parts.desks(self.deliveries)
        tasks = Tasks(documents, self.clock, self.randomness)
        self.log = DeliveryDesk(self.deliveries, Endpoints(documents), tasks, self.clock, self.randomness)
        self.senders: list[Sender] = []
        self.mail_url = f"smtp://127.0.0.1:{mailbox.port}?tls=none"

    async def take(self, *new: NewDelivery) -> None:
        await self.deliveries.enqueue(new)
        self.stir()

    def stir(self) -> None:
        for sender in self.senders:
            sender.tell(())

    def move(self, seconds: float) -> None:
        self.clock.moved_s += seconds
        self.stir()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        mailer = open_mail(self.mail_url, sender=SENDER)
        couriers = {"mail": self.parts.courier(mailer, at_once=4)}
        sender = Sender(self.documents, couriers, clock=self.clock, randomness=self.randomness, owner="sender", bounds=Bounds())
        self.senders.append(sender)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(sender.run())
                yield
                running.cancel()
        finally:
            self.senders.remove(sender)
            await mailer.close()

    async def until(self, name: str, fits: Callable[[Delivery], bool], account_id: str = ACCOUNT) -> Delivery:
        """The delivery, once it is so."""
        async with asyncio.timeout(30):
            while not fits(found := await self.log.get(account_id, name)):
                await asyncio.sleep(0.005)
                self.stir()
        return found

    async def ended(self, name: str, account_id: str = ACCOUNT) -> Delivery:
        return await self.until(name, lambda found: found.state is not State.PENDING, account_id)

    async def sent(self, *new: NewDelivery) -> list[Delivery]:
        """Deliveries as they ended."""
        await self.take(*new)
        async with self.sending():
            return [await self.ended(each.id, each.account_id) for each in new]


@dataclass
class Service:
    """MailService and DeliveryService as others meet them."""

    peer: Peer
    mail: mail_pb2_grpc.MailServiceStub
    deliveries: delivery_pb2_grpc.DeliveryServiceStub

    async def call(self, method: Callable[..., Any], request: object, account_id: str = ACCOUNT) -> Any:
        """A call for an account."""
        return await self.peer.call(method, request, caller=Caller(account_id, frozenset({CODES_READ, CODES_WRITE})))  # type: ignore[arg-type]

    async def as_part(self, method: Callable[..., Any], request: object) -> Any:
        """A call of another part of the platform."""
        return await self.peer.call(method, request, caller=Caller("", frozenset({SCOPE_OPERATOR})))  # type: ignore[arg-type]


@asynccontextmanager
async def served(world: World, folder: Path) -> AsyncIterator[Service]:
    settings = RpcSettings(caller_key="k" * 32)
    keys = CallerKeys.of(settings, world.clock)
    server = Server(f"unix:{folder}/s", keys, settings, not_ready=list)
    server.add(mail_pb2_grpc.add_MailServiceServicer_to_server, MailService(world.desks))
    server.add(delivery_pb2_grpc.add_DeliveryServiceServicer_to_server, DeliveryService(world.log))
    await server.start()
    peer = Peer("notification", f"unix:{folder}/s", keys, clock=world.clock, randomness=world.randomness)
    try:
        yield Service(peer, mail_pb2_grpc.MailServiceStub(peer.channel), delivery_pb2_grpc.DeliveryServiceStub(peer.channel))
    finally:
        await peer.close()
        await server.stop(0)
