"""Each operation of the API by each client, as the served API takes it; and that none was forgotten."""

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.client.addressed import Addressed
from contract.client.conftest import DATA, EXPORT_ID
from contract.gateway.files import PICTURE
from contract.gateway.notified import SECRET
from contract.gateway.served import CODE_ID, KEY, Api

from quietzone_client import (
    AsyncClient,
    Attribute,
    Client,
    CodeFilter,
    CodeState,
    Create,
    Delete,
    DisabledReason,
    EndpointState,
    Entry,
    FilterScope,
    Selection,
    Sheet,
    Span,
    SubscriptionState,
    Target,
    TargetInput,
    Update,
)

ABSENT: Mapping[str, str] = {
    "/v1/auth/": "signing up, verifying, resetting, switching: what people do in a page; signing in, going on and out are there",
    "/v1/me": "a person's own name, password, second factor and sessions: for pages",
    "/v1/account": "the account's name and whose it is: for pages",
    "/v1/members": "who is in the account: for pages",
    "/v1/invitations": "an invitation is accepted in the page that its mail links to",
    "/v1/mail/": "what mails look like, and who gets none: for pages",
    "/v1/audit": "read by people who look into something: for pages",
    "/v1/operator/": "the installation's operator: for his own tools",
    "/v1/plans": "the installation's operator: for his own tools",
    "/v1/flags": "the installation's operator: for his own tools",
    "/.well-known/jwks.json": "for those who check access tokens themselves, with their JWT library",
    "/graphql": "GraphQL has clients of its own; live updates are there by `stream` and `live`",
}
"""How the addresses of operations begin that the client leaves out, each with its reason."""

