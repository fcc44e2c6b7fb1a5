"""What generated requests meet: the API over the real services, and somebody of every kind who has something of everything."""

import re
import tempfile
from collections import defaultdict, deque
from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from contract.access.services import (
    ANALYTICS_COLLECTIONS,
    CLOCK,
    NOTIFICATION_COLLECTIONS,
    QR_COLLECTIONS,
    RANDOMNESS,
    STORAGE_COLLECTIONS,
    analytics_service,
    code_service,
    keeper_of,
    serve_notification,
    storage_service,
)
from contract.gateway.served import IDENTITY, KEY, Api, Servicers, running
from ports import Hands
from unit.analytics.archive.places import MemoryBlobs
from unit.gateway.identity.desk import Outbox, do_all
from unit.tracking.links_world import bus_in_memory

from quietzone.tasks.v1.tasks_pb2_grpc import add_TaskServiceServicer_to_server
from quietzone_analytics.exports.rpc import SHOWN as SHOWN_EXPORTS
from quietzone_analytics.exports.rpc import ExportService
from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.work import Tools, build_work
from quietzone_gateway.plans.changes import FLAGS, PLANS
from quietzone_kit.bus import Bus
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import Relay
from quietzone_kit.rpc import Server
from quietzone_kit.runtime import ThreadExecutor
from quietzone_kit.tasks import Tasks
from quietzone_kit.tasks.service import Shown, TaskService
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.rpc.tasks import SHOWN as SHOWN_NOTIFICATIONS
from quietzone_notification.rules.repository import RULES
from quietzone_qr.codes.repository import CODES
from quietzone_storage.assets.repository import ASSETS
from quietzone_storage.rpc.tasks import SHOWN as SHOWN_FILES
from quietzone_topics import TOPICS

PASSWORD = "Correct-horse-1"  # noqa: S105 - the example
ADA, BOB, EVE, JO = (f"{name}@example.com" for name in ("ada", "bob", "eve", "jo"))
KEPT = 32
"""Things of a kind that generated requests name: so few that changes meet those that others have changed."""

OF_PATH = (
    (re.compile(r"/v1/codes"), "code_id"),
    (re.compile(r"/v1/exports"), "export_id"),
    (re.compile(r"/v1/keys"), "key_id"),
    (re.compile(r"/v1/tasks"), "task_id"),
    (re.compile(r"/v1/(operations|assets/clean-up|assets/[^/]+/tier)"), "operation_id"),
    (re.compile(r"/v1/assets"), "asset_id"),
    (re.compile(r"/v1/members/invitations"), "invitation_id"),
    (re.compile(r"/v1/me/sessions"), "session_id"),
    (re.compile(r"/v1/topics/[^/]+/subscriptions"), "subscription_id"),
    (re.compile(r"/v1/(deliveries|webhooks/[^/]+/test)"), "delivery_id"),
    (re.compile(r"/v1/webhooks"), "webhook_id"),
    (re.compile(r"/v1/push-devices"), "device_id"),
)
"""What the `id` in an answer of these addresses is given as."""
LISTS = {"code_id": "code_ids", "asset_id": "ids"}
"""Under which names these are given several at once."""

