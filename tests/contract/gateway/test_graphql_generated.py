"""Documents that nobody would write, generated from the schema: valid ones are answered, and never by a fault of ours."""

from typing import Any

from contract.gateway.asking import told
from contract.gateway.background import answer_tasks
from contract.gateway.files import answer_files
from contract.gateway.notified import answer_notification
from contract.gateway.served import CODE_ID, MENU, NOON_MS, Api
from contract.gateway.test_graphql_analytics import COUNTS
from contract.gateway.test_graphql_changes import EXPORT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from quietzone.analytics.v1 import analytics_pb2, exports_pb2
from quietzone.qr.v1 import code_service_pb2, health_pb2
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.graphql.settings import Limits

SCALARS = {
    "Count": st.integers(0, 2**53 - 1).map(nodes.Int),
    "DateTime": st.just(nodes.String("2026-11-21")),
    "JSON": st.sampled_from([nodes.Int(1), nodes.String("x"), nodes.Object([]), nodes.List([])]),
}
DOCUMENTS = from_schema(Schema(Limits()).as_str(), custom_scalars=SCALARS, allow_x00=True)


def answer_everything(api: Api) -> None:
    outcome = code_service_pb2.CodeOutcome(code=MENU)
    for name, message in {
        "BatchCreateCodes": code_service_pb2.BatchCreateCodesResponse(outcomes=[outcome]),
        "BlockCode": code_service_pb2.BlockCodeResponse(code=MENU),
        "UnblockCode": code_service_pb2.UnblockCodeResponse(code=MENU),
        "GetFacets": code_service_pb2.GetFacetsResponse(total=1),
        "GetDestinationHealth": health_pb2.GetDestinationHealthResponse(
            health=health_pb2.DestinationHealth(code_id=CODE_ID, state=health_pb2.DESTINATION_STATE_ALIVE, checked_at_ms=NOON_MS)
        ),
        "GetCodeAnalytics": COUNTS,
        "CreateExport": exports_pb2.CreateExportResponse(export=EXPORT),
        "GetExport": exports_pb2.GetExportResponse(export=EXPORT),
        "ListExports": exports_pb2.ListExportsResponse(exports=[EXPORT]),
        "CancelExport": exports_pb2.CancelExportResponse(),
    }.items():
        api.services.answer(name, message)
    answer_files(api)
    answer_notification(api)
    answer_tasks(api)
    api.services.answers["BatchGetCodes"] = found
    api.services.answers["BatchGetTotals"] = counted


def found(request: Any) -> code_service_pb2.BatchGetCodesResponse:
    return code_service_pb2.BatchGetCodesResponse(codes=[code_service_pb2.FoundCode(code=MENU) for _ in request.code_ids])


def counted(request: Any) -> analytics_pb2.BatchGetTotalsResponse:
    return analytics_pb2.BatchGetTotalsResponse(totals=[analytics_pb2.CodeTotal(scans=1) for _ in request.code_ids])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=DOCUMENTS)
async def test_a_valid_document_never_meets_a_fault_of_ours(api: Api, document: str) -> None:
    answer_everything(api)

    answer = told(await api.send("POST", "/graphql", {"query": document}))

    assert "INTERNAL" not in answer.codes, (document, answer.errors)
