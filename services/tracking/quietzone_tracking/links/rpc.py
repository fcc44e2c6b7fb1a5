"""Asking the qr service for a code that neither memory nor the link store has: one that was created a moment ago."""

from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc
from quietzone_kit.errors import NotFound, Unavailable
from quietzone_kit.rpc import SCOPE_EDGE, Caller, Peer, PeerFailed
from quietzone_tracking.decide import Link
from quietzone_tracking.links.events import CorruptEvent, link_of_code

ASK_S = 1.0
"""For all attempts: whoever scans waits at most two seconds in all."""

_EDGE = Caller("", frozenset({SCOPE_EDGE}))


class QrResolver:
    """The qr service as scan edges see it."""

    def __init__(self, qr: Peer) -> None:
        self._qr = qr
        self._stub = code_service_pb2_grpc.CodeServiceStub(qr.channel)

    async def resolve(self, slug: str) -> Link | None:
        """The link of a slug, deleted ones too; None when it was never issued.

        Raises:
            Unavailable: the service can't be asked now, or its answer makes no sense.
            DeadlineExceeded: it didn't answer in time.
        """
        request = code_service_pb2.ResolveSlugRequest(slug=slug)
        try:
            response = await self._qr.call(self._stub.ResolveSlug, request, caller=_EDGE, idempotent=True, timeout_s=ASK_S)
            return link_of_code(response.code)
        except NotFound:
            return None
        except (PeerFailed, CorruptEvent) as error:
            raise Unavailable(f"qr's answer for a slug makes no sense: {error}") from error
