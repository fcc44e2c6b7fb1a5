import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.client.addressed import Addressed, addressed
from contract.gateway.background import answer_tasks
from contract.gateway.files import GET_PATH, PICTURE, PUT_PATH, answer_files
from contract.gateway.notified import DEVICE, LISTED, RULE, TOPIC, answer_notification
from contract.gateway.served import CODE_ID, IDENTITY, MENU, NOON_MS, Api, running

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.notification.v1 import delivery_pb2, push_pb2, rule_service_pb2, topic_pb2
from quietzone.qr.v1 import code_pb2, code_service_pb2, health_pb2

DATA = b"code_id,start\r\n" * 10_000
EXPORT_ID = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3e"
DAY_MS = 86_400_000


def export(state: exports_pb2.ExportState) -> exports_pb2.Export:
    question = exports_pb2.ExportQuestion(
        from_ms=NOON_MS - DAY_MS, to_ms=NOON_MS, interval=analytics_pb2.INTERVAL_DAY, format=exports_pb2.EXPORT_FORMAT_CSV
    )
    shown = exports_pb2.Export(export_id=EXPORT_ID, question=question, created_at_ms=NOON_MS, state=state)
    if state == exports_pb2.EXPORT_STATE_DONE:
        shown.size, shown.sha256, shown.rows = len(DATA), hashlib.sha256(DATA).hexdigest(), 10_000
    return shown


def _outcomes(count: int) -> list[code_service_pb2.CodeOutcome]:
    return [code_service_pb2.CodeOutcome(code=MENU)] * count


@pytest.fixture
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """The API over services that answer every question; a test may set some of identity's settings."""
    done = export(exports_pb2.EXPORT_STATE_DONE)
    async with running(tmp_path, identity_settings=IDENTITY.model_copy(update=getattr(request, "param", {}))) as api:
        health = health_pb2.DestinationHealth(code_id=CODE_ID, destination=MENU.destination, state=health_pb2.DESTINATION_STATE_ALIVE)
        for method, answer in {
            "GetCode": code_service_pb2.GetCodeResponse(code=MENU),
            "CreateCode": code_service_pb2.CreateCodeResponse(code=MENU),
            "UpdateCode": code_service_pb2.UpdateCodeResponse(code=MENU),
            "DeleteCode": code_service_pb2.DeleteCodeResponse(),
            "ListCodes": code_service_pb2.ListCodesResponse(codes=[MENU], total=1),
            "RenderCode": code_service_pb2.RenderCodeResponse(image=b"\x89PNG", media_type="image/png", etag="abc"),
            "GetFacets": code_service_pb2.GetFacetsResponse(
                total=3,
                states=[code_service_pb2.StateCount(state=code_pb2.CODE_STATE_ACTIVE, codes=2)],
                tags=[code_service_pb2.Facet(value="menu", codes=2)],
                complete=True,
            ),
            "BlockCode": code_service_pb2.BlockCodeResponse(code=MENU),
            "UnblockCode": code_service_pb2.UnblockCodeResponse(code=MENU),
            "GetDestinationHealth": health_pb2.GetDestinationHealthResponse(health=health),
            "GetCodeAnalytics": analytics_pb2.GetCodeAnalyticsResponse(total_scans=7),
            "GetAccountUsage": analytics_pb2.GetAccountUsageResponse(),
            "Reconcile": analytics_pb2.ReconcileResponse(accepted=3, forwarded=3, applied=3, stored=3),
            "CreateExport": exports_pb2.CreateExportResponse(export=export(exports_pb2.EXPORT_STATE_WAITING)),
            "GetExport": exports_pb2.GetExportResponse(export=done),
            "ListExports": exports_pb2.ListExportsResponse(exports=[done]),
            "CancelExport": exports_pb2.CancelExportResponse(),
        }.items():
            api.services.answer(method, answer)
        answer_notification(api)
        answer_tasks(api)
        for method, answer in {  # lists that end: the others go on for ever
            "ListRules": rule_service_pb2.ListRulesResponse(rules=[RULE]),
            "ListTopics": topic_pb2.ListTopicsResponse(topics=[TOPIC]),
            "ListDeliveries": delivery_pb2.ListDeliveriesResponse(deliveries=[LISTED]),
            "ListDevices": push_pb2.ListDevicesResponse(devices=[DEVICE]),
        }.items():
            api.services.answer(method, answer)
        api.services.answers |= {
            "BatchCreateCodes": lambda asked: code_service_pb2.BatchCreateCodesResponse(outcomes=_outcomes(len(asked.items))),
            "BatchUpdateCodes": lambda asked: code_service_pb2.BatchUpdateCodesResponse(outcomes=_outcomes(len(asked.items))),
            "BatchDeleteCodes": lambda asked: code_service_pb2.BatchDeleteCodesResponse(
                outcomes=[code_service_pb2.DeleteOutcome(code_id=item.code_id) for item in asked.items]
            ),
            "ReadExport": lambda asked: exports_pb2.ReadExportResponse(data=DATA[asked.offset : asked.offset + 70_000]),
        }
        async with await asyncio.start_server(_take, "127.0.0.1", 0) as files:
            answer_files(api, f"http://127.0.0.1:{files.sockets[0].getsockname()[1]}")
            yield api


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The place where bytes are sent to and come from: takes each request that is whole, with its query."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
    await reader.readexactly(length)
    if head.startswith(f"GET {GET_PATH} ".encode()):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PICTURE) + PICTURE)
    elif head.startswith(f"PUT {PUT_PATH} ".encode()):
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.fixture
async def served(api: Api) -> AsyncIterator[Addressed]:
    async with addressed(api) as served:
        yield served
