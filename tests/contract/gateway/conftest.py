from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.gateway.notified import answer_notification
from contract.gateway.served import MENU, Api, running

from quietzone.analytics.v1 import analytics_pb2
from quietzone.qr.v1 import code_service_pb2
from quietzone.storage.v1 import storage_service_pb2


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path) as api:
        _answer(api)
        yield api


@pytest.fixture
def notifying(api: Api) -> Api:
    """The API, over a notification service that answers each question."""
    answer_notification(api)
    return api


@pytest.fixture
async def few_strangers(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """The API, which lets so few requests of an address without an account pass."""
    async with running(tmp_path, strangers=request.param) as api:
        _answer(api)
        yield api


def _answer(api: Api) -> None:
    api.services.answer("GetCode", code_service_pb2.GetCodeResponse(code=MENU))
    api.services.answer("CreateCode", code_service_pb2.CreateCodeResponse(code=MENU))
    api.services.answer("UpdateCode", code_service_pb2.UpdateCodeResponse(code=MENU))
    api.services.answer("DeleteCode", code_service_pb2.DeleteCodeResponse())
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse(codes=[MENU], next_page_token="next"))  # noqa: S106 - no password
    api.services.answer("RenderCode", code_service_pb2.RenderCodeResponse(image=b"\x89PNG", media_type="image/png", etag="abc"))
    api.services.answer("GetCodeAnalytics", analytics_pb2.GetCodeAnalyticsResponse())
    api.services.answer("GetAccountUsage", analytics_pb2.GetAccountUsageResponse())
    api.services.answer("GetUsage", storage_service_pb2.GetUsageResponse(bytes=9_216))
    api.services.answer("Reconcile", analytics_pb2.ReconcileResponse())
