"""CodeService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.qr.v1 import code_service_pb2, code_service_pb2_grpc, health_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied
from quietzone_kit.rpc import caller
from quietzone_kit.runtime import Clock, Randomness
from quietzone_qr.codes import use_cases
from quietzone_qr.codes.domain import AccountId, ScanBase, State
from quietzone_qr.codes.events import STATES, to_message
from quietzone_qr.codes.repository import Codes
from quietzone_qr.health.events import to_message as to_health_message
from quietzone_qr.health.repository import Healths
from quietzone_qr.health.use_cases import destination_health
from quietzone_qr.rendering import ImageFormat, Renderer

_FORMATS: Mapping[int, ImageFormat] = {
    code_service_pb2.IMAGE_FORMAT_PNG: ImageFormat.PNG,
    code_service_pb2.IMAGE_FORMAT_SVG: ImageFormat.SVG,
}
_STATES: Mapping[int, State] = {number: state for state, number in STATES.items()}


class CodeService(code_service_pb2_grpc.CodeServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, codes: Codes, renderer: Renderer, clock: Clock, randomness: Randomness, scan: ScanBase, *, healths: Healths) -> None:
        self._codes = codes
        self._healths = healths
        self._renderer = renderer
        self._clock = clock
        self._randomness = randomness
        self._scan = scan

    async def CreateCode(self, request: code_service_pb2.CreateCodeRequest, context: object) -> code_service_pb2.CreateCodeResponse:
        """See the contract."""
        new = use_cases.NewCode(request.destination, request.title, request.slug if request.HasField("slug") else None)
        code = await use_cases.create_code(
            self._codes, self._renderer, self._clock, self._randomness, scan=self._scan, account_id=_account(), new=new
        )
        return code_service_pb2.CreateCodeResponse(code=to_message(code))

    async def GetCode(self, request: code_service_pb2.GetCodeRequest, context: object) -> code_service_pb2.GetCodeResponse:
        """See the contract."""
        code = await use_cases.get_code(self._codes, account_id=_account(), code_id=request.code_id)
        return code_service_pb2.GetCodeResponse(code=to_message(code))

    async def ListCodes(self, request: code_service_pb2.ListCodesRequest, context: object) -> code_service_pb2.ListCodesResponse:
        """See the contract."""
        page = await use_cases.list_codes(self._codes, account_id=_account(), page_size=request.page_size, page_token=request.page_token)
        return code_service_pb2.ListCodesResponse(codes=map(to_message, page.codes), next_page_token=page.next_token or "")

    async def UpdateCode(self, request: code_service_pb2.UpdateCodeRequest, context: object) -> code_service_pb2.UpdateCodeResponse:
        """See the contract."""
        edit = use_cases.Edit(
            destination=request.destination if request.HasField("destination") else None,
            title=request.title if request.HasField("title") else None,
            state=_state(request.state) if request.HasField("state") else None,
        )
        code = await use_cases.update_code(
            self._codes,
            self._clock,
            scan=self._scan,
            account_id=_account(),
            code_id=request.code_id,
            edit=edit,
            expected_revision=request.expected_revision if request.HasField("expected_revision") else None,
        )
        return code_service_pb2.UpdateCodeResponse(code=to_message(code))

    async def DeleteCode(self, request: code_service_pb2.DeleteCodeRequest, context: object) -> code_service_pb2.DeleteCodeResponse:
        """See the contract."""
        await use_cases.delete_code(
            self._codes,
            self._clock,
            account_id=_account(),
            code_id=request.code_id,
            expected_revision=request.expected_revision if request.HasField("expected_revision") else None,
        )
        return code_service_pb2.DeleteCodeResponse()

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


def _state(number: int) -> State:
    if number not in _STATES:
        raise InvalidInput(FieldViolation("state", "use ACTIVE or PAUSED"))
    return _STATES[number]


def _format(number: int) -> ImageFormat:
    if number not in _FORMATS:
        raise InvalidInput(FieldViolation("format", "use PNG or SVG"))
    return _FORMATS[number]