OPERATIONS: Mapping[str, Callable[[Any, Path, str], Any]] = {
    "codes.create": lambda client, *_: client.codes.create(
        "https://example.com/menu", title="Menu", slug="menu", tags=["menu"], folder="tables"
    ),
    "codes.get": lambda client, *_: client.codes.get(CODE_ID),
    "codes.list": lambda client, *_: client.codes.list(
        CodeFilter(tag="menu"), sort_by="created_at", sort_order="asc", fields=["title", "tags"]
    ),
    "codes.page": lambda client, *_: client.codes.page(1, CodeFilter(slug_prefix="me"), page_size=10),
    "codes.change": lambda client, *_: client.codes.change(CODE_ID, destination="https://example.com/", state="paused", revision=3),
    "codes.delete": lambda client, *_: client.codes.delete(CODE_ID, revision=3),
    "codes.bulk": lambda client, *_: client.codes.bulk(
        [Create("https://example.com/", tags=("a",)), Update(CODE_ID, title="x", revision=3), Delete(CODE_ID)]
    ),
    "codes.image": lambda client, *_: client.codes.image(CODE_ID, "svg", size=600),
    "codes.facets": lambda client, *_: client.codes.facets(limit=10),
    "codes.health": lambda client, *_: client.codes.health(CODE_ID),
    "codes.analytics": lambda client, *_: client.codes.analytics(
        CODE_ID, start="2026-11-01", end="2026-11-20", interval="hour", zone="Europe/Berlin"
    ),
    "exports.begin": lambda client, *_: client.exports.begin(
        Span(start="2026-11-01", end="2026-11-20"), code_id=CODE_ID, file_format="csv"
    ),
    "exports.get": lambda client, *_: client.exports.get(EXPORT_ID),
    "exports.list": lambda client, *_: client.exports.list(),
    "exports.wait": lambda client, *_: client.exports.wait(EXPORT_ID),
    "exports.download": lambda client, folder, _key: client.exports.download(EXPORT_ID, folder / "scans.csv"),
    "exports.cancel": lambda client, *_: client.exports.cancel(EXPORT_ID),
    "assets.list": lambda client, *_: client.assets.list(kind="code"),
    "assets.get": lambda client, *_: client.assets.get(CODE_ID),
    "assets.url": lambda client, *_: client.assets.url(CODE_ID, "_thumb", expires_s=60),
    "assets.upload": lambda client, *_: client.assets.upload(b"\x89PNG", "logo.png", "image/png"),
    "assets.wait": lambda client, *_: client.assets.wait(CODE_ID),
    "assets.download": lambda client, folder, _key: client.assets.download(CODE_ID, folder / "thumb.jpeg", "_thumb"),
    "assets.print": lambda client, *_: client.assets.print(Selection(tag="menu"), title="Tables", sheet=Sheet(paper="letter")),
    "assets.move": lambda client, *_: client.assets.move(CODE_ID, "archive"),
    "assets.clean_up": lambda client, *_: client.assets.clean_up("uploads/", dry_run=True),
    "assets.purge": lambda client, *_: client.assets.purge([CODE_ID]),
    "assets.warm_up": lambda client, *_: client.assets.warm_up([CODE_ID]),
    "operations.list": lambda client, *_: client.operations.list(),
    "operations.get": lambda client, *_: client.operations.get(CODE_ID),
    "operations.cancel": lambda client, *_: client.operations.cancel(CODE_ID),
    "tasks.list": lambda client, *_: client.tasks.list(state="dead", type="export-data"),
    "tasks.get": lambda client, *_: client.tasks.get(CODE_ID),
    "tasks.cancel": lambda client, *_: client.tasks.cancel(CODE_ID),
    "tasks.redrive": lambda client, *_: client.tasks.redrive(CODE_ID),
    "assets.delete": lambda client, *_: client.assets.delete(CODE_ID, revision=2),
    "keys.make": lambda client, *_: client.keys.make("till", ["codes:read"], networks=["203.0.113.0/24"]),
    "keys.list": lambda client, *_: client.keys.list(),
    "keys.get": lambda client, _folder, key: client.keys.get(key),
    "keys.change": lambda client, _folder, key: client.keys.change(key, name="another"),
    "keys.rotate": lambda client, _folder, key: client.keys.rotate(key, grace_s=0),
    "keys.revoke": lambda client, _folder, key: client.keys.revoke(key),
    "events.put": lambda client, *_: client.events.put(
        [Entry("shop.till", "Order Paid", {"total": 18.5}, resources=["order:17"], bus="orders", time="2026-11-21", id="o-17")]
    ),
    "events.test_pattern": lambda client, *_: client.events.test_pattern({"source": ["shop.till"]}, '{"source": "shop.till"}'),
    "buses.list": lambda client, *_: client.buses.list(),
    "buses.put": lambda client, *_: client.buses.put("orders", description="From the till"),
    "buses.delete": lambda client, *_: client.buses.delete("orders"),
    "rules.list": lambda client, *_: client.rules.list(bus="orders"),
    "rules.get": lambda client, *_: client.rules.get("paid", bus="orders"),
    "rules.put": lambda client, *_: client.rules.put(
        "paid",
        {"source": ["shop.till"]},
        [Target("shop", "webhook", CODE_ID, TargetInput(paths={"total": "$.detail.total"}, template='"<total>"'), max_age_s=60)],
        bus="orders",
        revision=2,
    ),
    "rules.delete": lambda client, *_: client.rules.delete("paid", bus="orders", revision=3),
    "topics.list": lambda client, *_: client.topics.list(),
    "topics.put": lambda client, *_: client.topics.put("orders", display_name="Orders"),
    "topics.delete": lambda client, *_: client.topics.delete("orders"),
    "topics.subscriptions": lambda client, *_: client.topics.subscriptions("orders"),
    "topics.subscribe": lambda client, *_: client.topics.subscribe(
        "orders", "mail", "ada@example.com", filter_policy={"total": [{"numeric": [">", 10]}]}, filter_scope="message_body"
    ),
    "topics.unsubscribe": lambda client, *_: client.topics.unsubscribe(CODE_ID),
    "topics.publish": lambda client, *_: client.topics.publish(
        "orders", {"order": "o-17"}, subject="Paid", attributes={"total": Attribute("Number", "18.5")}
    ),
    "webhooks.create": lambda client, *_: client.webhooks.create("https://example.com/hook", headers={"X-Shop": "17"}),
    "webhooks.list": lambda client, *_: client.webhooks.list(),
    "webhooks.get": lambda client, *_: client.webhooks.get(CODE_ID),
    "webhooks.change": lambda client, *_: client.webhooks.change(CODE_ID, state="enabled", revision=2),
    "webhooks.delete": lambda client, *_: client.webhooks.delete(CODE_ID),
    "webhooks.rotate_secret": lambda client, *_: client.webhooks.rotate_secret(CODE_ID, overlap_s=3600),
    "webhooks.test": lambda client, *_: client.webhooks.test(CODE_ID),
    "deliveries.list": lambda client, *_: client.deliveries.list(destination=CODE_ID, state="dead", since="2026-11-20"),
    "deliveries.get": lambda client, *_: client.deliveries.get(CODE_ID),
    "deliveries.retry": lambda client, *_: client.deliveries.retry(CODE_ID),
    "deliveries.redrive": lambda client, *_: client.deliveries.redrive("dead", destination=CODE_ID),
    "devices.register": lambda client, *_: client.devices.register("ada", "apns", "c0ffee00" * 8, topics=["orders"]),
    "devices.list": lambda client, *_: client.devices.list(person="ada"),
    "devices.delete": lambda client, *_: client.devices.delete(CODE_ID),
    "usage": lambda client, *_: client.usage(),
    "reconcile": lambda client, *_: client.reconcile(),
}
"""A call of each method, by its name."""

