"""Orders of prints, as messages bring them."""

from collections.abc import Mapping

from quietzone.storage.v1 import storage_service_pb2
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_storage.prints.domain import Form, Label, Layout, Paper
from quietzone_storage.prints.use_cases import NewPrint

_FORMS: Mapping[int, Form] = {
    storage_service_pb2.PRINT_FORM_UNSPECIFIED: Form.SHEETS,
    storage_service_pb2.PRINT_FORM_SHEETS: Form.SHEETS,
    storage_service_pb2.PRINT_FORM_ARCHIVE: Form.ARCHIVE,
}
_PAPERS: Mapping[int, Paper] = {
    storage_service_pb2.PAPER_UNSPECIFIED: Paper.A4,
    storage_service_pb2.PAPER_A4: Paper.A4,
    storage_service_pb2.PAPER_LETTER: Paper.LETTER,
}


def new_print(request: storage_service_pb2.CreatePrintRequest) -> NewPrint:
    """What is asked for; raises InvalidInput."""
    wrong = [
        FieldViolation(field, "no such one")
        for field, number, known in (("form", request.form, _FORMS), ("paper", request.paper, _PAPERS))
        if number not in known
    ]
    if wrong:
        raise InvalidInput(*wrong)
    layout = Layout(_PAPERS[request.paper], request.columns or Layout().columns, request.rows or Layout().rows, request.cut_marks)
    labels = tuple(Label(label.code_id, label.caption, label.name) for label in request.labels)
    return NewPrint(request.title, _FORMS[request.form], labels, layout)
