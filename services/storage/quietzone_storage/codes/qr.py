"""Asking the qr service for a code's modules, on behalf of its account."""

from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc
from quietzone_kit.rpc import CODES_READ, Caller, Peer
from quietzone_storage.assets.domain import AccountId, AssetId, Symbol

ASK_S = 10.0
"""For all attempts: reading a symbol back takes 20 ms at most, and whoever asks isn't a person."""


class QrSymbols:
    """The qr service as storage sees it."""

    def __init__(self, qr: Peer) -> None:
        self._qr = qr
        self._stub = code_service_pb2_grpc.CodeServiceStub(qr.channel)

    async def symbol(self, account_id: AccountId, code_id: AssetId) -> Symbol:
        """The modules of a code.

        Raises:
            NotFound: the account has no such code, or it was deleted.
            FailedPrecondition: a decoder couldn't read it.
            Unavailable, DeadlineExceeded: the service can't be asked now.
        """
        request = code_service_pb2.GetSymbolRequest(code_id=code_id)
        caller = Caller(account_id, frozenset({CODES_READ}))
        answer = await self._qr.call(self._stub.GetSymbol, request, caller=caller, idempotent=True, timeout_s=ASK_S)
        return Symbol(answer.side, answer.modules)