SAY_NOTHING = {
    "codes.delete",
    "exports.cancel",
    "keys.revoke",
    "assets.delete",
    "assets.purge",
    "operations.cancel",
    "buses.delete",
    "rules.delete",
    "topics.delete",
    "topics.unsubscribe",
    "webhooks.delete",
    "devices.delete",
}

ELSEWHERE = {"close", "stream", "tail", "sign_in", "sign_out"}
"""Methods that test_live, test_tail and test_sessions call."""


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_blocking_call_is_answered(served: Addressed, tmp_path: Path, name: str) -> None:
    def use(client: Client) -> Any:
        key = client.keys.make("another", ["codes:read"]).id
        found = OPERATIONS[name](client, tmp_path, key)
        return list(found) if isinstance(found, Iterator) else found

    found = await served.blocking(use)

    assert_worked(name, found, tmp_path)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_call_on_a_loop_is_answered(served: Addressed, tmp_path: Path, name: str) -> None:
    async with served.on_loop() as client:
        key = (await client.keys.make("another", ["codes:read"])).id
        asked = OPERATIONS[name](client, tmp_path, key)
        found = [item async for item in asked] if isinstance(asked, AsyncIterator) else await asked

    assert_worked(name, found, tmp_path)


SHOWS: Mapping[str, Callable[[Any], Any]] = {
    "codes.list": lambda found: [(part.title, part.tags, part.slug) for part in found] == [("Menu", ("menu",), None)],
    "codes.page": lambda found: (found.total, found.number, len(found)) == (1, 1, 1),
    "codes.bulk": lambda found: [(result.number, result.error) for result in found] == [(1, None), (2, None), (3, None)],
    "codes.facets": lambda found: (found.total, found.states[CodeState.ACTIVE], found.tags) == (3, 2, {"menu": 2}),
    "codes.analytics": lambda found: (found.total_scans, found.zone) == (7, "Europe/Berlin"),
    "usage": lambda found: (
        (found.plan, found.stored_bytes.used, {use.unit for use in found.items})
        == ("unlimited", 9_216, {"requests", "codes", "bytes", "scans"})
    ),
    "assets.print": lambda found: (found.kind, found.state, found.name) == ("print", "pending", "Tables"),
    "assets.clean_up": lambda found: (found.state, found.report.archived, found.error) == ("done", 3, None),
    "assets.warm_up": lambda found: [warmed.failure for warmed in found] == [None, "it answered 502"],
    "operations.list": lambda found: [(each.kind, each.asset_id) for each in found] == [("clean-up", None), ("make-print", CODE_ID)],
    "tasks.list": lambda found: {(each.type, each.state, each.error) for each in found} == {("export-data", "dead", "no room")},
    "tasks.get": lambda found: (found.attempts, found.max_attempts, found.total, found.finished_at) == (3, 3, None, None),
    "events.put": lambda found: [(result.ok, result.event_id) for result in found] == [(True, CODE_ID)],
    "events.test_pattern": lambda found: (found.matches, found.alternatives[0].paths[0].found) == (True, ('"shop.till"',)),
    "buses.list": lambda found: [bus.name for bus in found] == ["default", "orders"],
    "rules.list": lambda found: [(rule.name, rule.numbers) for rule in found] == [("paid", None)],
    "rules.get": lambda found: (
        (found.numbers.matched, found.pattern, found.targets[0].destination) == (812, {"source": ["shop.till"]}, CODE_ID)
    ),
    "topics.subscribe": lambda found: (found.state, found.filter_scope) == (SubscriptionState.PENDING, FilterScope.MESSAGE_BODY),
    "topics.publish": lambda found: found == CODE_ID,
    "webhooks.create": lambda found: found.secret == SECRET,
    "webhooks.get": lambda found: (found.state, found.reason) == (EndpointState.DISABLED, DisabledReason.GONE),
    "webhooks.test": lambda found: [(attempt.status, attempt.answer) for attempt in found.attempts] == [(500, "no")],
    "deliveries.list": lambda found: [(each.state, each.error, each.attempts) for each in found] == [("pending", "answered 500", None)],
    "deliveries.get": lambda found: (found.body, found.headers) == (b'{"paid":true}', (("X-Topic", "orders"),)),
    "deliveries.redrive": lambda found: (found.state, found.begun) == ("running", 300),
    "devices.list": lambda found: [(device.platform, device.token_end) for device in found] == [("apns", "ee00")],
}
"""Whether what a method brings is what was served."""

