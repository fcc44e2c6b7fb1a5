"""Requests as values, and what is read from their answers: nothing here sends anything."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from quietzone_client._errors import UnexpectedAnswer
from quietzone_client._inputs import Create, ImageFormat, Listing, Span, Update
from quietzone_client._models import (
    Analytics,
    Code,
    CodePart,
    DestinationHealth,
    Export,
    Image,
    Json,
    Page,
    Reconciliation,
    page_of,
)

T = TypeVar("T")

READ_S = 20.0
"""For the next bytes of an answer: above the 5 s that the API gives itself, with room for a machine that has just started."""

RECONCILE_S = 310.0
"""Above the 300 s that the API gives it: it reads everything."""

ROWS_S = 60.0
"""For the next result of many rows: above the 30 s that the API gives each hundred."""

KEY = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API.

    Attributes:
        method: In capitals.
        path: Percent-encoded.
        query: Each once.
        headers: Their names in lower case.
        content: The body.
        read_s: How long the next bytes of the answer may take.
        takes_name: Whether an Idempotency-Key may go with it, when it changes something.
        is_idempotent: A change that by itself does no more twice than once.
        needs_caller: Whether it says who calls.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    read_s: float = READ_S
    takes_name: bool = True
    is_idempotent: bool = False
    needs_caller: bool = True

    @property
    def can_repeat(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method in ("GET", "HEAD") or KEY in self.headers or self.is_idempotent

    def with_headers(self, **headers: str) -> "Request":
        """With these headers too."""
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})

    def named(self, draw: Callable[[], str]) -> "Request":
        """A change under a name, so that the server does it once; one that has a name keeps it."""
        return self if self.can_repeat or not self.takes_name else self.with_headers(idempotency_key=draw())


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its content; raises UnexpectedAnswer when it isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise UnexpectedAnswer(f"{self.status} with {self.headers.get('content-type', 'nothing')} where JSON was expected") from error


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and what its answer is read as.

    With `gone_is_done`, NotFound after an attempt whose answer was lost means that this attempt has done it.
    """

    request: Request
    reads: Callable[[Answer], T]
    gone_is_done: bool = field(default=False, kw_only=True)

    def read(self, answer: Answer) -> T:
        """What the answer says.

        Raises:
            UnexpectedAnswer: it isn't the API's.
        """
        try:
            return self.reads(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnexpectedAnswer(f"{self.request.method} {self.request.path}: the answer lacks what the API sends ({error!r})") from error


def create_code(new: Create, *, idempotency_key: str | None) -> Call[Code]:
    """Issue a code."""
    return Call(_post("/v1/codes", new.body(), idempotency_key), as_json(Code.of))


def get_code(code_id: str) -> Call[Code]:
    """One code."""
    return Call(Request("GET", _code_path(code_id)), as_json(Code.of))


def change_code(change: Update) -> Call[Code]:
    """Change a code."""
    request = Request("PATCH", _code_path(change.id), content=dumped(change.body()))
    return Call(if_match(request.with_headers(content_type="application/json"), change.revision), as_json(Code.of))


def delete_code(code_id: str, *, revision: int | None) -> Call[None]:
    """Delete a code."""
    return Call(if_match(Request("DELETE", _code_path(code_id)), revision), nothing, gone_is_done=True)


def page_of_codes(listing: Listing, *, limit: int, cursor: str | None = None, number: int | None = None) -> Call[Page[Code]]:
    """One page of codes with all fields, by cursor or by number."""
    return page("/v1/codes", Code.of, listing.query(), limit=limit, cursor=cursor, number=number)


def page_of_parts(listing: Listing, *, limit: int, cursor: str | None = None, number: int | None = None) -> Call[Page[CodePart]]:
    """One page of codes with some fields."""
    return page("/v1/codes", CodePart.of, listing.query(), limit=limit, cursor=cursor, number=number)


def image(code_id: str, *, image_format: ImageFormat, size: int) -> Call[Image]:
    """A code's symbol."""
    query = {"format": image_format, "size": str(size)}
    return Call(Request("GET", f"{_code_path(code_id)}/image", query), lambda answer: Image(answer.body, answer.headers["content-type"]))


def health(code_id: str) -> Call[DestinationHealth]:
    """Whether a code's destination answers."""
    return Call(Request("GET", f"{_code_path(code_id)}/health"), as_json(DestinationHealth.of))


def analytics(code_id: str, span: Span) -> Call[Analytics]:
    """A code's counts."""
    return Call(Request("GET", f"{_code_path(code_id)}/analytics", span.query()), as_json(Analytics.of))


def bulk(rows: bytes, *, idempotency_key: str) -> Request:
    """Many changes at once; the answer is read line by line."""
    headers = {"content-type": "application/x-ndjson", KEY: idempotency_key}
    return Request("POST", "/v1/codes/bulk", headers=headers, content=rows, read_s=ROWS_S)


def begin_export(span: Span, *, code_id: str | None, file_format: str, idempotency_key: str | None) -> Call[Export]:
    """Begin an export."""
    body = span.query() | {"format": file_format} | ({} if code_id is None else {"code_id": code_id})
    return Call(_post("/v1/exports", body, idempotency_key), as_json(Export.of))


def page_of_exports(*, limit: int, cursor: str | None) -> Call[Page[Export]]:
    """One page of exports."""
    return page("/v1/exports", Export.of, {}, limit=limit, cursor=cursor)


def get_export(export_id: str) -> Call[Export]:
    """One export."""
    return Call(Request("GET", f"/v1/exports/{segment(export_id)}"), as_json(Export.of))


def cancel_export(export_id: str) -> Call[None]:
    """Cancel an export."""
    return Call(Request("DELETE", f"/v1/exports/{segment(export_id)}"), nothing)


def export_file(export_id: str) -> Request:
    """An export's file, which is read in parts; as it is, since Repr-Digest is of what is sent."""
    return Request("GET", f"/v1/exports/{segment(export_id)}/file", headers={"accept-encoding": "identity"})


def reconcile() -> Call[Reconciliation]:
    """Accepted, forwarded and stored scans of all accounts."""
    return Call(Request("GET", "/v1/reconcile", read_s=RECONCILE_S), as_json(Reconciliation.of))


def page(
    path: str, reads: Callable[[Json], T], query: Mapping[str, str], *, limit: int, cursor: str | None, number: int | None = None
) -> Call[Page[T]]:
    """One page of a list, by cursor or by number."""
    place = {"cursor": cursor, "page": None if number is None else str(number)}
    asked = {"limit": str(limit), **query, **{name: value for name, value in place.items() if value is not None}}
    return Call(Request("GET", path, asked), lambda answer: page_of(reads, answer.json()))


def _post(path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Request:
    headers = {"content-type": "application/json"} | ({} if idempotency_key is None else {KEY: idempotency_key})
    return Request("POST", path, headers=headers, content=dumped(body))


def if_match(request: Request, revision: int | None) -> Request:
    """Only if what is changed has this revision."""
    return request if revision is None else request.with_headers(if_match=f'"{revision}"')


def as_json(reads: Callable[[Json], T]) -> Callable[[Answer], T]:
    """Reads an answer's JSON."""
    return lambda answer: reads(answer.json())


def nothing(_answer: Answer) -> None:
    """What is read from an answer without a body."""


def dumped(body: Mapping[str, Any]) -> bytes:
    """A body as JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _code_path(code_id: str) -> str:
    return f"/v1/codes/{segment(code_id)}"


def segment(text: str) -> str:
    """A part of a path; an id that somebody else chose must not lead to another address.

    Raises:
        ValueError: no id looks like that.
    """
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} is no id")
    return quote(text, safe="")
