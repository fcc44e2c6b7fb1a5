"""The scopes that the API's description names are those that its addresses need."""

import re
from typing import Any

import httpx
import pytest
from contract.gateway.files import answer_files
from contract.gateway.notified import answer_notification
from contract.gateway.served import CODE_ID, Api
from contract.gateway.test_exports import export

from quietzone.analytics.v1 import exports_pb2
from quietzone.tasks.v1 import tasks_pb2
from quietzone_gateway.identity.domain import ALL_SCOPES
from quietzone_gateway.rest.tail import TAIL


async def described(api: Api) -> dict[tuple[str, str], frozenset[str]]:
    """The scopes that the description names, by method and path; a tail doesn't come to the API (test_live_tail)."""
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    return {
        (method.upper(), path): frozenset(operation["x-scope"].split())
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "x-scope" in operation and path != TAIL
    }


async def key_with(api: Api, scopes: frozenset[str]) -> str:
    made = await api.send("POST", "/v1/keys", {"name": "some", "scopes": sorted(scopes)})
    return str(made.json()["secret"])


async def asked(api: Api, method: str, path: str, secret: str) -> httpx.Response:
    """A request that is well formed as far as scopes go."""
    sent: dict[str, Any] = {"headers": {"authorization": f"Bearer {secret}"}}
    if path == "/v1/codes/bulk":
        sent |= {"content": '{"destination": "https://example.com/"}'}
        sent["headers"] |= {"content-type": "application/x-ndjson"}
    elif method in ("POST", "PUT", "PATCH"):
        sent |= {"json": BODIES.get((method, path), {})}
    query = QUERIES.get((method, path), "")
    return await api.http.request(method, re.sub(r"\{\w+\}", CODE_ID, path) + query, **sent)


QUERIES = {("DELETE", "/v1/mail/suppressions"): "?address=bob@example.com"}


BODIES = {
    ("POST", "/v1/codes"): {"destination": "https://example.com/"},
    ("PATCH", "/v1/codes/{code_id}"): {"title": "x"},
    ("POST", "/v1/exports"): {"from": "2026-11-01"},
    ("POST", "/v1/assets/{asset_id}/tier"): {"tier": "hot"},
    ("POST", "/v1/assets/purge"): {"ids": [CODE_ID]},
    ("POST", "/v1/assets/warm-up"): {"ids": [CODE_ID]},
    ("POST", "/v1/prints"): {"tag": "menu"},
    ("POST", "/v1/assets"): {"name": "logo.png", "media_type": "image/png", "size": 1},
    ("POST", "/v1/events"): {"entries": [{"source": "shop.till", "detail_type": "Order Paid", "detail": {}}]},
    ("POST", "/v1/events/test-pattern"): {"pattern": {}, "event": {}},
    ("PUT", "/v1/event-buses/{bus}/rules/{name}"): {"pattern": {}},
    ("POST", "/v1/topics/{topic}/subscriptions"): {"kind": "webhook", "destination": CODE_ID},
    ("POST", "/v1/topics/{topic}/messages"): {"message": "paid"},
    ("PUT", "/v1/mail/templates/{name}"): {"subject": "", "text": "", "html": ""},
    ("POST", "/v1/mail/render"): {"name": "event", "data": {}},
    ("POST", "/v1/mail/suppressions"): {"address": "bob@example.com"},
    ("POST", "/v1/webhooks"): {"url": "https://example.com/hook"},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {"state": "enabled"},
    ("POST", "/v1/deliveries/redrive"): {"state": "dead"},
    ("POST", "/v1/push-devices"): {"person": "ada", "platform": "apns", "token": "c0ffee00" * 8},
}


@pytest.fixture
def answering(api: Api) -> Api:
    answer_files(api)
    task = tasks_pb2.Task(id=CODE_ID, kind="export-data", state=tasks_pb2.TASK_STATE_WAITING)
    for method, message in {
        "ListTasks": tasks_pb2.ListTasksResponse(tasks=[task]),
        "GetTask": tasks_pb2.GetTaskResponse(task=task),
        "CancelTask": tasks_pb2.CancelTaskResponse(task=task),
        "RetryTask": tasks_pb2.RetryTaskResponse(task=task),
    }.items():
        api.services.answer(method, message)
    answer_notification(api)
    api.services.answer("CreateExport", exports_pb2.CreateExportResponse(export=export()))
    api.services.answer("GetExport", exports_pb2.GetExportResponse(export=export()))
    api.services.answer("ListExports", exports_pb2.ListExportsResponse())
    api.services.answer("CancelExport", exports_pb2.CancelExportResponse())
    return api


async def test_every_address_that_asks_a_service_names_a_scope(api: Api) -> None:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    tags = {
        "codes",
        "analytics",
        "exports",
        "tasks",
        "assets",
        "keys",
        "members",
        "operation",
        "events",
        "topics",
        "webhooks",
        "deliveries",
        "push",
    }
    without = {
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "x-scope" not in operation and tags & set(operation["tags"])
    }

    assert without == {"POST /v1/invitations/accept"}


async def test_who_has_all_scopes_but_one_that_is_named_is_refused(answering: Api) -> None:
    for (method, path), scopes in (await described(answering)).items():
        for scope in scopes:
            answer = await asked(answering, method, path, await key_with(answering, ALL_SCOPES - {scope}))
            told = answer.text if path == "/v1/codes/bulk" else str(answer.status_code)
            assert "403" in told, (method, path, scope, answer.text)


async def test_who_has_the_scopes_that_are_named_is_not_refused_for_others(answering: Api) -> None:
    for (method, path), scopes in (await described(answering)).items():
        answer = await asked(answering, method, path, await key_with(answering, scopes))
        assert "this needs the scope" not in answer.text, (method, path, answer.text)
