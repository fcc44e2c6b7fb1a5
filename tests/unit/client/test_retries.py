"""What is sent again, when, and under which name."""

import httpx
import pytest
from unit.client.scripted import CODE_ID, Server, ok, problem

from quietzone_client import NEVER, NoAnswer, NotFound, Retries, RevisionMismatch, ServerError, Unavailable
from quietzone_client._errors import retry_after

NO_CONTENT = httpx.Response(204)
CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")
REFUSED = httpx.ConnectError("Connection refused")
SLOW = httpx.ReadTimeout("")


@pytest.mark.parametrize("lost", [CUT, REFUSED, SLOW, httpx.ReadError(""), httpx.WriteError("")])
def test_an_answer_that_was_lost_is_asked_for_again(lost: Exception) -> None:
    server = Server.of(lost, ok())

    assert server.client().codes.get(CODE_ID).id == CODE_ID
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        problem(503, "unavailable"),
        problem(504, "deadline-exceeded"),
        problem(429, "resource-exhausted", retry_after="1"),
        httpx.Response(429, text="slow down"),
        problem(409, "idempotency-key-under-way"),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(503, text="no backend"),
    ],
)
def test_what_another_moment_may_change_is_asked_again(answer: httpx.Response) -> None:
    server = Server.of(answer, ok())

    server.client().codes.change(CODE_ID, title="x")

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid-argument"),
        (401, "unauthenticated"),
        (403, "permission-denied"),
        (404, "not-found"),
        (409, "already-exists"),
        (412, "aborted"),
        (422, "failed-precondition"),
        (429, "resource-exhausted"),  # without a time: a room that is full, which waiting doesn't empty
        (500, "internal"),
    ],
)
def test_what_time_does_not_change_is_not_asked_again(status: int, kind: str) -> None:
    server = Server.of(problem(status, kind))

    with pytest.raises(Exception, match=str(status)):
        server.client().codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_a_change_has_one_name_for_all_its_attempts_and_another_change_another() -> None:
    server = Server.of(CUT, CUT, ok())
    client = server.client()

    client.codes.create("https://example.com")
    client.codes.create("https://example.com")

    assert server.keys == ["name-1"] * 3 + ["name-2"]


def test_what_only_reads_has_no_name() -> None:
    server = Server.of(ok())

    server.client().codes.get(CODE_ID)

    assert server.keys == [None]


def test_a_name_of_the_caller_is_kept() -> None:
    server = Server.of(ok())

    server.client().codes.create("https://example.com", idempotency_key="order-7")

    assert server.keys == ["order-7"]


def test_waits_double_up_to_the_longest() -> None:
    server = Server.of(SLOW)

    with pytest.raises(NoAnswer):
        server.client(Retries(attempts=6, within_s=99, first_wait_s=1, longest_wait_s=5)).codes.get(CODE_ID)
    assert server.slept == [1, 2, 4, 5, 5]


def test_a_wait_is_never_shorter_than_the_server_asks() -> None:
    server = Server.of(problem(503, "unavailable", retry_after="2"), ok())

    server.client(Retries(first_wait_s=0.5)).codes.get(CODE_ID)

    assert server.slept == [2.5]


def test_a_wait_that_takes_too_long_is_left_to_the_caller() -> None:
    server = Server.of(problem(429, "resource-exhausted", retry_after="3600"))

    with pytest.raises(Exception, match="429") as raised:
        server.client().codes.get(CODE_ID)
    assert (server.slept, raised.value.retry_after_s) == ([], 3600)  # type: ignore[attr-defined]


def test_patience_ends_by_time() -> None:
    server = Server.of(problem(503, "unavailable", retry_after="4"))

    with pytest.raises(Unavailable):
        server.client(Retries(attempts=99, within_s=10, first_wait_s=0)).codes.get(CODE_ID)
    assert server.slept == [4, 4]


def test_a_client_without_patience_asks_once() -> None:
    server = Server.of(CUT)

    with pytest.raises(NoAnswer):
        server.client(NEVER).codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_a_code_that_is_gone_after_a_lost_answer_was_deleted_by_us() -> None:
    server = Server.of(CUT, problem(404, "not-found"))

    server.client().codes.delete(CODE_ID)


@pytest.mark.parametrize("before", [REFUSED, problem(429, "resource-exhausted", retry_after="1")])
def test_a_code_that_is_gone_when_nothing_was_done_before_is_not_found(before: Exception | httpx.Response) -> None:
    server = Server.of(before, problem(404, "not-found"))

    with pytest.raises(NotFound):
        server.client().codes.delete(CODE_ID)


def test_a_change_of_another_revision_is_said_also_after_a_lost_answer() -> None:
    server = Server.of(CUT, problem(412, "aborted"))

    with pytest.raises(RevisionMismatch):
        server.client().codes.change(CODE_ID, title="x", revision=3)


async def test_a_loop_is_as_patient() -> None:
    server = Server.of(CUT, problem(503, "unavailable", retry_after="2"), ok())

    async with server.on_loop() as client:
        await client.codes.create("https://example.com")

    assert (server.keys, server.slept) == (["name-1"] * 3, [0.2, 2.4])


def test_a_bug_of_the_server_is_not_asked_for_twice() -> None:
    server = Server.of(problem(500, "internal"))

    with pytest.raises(ServerError):
        server.client().codes.create("https://example.com")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (503, {"retry-after": "2"}, 2),
        (503, {}, None),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (503, {"retry-after": "-1"}, None),
        (503, {"ratelimit": '"burst";r=0;t=12'}, None),
        (429, {"ratelimit": '"burst";r=0;t=12'}, 12),
        (429, {"ratelimit": '"burst";r=0;t=12, "month";r=99;t=86400'}, 12),
        (429, {"ratelimit": '"burst";r=0;t=12, "day";r=0;t=600'}, 600),
        (429, {"ratelimit": '"burst";r=0;t=12', "retry-after": "3"}, 3),
        (429, {"ratelimit": "nonsense;;=,r=;t=x"}, None),
    ],
)
def test_the_time_to_wait_is_read_from_what_the_server_says(status: int, headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(status, headers) == seconds
