"""Asking analytics and qr, for an account."""

from collections.abc import AsyncIterator, Collection, Mapping

from quietzone.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc
from quietzone_kit.errors import DeadlineExceeded, Unavailable
from quietzone_kit.rpc import ANALYTICS_READ, CODES_READ, Caller, Peer
from quietzone_notification.reports.domain import CodeScans, Week, day_numbers

ASK_S = 10.0
"""For all attempts of a call: whoever asks isn't a person."""

PAGE = 100


class CountedScans:
    """The analytics service as reports see it."""

    def __init__(self, analytics: Peer) -> None:
        self._analytics = analytics
        self._stub = analytics_pb2_grpc.AnalyticsServiceStub(analytics.channel)

    async def has_scans(self, account_id: str, week: Week) -> bool:
        """See Numbers: whether there were any in the months that hold the week."""
        request = analytics_pb2.GetAccountUsageRequest(from_ms=week.from_ms, to_ms=week.to_ms)
        try:
            answer = await self._analytics.call(
                self._stub.GetAccountUsage, request, caller=_reader(account_id), idempotent=True, timeout_s=ASK_S
            )
        except DeadlineExceeded as error:
            raise Unavailable(str(error)) from error
        return answer.scans > 0

    async def codes(self, account_id: str, week: Week) -> AsyncIterator[CodeScans]:
        """See Numbers."""
        token = ""
        while True:
            request = analytics_pb2.ListCodeScansRequest(from_ms=week.from_ms, to_ms=week.to_ms, page_size=PAGE, page_token=token)
            try:
                answer = await self._analytics.call(
                    self._stub.ListCodeScans, request, caller=_reader(account_id), idempotent=True, timeout_s=ASK_S
                )
            except DeadlineExceeded as error:
                raise Unavailable(str(error)) from error
            for code in answer.codes:
                yield CodeScans(code.code_id, day_numbers(code.scans))
            token = answer.next_page_token
            if not token:
                return


class KnownTitles:
    """The qr service as reports and reactions see it; None: there is none, and no title is known."""

    def __init__(self, qr: Peer | None) -> None:
        self._qr = qr

    async def titles(self, account_id: str, code_ids: Collection[str]) -> Mapping[str, str]:
        """See Titles."""
        if self._qr is None or not code_ids:
            return {}
        stub = code_service_pb2_grpc.CodeServiceStub(self._qr.channel)
        request = code_service_pb2.BatchGetCodesRequest(code_ids=code_ids)
        caller = Caller(account_id, frozenset({CODES_READ}))
        try:
            answer = await self._qr.call(stub.BatchGetCodes, request, caller=caller, idempotent=True, timeout_s=ASK_S)
        except DeadlineExceeded as error:
            raise Unavailable(str(error)) from error
        return {found.code_id: found.code.title for found in answer.codes if found.HasField("code")}


def _reader(account_id: str) -> Caller:
    return Caller(account_id, frozenset({ANALYTICS_READ}))