GIVEN: dict[str, tuple[Any, ...]] = {
    "email": (ADA, BOB, EVE, JO, "nobody@example.com"),
    "password": (PASSWORD, "Another-horse-2"),
    "current": (PASSWORD,),
    "name": ("pro", "basic", "Ada"),
    "plan": ("pro", "basic"),
    "role": ("viewer", "editor", "admin"),
    "destination": ("https://example.com/menu", "https://example.org/?q=1#here", "http://localhost/"),
    "folder": ("tables", "tables/inside", ""),
    "tags": (["menu"], ["menu", "summer"], []),
    "tag": ("menu", "summer"),
    "slug": ("menu-1", "once-more"),
    "slug_prefix": ("menu", "m"),
    "title_prefix": ("Menu", "m"),
    "scopes": (["codes:read"], ["codes:read", "codes:write"], []),
    "networks": (["10.0.0.0/8"], []),
    "expires_at": ("2027-01-01T00:00:00Z",),
    "url": ("https://authoriser.example.com/",),
    "accounts": (["first"], []),
    "media_type": ("image/png", "image/svg+xml"),
    "variant": ("", "_thumb"),
    "zone": ("Europe/Berlin", "Asia/Kathmandu"),
    "from": ("2026-11-01", "2026-11-21T00:00:00Z"),
    "to": ("2026-11-21", "2026-11-21T11:00:00Z"),
    "created_from": ("2026-01-01",),
    "updated_before": ("2027-01-01",),
    "action": ("key.created", "code.created"),
    "page": (1, 2),
    "prefix": ("codes/", "uploads/"),
    "fields": ("slug", "slug,title"),
    "if-match": ('"1"', '"2"', "*"),
    "if-none-match": ('"1"', 'W/"1"', "*"),
    "idempotency-key": ("first", "second"),
    "bus": ("default", "orders", "spare"),
    "topic": ("orders", "payments"),
    "pattern": ({"source": ["shop.till"]}, '{"detail": {"total": [{"numeric": [">", 10]}]}}'),
    "event": ({"source": "shop.till", "detail": {"total": 18.5}}, "{}"),
    "entries": ([{"source": "shop.till", "detail_type": "Order Paid", "detail": {"total": 18.5}}],),
    "targets": ([], [{"id": "lost", "kind": "kafka", "destination": "orders"}]),
    "filter_policy": ({"total": [{"numeric": [">", 10]}]}, None),
    "message": ("paid", {"order": "o-17"}),
    "subject": ("user:nobody", "Paid"),
    "attributes": ({"total": {"type": "Number", "value": "18.5"}}, {}),
    "headers": ({"X-Shop": "17"}, {}),
    "secret": (None, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    "cause": ("test", "rule"),
    "since": ("2026-11-01",),
    "until": ("2099-01-01T00:00:00Z",),
    "person": ("ada", "bob"),
    "device_token": ("c0ffee00" * 8,),
    "way": ("kafka",),
    "stream": ("orders", "payments"),
    "topics": (["orders"], []),
}
"""What is right for fields of these names, and chance alone seldom finds."""

MEANT = {
    ("/v1/push-devices", "token"): "device_token",
    ("/v1/topics/{topic}/subscriptions", "kind"): "way",
    ("/v1/topics/{topic}/subscriptions", "destination"): "stream",
}
"""Fields of an address that mean something else than those of this name elsewhere, and under which name what is right for them is known."""


class World:
    """An installation in this process. `known` are values that exist, by the names that requests give them under."""

    def __init__(self, api: Api, bus: Bus, qr: Documents, storage: Documents, notification: Documents) -> None:
        self.api = api
        clock = Hands(since_ms=api.identity.ports.now_ms())
        self._clock, self._outbox = clock, Outbox()
        self._work = build_work(Tools(api.documents, bus, Direct(self._outbox), clock, RANDOMNESS), IDENTITY)
        others = ((api.documents, PLANS), (api.documents, FLAGS), (qr, CODES), (storage, ASSETS), (notification, RULES))
        self._relays = [
            *self._work.relays.values(),
            *(Relay(documents, each, bus, clock=clock, randomness=RANDOMNESS, owner="fuzz") for documents, each in others),
        ]
        self.known: dict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.headers: dict[str, dict[str, str]] = {"key": {"authorization": f"Bearer {KEY}"}, "nobody": {}}
        """Of requests, by who sends them."""

    @property
    def is_spent(self) -> bool:
        """Whether of some kind nothing is left that a request could still remove or use up."""
        return not (self.known["code_id"] and self.known["key_id"] and self.known["token"])

    async def tell(self) -> None:
        """Publish what waits for the bus: a thing of which a hundred changes wait can't be changed."""
        for relay in self._relays:
            while await relay.publish_batch():
                pass

    async def furnish(self) -> None:
        """Have people sign up and in, be invited and let in; make codes, keys and exports, and mail what can be shown once."""
        for name, values in GIVEN.items():
            self.known[name].extend(values)
        for slug in range(8):
            await self._made("/v1/codes", destination="https://example.com/", slug=f"menu-{slug}", title=f"Menu {slug}", tags=["menu"])
        await self._made("/v1/keys", name="till", scopes=["codes:read"])
        await self._made("/v1/exports")
        await self._made("/v1/assets", name="logo.png", media_type="image/png", size=100)
        await self._made("/v1/assets/clean-up", dry_run=True)
        await self._put("/v1/event-buses/orders")
        await self._put("/v1/event-buses/orders/rules/pro", pattern={"source": ["shop.till"]})
        await self._put("/v1/topics/orders")
        await self._made("/v1/topics/orders/subscriptions", kind="kafka", destination="orders")
        await self._made("/v1/webhooks", url="https://example.com/hook")
        await self._made(f"/v1/webhooks/{self.known['webhook_id'][0]}/test")
        await self._made("/v1/push-devices", person="ada", platform="apns", token="c0ffee00" * 8)
        await self._put("/v1/plans/pro", rates=[], quotas=[], flags=[])
        await self._put("/v1/plans/basic", rates=[], quotas=[], flags=[])
        self.headers["person"] = await self._signed_in(ADA)
        bob = await self._signed_in(BOB)
        await self._made("/v1/members/invitations", email=BOB, role="editor")
        [token] = await self._mailed()
        await self.api.http.post("/v1/invitations/accept", json={"token": token}, headers=bob)
        switched = await self.api.http.post("/v1/auth/account", json={"account_id": "first"}, headers=bob)
        self.headers["guest"] = {"authorization": f"Bearer {switched.json()['access_token']}"}
        await self._made("/v1/members/invitations", email=JO, role="viewer")
        self.known["invitation"].extend(await self._mailed())
        await self._post("/v1/auth/sign-up", email=EVE, name="Eve", password=PASSWORD)
        await self._post("/v1/auth/forgot", email=ADA)
        self.known["token"].extend([token, *self.known["invitation"], *await self._mailed()])

    def used(self, named: Iterable[tuple[str, Any]]) -> None:
        """What a request has removed, or used up, isn't there for others."""
        for name, value in named:
            if value in self.known[name]:
                self.known[name].remove(value)

    def learn(self, path: str, body: object) -> None:
        """Keep the ids and cursors of an answer for requests to come."""
        kind = next((name for pattern, name in OF_PATH if pattern.match(path)), None)
        for one in (body, *(body.get("items", ()) if isinstance(body, dict) else ())):
            if not isinstance(one, dict):
                continue
            if kind is not None and isinstance(one.get("id"), str):
                self.known[kind].append(one["id"])
                if kind in LISTS:
                    self.known[LISTS[kind]].append([one["id"]])
            for name in ("user_id", "session_id", "account_id", "refresh_token", "slug", "folder"):
                if isinstance(one.get(name), str) and one[name] != "first":  # the account without which nothing would be allowed
                    self.known[name].append(one[name])
            if isinstance(one.get("next_cursor"), str):
                self.known["cursor"].append(one["next_cursor"])

    async def _made(self, path: str, **body: Any) -> None:
        answer = await self.api.send("POST", path, body)
        assert answer.status_code in (201, 202), answer.text
        self.learn(path, answer.json())

    async def _put(self, path: str, **body: Any) -> None:
        answer = await self.api.send("PUT", path, body)
        assert answer.status_code == 200, answer.text

    async def _post(self, path: str, **body: Any) -> Any:
        answer = await self.api.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def _signed_in(self, email: str) -> dict[str, str]:
        await self._post("/v1/auth/sign-up", email=email, name="Somebody", password=PASSWORD)
        await self._post("/v1/auth/verify", token=(await self._mailed())[-1])
        signed = await self._post("/v1/auth/sign-in", email=email, password=PASSWORD)
        self.learn("/v1/auth", signed)
        sent = {"authorization": f"Bearer {signed['access_token']}"}
        self.learn("/v1/auth", (await self.api.http.get("/v1/me", headers=sent)).json())
        return sent

    async def _mailed(self) -> list[str]:
        """What the links in the mails that are due hold."""
        self._outbox.mails.clear()
        await do_all(self.api.documents, self._work, self._clock)
        return [found[1] for mail in self._outbox.mails if (found := re.search(r"#token=(\S+)", mail.text))]


async def opened(stack: AsyncExitStack) -> World:
    """A world, closed with the stack."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    executor = ThreadExecutor("documents", 2)
    stack.callback(executor.close)
    qr, analytics, storage, notification = (open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS) for _ in range(4))
    for documents, collections in (
        (qr, QR_COLLECTIONS),
        (analytics, ANALYTICS_COLLECTIONS),
        (storage, STORAGE_COLLECTIONS),
        (notification, NOTIFICATION_COLLECTIONS),
    ):
        stack.push_async_callback(documents.close)
        await documents.ensure(*collections)
    api = await stack.enter_async_context(running(folder, _servicers(qr, analytics, storage, notification, executor)))
    bus, keeper = bus_in_memory()
    stack.callback(keeper.close)
    stack.push_async_callback(bus.close)
    await bus.ensure(TOPICS)
    world = World(api, bus, qr, storage, notification)
    await world.furnish()
    return world


def _servicers(qr: Documents, analytics: Documents, storage: Documents, notification: Documents, executor: ThreadExecutor) -> Servicers:
    """The services themselves, on these stores."""
    tasks = [Tasks(documents, CLOCK, RANDOMNESS) for documents in (analytics, storage, notification)]
    shown = (SHOWN_EXPORTS, dict.fromkeys(SHOWN_FILES, Shown()), SHOWN_NOTIFICATIONS)
    background = [TaskService(each, kinds, partial(deadline, 5, Unavailable, "away")) for each, kinds in zip(tasks, shown, strict=True)]

    def notifying(server: Server) -> None:
        serve_notification(server, notification, Deliveries(notification, CLOCK))
        server.add(add_TaskServiceServicer_to_server, background[2])

    return Servicers(
        qr=code_service(qr, executor),
        analytics=analytics_service(analytics),
        exports=ExportService(tasks[0], MemoryBlobs()),  # type: ignore[arg-type] # as much of one as is used
        storage=storage_service(storage, executor, *keeper_of(storage)),
        tasks=(background[0], background[1], background[2]),
        notification=notifying,
    )
