"""Which error each answer is."""

import json
from collections.abc import Iterator

import httpx
import pytest
from unit.client.scripted import CODE, CODE_ID, Parts, Server, ok, problem

import quietzone_client
from quietzone_client import (
    NEVER,
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    FailedPrecondition,
    FieldError,
    InvalidInput,
    NoAnswer,
    NotFound,
    PermissionDenied,
    Problem,
    QuietzoneError,
    RateLimited,
    RequestRefused,
    RequestUnderWay,
    RevisionMismatch,
    ServerError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid-argument", InvalidInput),
        (401, "unauthenticated", Unauthenticated),
        (403, "permission-denied", PermissionDenied),
        (404, "not-found", NotFound),
        (409, "already-exists", AlreadyExists),
        (409, "idempotency-key-under-way", RequestUnderWay),
        (412, "aborted", RevisionMismatch),
        (422, "failed-precondition", FailedPrecondition),
        (422, "idempotency-key-reused", Conflict),
        (429, "resource-exhausted", RateLimited),
        (503, "unavailable", Unavailable),
        (504, "deadline-exceeded", DeadlineExceeded),
        (500, "internal", ServerError),
        (413, "body-too-large", RequestRefused),
        (402, "not-in-your-plan", RequestRefused),
        (409, "something-new", Conflict),
        (403, "something-new", PermissionDenied),
        (507, "something-new", ServerError),
    ],
)
def test_a_problem_is_known_by_its_type_and_else_by_its_status(status: int, kind: str, error: type[Problem]) -> None:
    server = Server.of(problem(status, kind))

    with pytest.raises(Problem) as raised:
        server.client(NEVER).codes.get(CODE_ID)
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.kind, raised.value.detail, raised.value.request_id) == (
        status,
        kind,
        "the detail",
        "request-1",
    )


def test_a_problem_reads_as_a_sentence() -> None:
    server = Server.of(problem(401, "unauthenticated", title="API key needed", detail="no account has this API key"))

    with pytest.raises(Unauthenticated, match=r"^401 API key needed: no account has this API key$"):
        server.client().codes.get(CODE_ID)


def test_wrong_fields_are_named() -> None:
    server = Server.of(
        problem(400, "invalid-argument", errors=[{"field": "destination", "reason": "needed"}, {"field": "slug", "reason": "x"}])
    )

    with pytest.raises(InvalidInput) as raised:
        server.client().codes.create("")
    assert raised.value.errors == (FieldError("destination", "needed"), FieldError("slug", "x"))


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"[1]", b'{"type": 3, "errors": 4}', b'{"errors": [null, {"field": 1}]}', b"[" * 100_000, b"\xff"],
)
def test_an_error_that_is_no_problem_is_still_an_error(body: bytes) -> None:
    answer = httpx.Response(404, content=body, headers={"content-type": "application/problem+json", "x-request-id": "r-1"})

    with pytest.raises(NotFound) as raised:
        Server.of(answer).client().codes.get(CODE_ID)
    assert raised.value.request_id == "r-1"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Please sign in to this network"),
        httpx.Response(200, content=b"[" * 100_000),
        ok([]),
        ok({}),
        ok({**CODE, "created_at": "yesterday"}),
        ok({**CODE, "tags": 3}),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Parts(b"not gzip")),
    ],
)
def test_an_answer_that_is_not_the_apis_is_said_so(answer: httpx.Response) -> None:
    server = Server.of(answer)

    with pytest.raises(UnexpectedAnswer):
        server.client().codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_open_redirects_are_not_followed_with_the_key() -> None:
    server = Server.of(httpx.Response(307, headers={"location": "https://elsewhere.example/"}), ok())

    with pytest.raises(UnexpectedAnswer, match="elsewhere"):
        server.client().codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_an_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_client._calls.MAX_ANSWER_BYTES", 1_000)
    server = Server.of(httpx.Response(200, stream=Parts(*[b" " * 100] * 100)))

    with pytest.raises(UnexpectedAnswer, match="more than 1,000 bytes"):
        server.client().codes.get(CODE_ID)


def test_an_answer_that_drips_is_given_up() -> None:
    server = Server.of(ok())

    class Dripping(Parts):
        def __iter__(self) -> Iterator[bytes]:
            for byte in json.dumps(CODE).encode():
                server.now_s += 1
                yield bytes([byte])

    server.answers = [httpx.Response(200, stream=Dripping())]

    with pytest.raises(NoAnswer, match="60 s to arrive"):
        server.client(NEVER).codes.get(CODE_ID)


def test_an_answer_that_breaks_off_is_lost() -> None:
    server = Server.of(httpx.Response(200, stream=Parts(b'{"id":', httpx.ReadError("reset"))))

    with pytest.raises(NoAnswer, match=r"doesn't answer \(reset\)"):
        server.client(NEVER).codes.get(CODE_ID)


@pytest.mark.parametrize(("lost", "sent"), [(httpx.ConnectError(""), False), (httpx.PoolTimeout(""), False), (httpx.ReadTimeout(""), True)])
def test_a_lost_answer_says_whether_the_request_was_sent(lost: Exception, sent: bool) -> None:
    with pytest.raises(NoAnswer) as raised:
        Server.of(lost).client(NEVER).codes.get(CODE_ID)
    assert raised.value.sent is sent


def test_every_error_is_of_the_one_tree() -> None:
    errors = [value for value in vars(quietzone_client).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert len(errors) > 15
    assert all(issubclass(error, QuietzoneError) for error in errors)


def test_a_refusal_in_plain_text_is_told_in_its_words() -> None:
    server = Server.of(httpx.Response(422, text="the file is no image\n"), httpx.Response(502, text="x" * 2_000))

    with server.client(NEVER) as client:
        with pytest.raises(FailedPrecondition, match="the file is no image"):
            client.codes.get(CODE_ID)
        with pytest.raises(ServerError, match="what stands between"):
            client.codes.get(CODE_ID)
