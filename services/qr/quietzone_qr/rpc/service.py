"""CodeService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc, health_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied
from quietzone_kit.rpc import caller
from quietzone_kit.runtime import Clock, Randomness
from quietzone_qr.codes import batches, use_cases
from quietzone_qr.codes.domain import AccountId, Act, ScanBase
from quietzone_qr.codes.events import to_message
from quietzone_qr.codes.repository import Codes
from quietzone_qr.counters.use_cases import Totalled
from quietzone_qr.health.events import to_message as to_health_message
from quietzone_qr.health.repository import Healths
from quietzone_qr.health.use_cases import destination_health
from quietzone_qr.rendering import QUIET_ZONE, ImageFormat, Renderer
from quietzone_qr.rpc import messages

_FORMATS: Mapping[int, ImageFormat] = {
    code_service_pb2.IMAGE_FORMAT_PNG: ImageFormat.PNG,
    code_service_pb2.IMAGE_FORMAT_SVG: ImageFormat.SVG,
}


class CodeService(code_service_pb2_grpc.CodeServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(
        self,
        codes: Codes,
        renderer: Renderer,
        clock: Clock,
        randomness: Randomness,
        scan: ScanBase,
        *,
        healths: Healths,
        totalled: Totalled,
    ) -> None:
        self._codes = codes
        self._healths = healths
        self._totalled = totalled
        self._renderer = renderer
        self._clock = clock
        self._randomness = randomness
        self._scan = scan

    async def CreateCode(self, request: code_service_pb2.CreateCodeRequest, context: object) -> code_service_pb2.CreateCodeResponse:
        """See the contract."""
        issued = await use_cases.create_code(
            self._codes,
            self._renderer,
            self._clock,
            self._randomness,
            scan=self._scan,
            account_id=_account(),
            new=messages.new_code(request),
            act=_act(),
        )
        return code_service_pb2.CreateCodeResponse(code=to_message(issued.code), issued_before=issued.before)

    async def GetCode(self, request: code_service_pb2.GetCodeRequest, context: object) -> code_service_pb2.GetCodeResponse:
        """See the contract."""
        code = await use_cases.get_code(self._codes, account_id=_account(), code_id=request.code_id)
        return code_service_pb2.GetCodeResponse(code=to_message(code))

    async def ListCodes(self, request: code_service_pb2.ListCodesRequest, context: object) -> code_service_pb2.ListCodesResponse:
        """See the contract."""
        question, account_id = messages.question(request), _account()
        page = await use_cases.list_codes(self._codes, account_id=account_id, question=question)
        total = await self._totalled.that_fit(account_id, question.chosen)
        return code_service_pb2.ListCodesResponse(codes=map(to_message, page.codes), next_page_token=page.next_token or "", total=total)

    async def UpdateCode(self, request: code_service_pb2.UpdateCodeRequest, context: object) -> code_service_pb2.UpdateCodeResponse:
        """See the contract."""
        edit = messages.code_edit(request)
        code = await use_cases.update_code(
            self._codes,
            self._clock,
            scan=self._scan,
            account_id=_account(),
            code_id=edit.code_id,
            edit=edit.edit,
            expected_revision=edit.expected_revision,
            act=_act(),
        )
        return code_service_pb2.UpdateCodeResponse(code=to_message(code))

    async def DeleteCode(self, request: code_service_pb2.DeleteCodeRequest, context: object) -> code_service_pb2.DeleteCodeResponse:
        """See the contract."""
        deletion = messages.code_deletion(request)
        await use_cases.delete_code(
            self._codes,
            self._clock,
            account_id=_account(),
            code_id=deletion.code_id,
            expected_revision=deletion.expected_revision,
            act=_act(),
        )
        return code_service_pb2.DeleteCodeResponse()

    async def BatchGetCodes(
        self, request: code_service_pb2.BatchGetCodesRequest, context: object
    ) -> code_service_pb2.BatchGetCodesResponse:
        """See the contract."""
        found = await batches.get_codes(self._codes, account_id=_account(), code_ids=request.code_ids)
        return code_service_pb2.BatchGetCodesResponse(
            codes=[
                code_service_pb2.FoundCode(code_id=code_id, code=None if code is None else to_message(code))
                for code_id, code in zip(request.code_ids, found, strict=True)
            ]
        )

    async def BatchCreateCodes(
        self, request: code_service_pb2.BatchCreateCodesRequest, context: object
    ) -> code_service_pb2.BatchCreateCodesResponse:
        """See the contract."""
        ended = await batches.create_codes(
            self._codes,
            self._renderer,
            self._clock,
            self._randomness,
            scan=self._scan,
            account_id=_account(),
            new=[messages.new_code(item) for item in request.items],
            act=_act(),
        )
        return code_service_pb2.BatchCreateCodesResponse(outcomes=map(messages.creation, ended))

    async def BatchUpdateCodes(
        self, request: code_service_pb2.BatchUpdateCodesRequest, context: object
    ) -> code_service_pb2.BatchUpdateCodesResponse:
        """See the contract."""
        ended = await batches.update_codes(
            self._codes,
            self._clock,
            scan=self._scan,
            account_id=_account(),
            edits=[messages.code_edit(item) for item in request.items],
            act=_act(),
        )
        return code_service_pb2.BatchUpdateCodesResponse(outcomes=map(messages.outcome, ended))

    async def BatchDeleteCodes(
        self, request: code_service_pb2.BatchDeleteCodesRequest, context: object
    ) -> code_service_pb2.BatchDeleteCodesResponse:
        """See the contract."""
        deletions = [messages.code_deletion(item) for item in request.items]
        ended = await batches.delete_codes(self._codes, self._clock, account_id=_account(), deletions=deletions, act=_act())
        return code_service_pb2.BatchDeleteCodesResponse(outcomes=map(messages.deletion_outcome, deletions, ended))

    async def GetFacets(self, request: code_service_pb2.GetFacetsRequest, context: object) -> code_service_pb2.GetFacetsResponse:
        """See the contract."""
        return messages.facets(await self._totalled.of_account(_account()))

    async def BlockCode(self, request: code_service_pb2.BlockCodeRequest, context: object) -> code_service_pb2.BlockCodeResponse:
        """See the contract."""
        act = Act(caller().subject, request.reason)
        code = await use_cases.block_code(self._codes, self._clock, target=messages.target(request), act=act)
        return code_service_pb2.BlockCodeResponse(code=to_message(code))

    async def UnblockCode(self, request: code_service_pb2.UnblockCodeRequest, context: object) -> code_service_pb2.UnblockCodeResponse:
        """See the contract."""
        act = Act(caller().subject, request.reason)
        code = await use_cases.block_code(self._codes, self._clock, target=messages.target(request), act=act, blocked=False)
        return code_service_pb2.UnblockCodeResponse(code=to_message(code))

    async def RenderCode(self, request: code_service_pb2.RenderCodeRequest, context: object) -> code_service_pb2.RenderCodeResponse:
        """See the contract."""
        image = await use_cases.render_code(
            self._codes,
            self._renderer,
            account_id=_account(),
            code_id=request.code_id,
            image_format=_format(request.format),
            size_px=request.size_px,
        )
        return code_service_pb2.RenderCodeResponse(image=image.data, media_type=image.media_type, etag=image.etag)

    async def GetSymbol(self, request: code_service_pb2.GetSymbolRequest, context: object) -> code_service_pb2.GetSymbolResponse:
        """See the contract."""
        matrix = await use_cases.get_symbol(self._codes, self._renderer, account_id=_account(), code_id=request.code_id)
        return code_service_pb2.GetSymbolResponse(side=matrix.side, modules=matrix.packed(), quiet_zone=QUIET_ZONE)

    async def GetDestinationHealth(
        self, request: health_pb2.GetDestinationHealthRequest, context: object
    ) -> health_pb2.GetDestinationHealthResponse:
        """See the contract."""
        health = await destination_health(self._codes, self._healths, account_id=_account(), code_id=request.code_id)
        return health_pb2.GetDestinationHealthResponse(health=to_health_message(health))

    async def ResolveSlug(self, request: code_service_pb2.ResolveSlugRequest, context: object) -> code_service_pb2.ResolveSlugResponse:
        """See the contract."""
        return code_service_pb2.ResolveSlugResponse(code=to_message(await use_cases.resolve_slug(self._codes, request.slug)))


def _account() -> AccountId:
    """The account that the current call is made for.

    Raises:
        Unauthenticated: nobody is known to be calling.
        PermissionDenied: a service is, for itself.
    """
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("codes belong to accounts: this call must be made for one")
    return AccountId(account_id)


def _act() -> Act:
    """Who calls."""
    return Act(caller().subject)


def _format(number: int) -> ImageFormat:
    if number not in _FORMATS:
        raise InvalidInput(FieldViolation("format", "use PNG or SVG"))
    return _FORMATS[number]
