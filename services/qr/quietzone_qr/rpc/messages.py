"""Messages of `code_service.proto` as values, and values as messages."""

from collections.abc import Mapping

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_kit.errors import QuietzoneError, Violations
from quietzone_qr.codes.batches import CodeDeletion, CodeEdit, Creation, Ended
from quietzone_qr.codes.domain import Code, State, parse_slug_prefix
from quietzone_qr.codes.events import STATES, to_message
from quietzone_qr.codes.listing import Filter, Order, Question, Shown, Sort, Span
from quietzone_qr.codes.requests import Edit, NewCode, Target
from quietzone_qr.codes.texts import MAX_TITLE, parse_folder, parse_tag, title_key
from quietzone_qr.codes.use_cases import Issued
from quietzone_qr.counters.domain import Totals

_STATES: Mapping[int, State] = {number: state for state, number in STATES.items()}
_SHOWN: Mapping[int, Shown] = {code_pb2.CodeState.Value(f"CODE_STATE_{shown.name}"): shown for shown in Shown}
_ORDERS: Mapping[int, Order] = {
    code_service_pb2.CodeOrder.Value(f"CODE_ORDER_{sort.name}_{way}ENDING"): Order(sort, way == "DESC")
    for sort in Sort
    for way in ("ASC", "DESC")
}


def new_code(request: code_service_pb2.CreateCodeRequest) -> NewCode:
    """What somebody wants a code to be."""
    return NewCode(
        request.destination,
        request.title,
        request.slug if request.HasField("slug") else None,
        tuple(request.tags),
        request.folder,
        request.request_id if request.HasField("request_id") else None,
    )


def code_edit(request: code_service_pb2.UpdateCodeRequest) -> CodeEdit:
    """What somebody wants to be different. A state that nobody can ask for becomes DELETED, which is refused."""
    edit = Edit(
        destination=request.destination if request.HasField("destination") else None,
        title=request.title if request.HasField("title") else None,
        state=_STATES.get(request.state, State.DELETED) if request.HasField("state") else None,
        tags=tuple(request.tags.tags) if request.HasField("tags") else None,
        folder=request.folder if request.HasField("folder") else None,
    )
    return CodeEdit(request.code_id, edit, request.expected_revision if request.HasField("expected_revision") else None)


def code_deletion(request: code_service_pb2.DeleteCodeRequest) -> CodeDeletion:
    """Which code somebody wants to delete."""
    return CodeDeletion(request.code_id, request.expected_revision if request.HasField("expected_revision") else None)


def target(request: code_service_pb2.BlockCodeRequest | code_service_pb2.UnblockCodeRequest) -> Target:
    """Which code the operator means."""
    return Target(request.code_id, request.slug)


def question(request: code_service_pb2.ListCodesRequest) -> Question:
    """Which page of which list is asked for; raises InvalidInput, which names each field."""
    violations = Violations()
    if request.order_by and request.order_by not in _ORDERS:
        violations.add("order_by", "no such order")
    chosen = _filter(request.filter, violations)
    violations.check()
    return Question(request.page_size, request.page_token or None, chosen, _ORDERS.get(request.order_by), request.skip)


def outcome(ended: Ended) -> code_service_pb2.CodeOutcome:
    """How an item of a batch ended."""
    if isinstance(ended, Code):
        return code_service_pb2.CodeOutcome(code=to_message(ended))
    return code_service_pb2.CodeOutcome(error=item_error(ended))


def creation(ended: Creation) -> code_service_pb2.CodeOutcome:
    """How a new code of a batch ended."""
    if isinstance(ended, Issued):
        return code_service_pb2.CodeOutcome(code=to_message(ended.code), issued_before=ended.before)
    return code_service_pb2.CodeOutcome(error=item_error(ended))


def deletion_outcome(deletion: CodeDeletion, ended: Ended) -> code_service_pb2.DeleteOutcome:
    """How the deletion of an item ended."""
    error = None if isinstance(ended, Code) else item_error(ended)
    return code_service_pb2.DeleteOutcome(code_id=deletion.code_id, error=error)


def item_error(error: QuietzoneError) -> code_service_pb2.ItemError:
    """An error of an item."""
    violations = [code_service_pb2.FieldViolation(field=one.field, reason=one.reason) for one in error.violations]
    return code_service_pb2.ItemError(code=error.code, message=str(error), violations=violations)


def facets(totals: Totals | None) -> code_service_pb2.GetFacetsResponse:
    """What codes can be filtered by; nothing where nobody knows."""
    if totals is None:
        return code_service_pb2.GetFacetsResponse()
    return code_service_pb2.GetFacetsResponse(
        total=totals.codes,
        states=[code_service_pb2.StateCount(state=_number(shown), codes=totals.states.get(shown.value, 0)) for shown in Shown],
        tags=[code_service_pb2.Facet(value=facet.value, codes=facet.codes) for facet in totals.top(totals.tags)],
        folders=[code_service_pb2.Facet(value=facet.value, codes=facet.codes) for facet in totals.top(totals.folders)],
        complete=totals.is_complete,
    )


def _filter(asked: code_service_pb2.CodeFilter, violations: Violations) -> Filter:
    state = folder = tag = slug_prefix = title_prefix = None
    if asked.state and (state := _SHOWN.get(asked.state)) is None:
        violations.add("state", "use ACTIVE, PAUSED or BLOCKED")
    with violations.field("folder"):
        folder = parse_folder(asked.folder) if asked.HasField("folder") else None
    with violations.field("tag"):
        tag = parse_tag(asked.tag) if asked.HasField("tag") else None
    with violations.field("slug_prefix"):
        slug_prefix = parse_slug_prefix(asked.slug_prefix) if asked.HasField("slug_prefix") else None
    if asked.HasField("title_prefix"):
        title_prefix = title_key(asked.title_prefix)
        if not 1 <= len(asked.title_prefix) <= MAX_TITLE:
            violations.add("title_prefix", f"use 1 to {MAX_TITLE} characters")
    return Filter(state, folder, tag, _span(asked, "created", violations), _span(asked, "updated", violations), slug_prefix, title_prefix)


def _span(asked: code_service_pb2.CodeFilter, what: str, violations: Violations) -> Span | None:
    ends = [getattr(asked, name) if asked.HasField(name) else None for name in (f"{what}_from_ms", f"{what}_before_ms")]  # type: ignore[arg-type] # both are fields
    from_ms, before_ms = ends
    if from_ms is not None and before_ms is not None and from_ms >= before_ms:
        violations.add(f"{what}_before_ms", f"it must be after {what}_from_ms")
    return None if from_ms is None and before_ms is None else Span(from_ms, before_ms)


def _number(shown: Shown) -> "code_pb2.CodeState.ValueType":
    return code_pb2.CodeState.Value(f"CODE_STATE_{shown.name}")
