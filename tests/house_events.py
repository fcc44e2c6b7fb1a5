"""Rules, webhooks and events of a whole house: over gRPC, as the gateway asks for them, received in this process."""

import asyncio
import json
import queue
import secrets  # noqa: TID251 - names that no other test has
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from receiver import Got, Receiver

from house import House, until
from quietzone.notification.v1 import (
    event_service_pb2,
    event_service_pb2_grpc,
    rule_pb2,
    rule_service_pb2,
    rule_service_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)
from quietzone_client.webhooks import Webhook, verify
from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import SERVICE_SCOPES, Caller, CallerKeys, Peer
from quietzone_kit.runtime import SystemClock, SystemRandomness

CALLER = Caller(FIRST_ACCOUNT, SERVICE_SCOPES)
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()
SCANNED, PROBED = "QR Code Scanned", "Probe"
DELIVERED_WITHIN_S = 60.0
"""After a kill: Kafka waits 10 s for who was killed, and a sender's shards rest for 5 s."""

Pattern = Mapping[str, object]


@contextmanager
def receiving_here() -> Iterator[Receiver]:
    """A receiver in a thread of its own, for a test that waits without an event loop."""
    begun: queue.Queue[tuple[Receiver, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        over = asyncio.Event()
        async with Receiver.serving() as receiver:
            begun.put((receiver, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="receiver", daemon=True)
    thread.start()
    receiver, loop, over = begun.get(timeout=10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@contextmanager
def webhooks_go_to(receiver: Receiver) -> Iterator[None]:
    """Houses that are started meanwhile may send webhooks to this machine, to this receiver's port alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUIETZONE_NOTIFICATION_WEBHOOK_NETWORKS", "127.0.0.0/8")
        patch.setenv("QUIETZONE_NOTIFICATION_WEBHOOK_PORTS", str(receiver.port))
        yield


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of the first account, with a path of its own."""

    receiver: Receiver
    path: str
    endpoint_id: str
    secret: str

    def got(self, detail_type: str) -> list[Got]:
        """What of this kind has come, so far."""
        return [got for got in self.receiver.got if got.path == self.path and json.loads(got.body)["detail-type"] == detail_type]

    def first(self, detail_type: str) -> Got:
        """The first of this kind, once it is there."""
        until(lambda: bool(self.got(detail_type)), f"{detail_type} comes to {self.path}", within_s=DELIVERED_WITHIN_S)
        return self.got(detail_type)[0]

    def verified(self, got: Got) -> Webhook:
        """It, as who receives it sees it; raises InvalidSignature."""
        return verify(got.body, got.headers, self.secret, now_s=CLOCK.now_ms() / 1000)


class Events:
    """What the first account asks of a house's notification service."""

    def __init__(self, house: House) -> None:
        self.house = house

    def hook(self, receiver: Receiver, path: str) -> Hook:
        """A new endpoint. Its path is nobody else's: houses of other tests send to the same receiver."""
        path = f"{path}-{secrets.token_hex(4)}"
        request = webhook_pb2.CreateEndpointRequest(url=f"http://127.0.0.1:{receiver.port}{path}")
        made = self._ask(webhook_pb2_grpc.WebhookServiceStub, "CreateEndpoint", request)
        return Hook(receiver, path, made.endpoint.id, made.secret)

    def send(self, pattern: Pattern, hook: Hook) -> None:
        """Have events that match sent to a hook; when this returns, the rule holds."""
        target = rule_pb2.Target(id="t", kind=rule_pb2.DESTINATION_KIND_WEBHOOK, destination=hook.endpoint_id)
        either = json.dumps({"$or": [pattern, {"detail-type": [PROBED], "detail": {"path": [hook.path]}}]})
        request = rule_service_pb2.PutRuleRequest(name=f"to{hook.path.replace('/', '-')}", pattern=either, targets=[target])
        self._ask(rule_service_pb2_grpc.RuleServiceStub, "PutRule", request)
        self.probe(hook)

    def probe(self, hook: Hook) -> None:
        """Put events until one more has come to a hook: what was told and is heard of by then was matched."""
        before = len(hook.got(PROBED))
        entry = event_service_pb2.EventEntry(source="tests", detail_type=PROBED, detail=json.dumps({"path": hook.path}))
        request = event_service_pb2.PutEventsRequest(entries=[entry])

        def has_come() -> bool:
            with suppress(Unavailable):  # it is being started again
                self._ask(event_service_pb2_grpc.EventServiceStub, "PutEvents", request)
            time.sleep(0.1)
            return len(hook.got(PROBED)) > before

        until(has_come, f"a probe comes to {hook.path}", within_s=DELIVERED_WITHIN_S)

    def _ask(self, stub: Any, method: str, request: Any) -> Any:
        async def ask() -> Any:
            keys = CallerKeys([self.house.supervisor._environment["QUIETZONE_CALLER_KEY"]], CLOCK)
            address = f"unix:{self.house.place.data}/run/notification.sock"
            peer = Peer("notification", address, keys, clock=CLOCK, randomness=RANDOMNESS)
            try:
                return await peer.call(getattr(stub(peer.channel), method), request, caller=CALLER)
            finally:
                await peer.close()

        return asyncio.run(ask())


def scans_of(code: Mapping[str, Any]) -> Pattern:
    """A pattern: scans of this code."""
    return {"detail-type": [SCANNED], "detail": {"qrId": [code["id"]]}}


def known(house: House, slug: str) -> None:
    """Wait until the edge knows a code; nothing is counted."""
    until(lambda: house.scan(slug, method="HEAD").status == 302, "the redirect")