WRITES = {"exports.download": ("scans.csv", DATA), "assets.download": ("thumb.jpeg", PICTURE)}


def assert_worked(name: str, found: Any, folder: Path) -> None:
    if name in SHOWS:
        assert SHOWS[name](found), found
    elif name in WRITES:
        file, content = WRITES[name]
        assert (found, (folder / file).read_bytes()) == (len(content), content)
    else:
        assert (found is None) == (name in SAY_NOTHING)


def test_each_method_is_called_here() -> None:
    features = ["codes", "exports", "keys", "assets", "operations", "tasks"]
    features += ["events", "buses", "rules", "topics", "webhooks", "deliveries", "devices"]
    client = Client("http://localhost:8000", KEY)
    methods = {name for name in methods_of(client) if name not in ELSEWHERE}
    for feature in features:
        methods |= {f"{feature}.{name}" for name in methods_of(getattr(client, feature))}

    assert methods == set(OPERATIONS)


def methods_of(thing: object) -> list[str]:
    return [name for name, _ in inspect.getmembers(thing, inspect.ismethod) if not name.startswith("_")]


async def test_every_operation_of_the_description_is_there_or_left_out_for_a_reason(api: Api, tmp_path: Path) -> None:
    described = (await api.http.get("/openapi.json")).json()["paths"]
    operations = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(f"{request.method} {request.url.path}")

    api.http.event_hooks["request"].append(note)
    async with AsyncClient("http://api", KEY, transport=Noting(api.http)) as client:
        key = (await client.keys.make("another", ["codes:read"])).id
        for call in OPERATIONS.values():
            found = call(client, tmp_path, key)
            _ = [item async for item in found] if isinstance(found, AsyncIterator) else await found

    asked += ["POST /v1/auth/sign-in", "POST /v1/auth/refresh", "POST /v1/auth/sign-out"]  # test_sessions
    asked.append("GET /v1/events/tail")  # test_tail
    left = {operation for operation in operations if not any(fits(operation, request, operations) for request in asked)}
    assert [operation for operation in left if not operation.partition(" ")[2].startswith(tuple(ABSENT))] == []


class Noting(httpx.AsyncBaseTransport):
    """Sends by another client."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "api":  # bytes, which go elsewhere and come from there
            return httpx.Response(200, content=PICTURE) if request.method == "GET" else httpx.Response(204)
        return await self._http.send(request, stream=True)


def fits(operation: str, request: str, operations: set[str]) -> bool:
    """Whether a request is of an operation; one whose path is written out goes before one with a parameter."""
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", operation), request) is not None and (request == operation or request not in operations)
