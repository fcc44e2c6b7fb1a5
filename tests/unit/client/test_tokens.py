"""A person's session: signing in, going on, signing out."""

import httpx
import pytest
from unit.client.scripted import CODE_ID, Server, ok, problem

from quietzone_client import RenewalLost, SecondFactorNeeded, Tokens, Unauthenticated, UnexpectedAnswer


def pair(number: int) -> httpx.Response:
    return ok({"user_id": "u", "access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 300})


def authorizations(server: Server) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.asked]


def test_who_signs_in_is_known_from_then_on() -> None:
    server, kept = Server.of(pair(1), ok()), []
    client = server.client(auth=Tokens(keep=kept.append))

    client.sign_in("ada@example.com", "Correct-horse-1", code="123456")
    client.codes.get(CODE_ID)

    assert server.body() == {"email": "ada@example.com", "password": "Correct-horse-1", "code": "123456"}
    assert (authorizations(server), server.keys, kept) == ([None, "Bearer access-1"], [None, None], ["refresh-1"])


def test_a_session_goes_on_with_a_refresh_token_that_was_kept() -> None:
    server, kept = Server.of(pair(2), ok()), []

    server.client(auth=Tokens("refresh-1", keep=kept.append)).codes.get(CODE_ID)

    assert (server.paths[0], server.body(), kept) == ("/v1/auth/refresh", {"refresh_token": "refresh-1"}, ["refresh-2"])


def test_a_pair_is_renewed_before_it_ends_each_time_with_the_newest() -> None:
    server = Server.of(pair(2), ok(), pair(3), ok())
    client = server.client(auth=Tokens("refresh-1"))
    client.codes.get(CODE_ID)
    server.now_s += 291

    client.codes.get(CODE_ID)

    assert server.body(2) == {"refresh_token": "refresh-2"}
    assert authorizations(server)[1::2] == ["Bearer access-2", "Bearer access-3"]


def test_a_refresh_token_whose_answer_was_lost_is_not_used_again_in_that_call() -> None:
    server = Server.of(httpx.ReadError(""))

    with pytest.raises(RenewalLost):
        server.client(auth=Tokens("refresh-1")).codes.get(CODE_ID)
    assert len(server.asked) == 1


def test_a_session_that_has_ended_is_said_so() -> None:
    server = Server.of(problem(401, "unauthenticated"))

    with pytest.raises(Unauthenticated):
        server.client(auth=Tokens("refresh-1")).codes.get(CODE_ID)
    assert server.paths == ["/v1/auth/refresh"]


def test_a_second_factor_is_asked_for() -> None:
    server = Server.of(problem(401, "second-factor-needed"))

    with pytest.raises(SecondFactorNeeded):
        server.client(auth=Tokens()).sign_in("ada@example.com", "Correct-horse-1")


def test_a_password_is_not_sent_again_when_it_may_have_arrived() -> None:
    server = Server.of(httpx.ReadError(""))

    with pytest.raises(Exception, match="doesn't answer"):
        server.client(auth=Tokens()).sign_in("ada@example.com", "Correct-horse-1")
    assert len(server.asked) == 1


def test_who_has_signed_out_has_no_session() -> None:
    server = Server.of(pair(1), httpx.Response(204), problem(401, "unauthenticated"))
    client = server.client(auth=Tokens())
    client.sign_in("ada@example.com", "Correct-horse-1")

    client.sign_out()

    with pytest.raises(Unauthenticated):
        client.codes.get(CODE_ID)
    assert server.paths[1:] == ["/v1/auth/sign-out", f"/v1/codes/{CODE_ID}"]


def test_a_key_signs_nobody_in() -> None:
    server = Server.of(pair(1))

    with pytest.raises(TypeError, match=r"made with Tokens\(\)"):
        server.client().sign_in("ada@example.com", "Correct-horse-1")
    assert server.asked == []


@pytest.mark.parametrize("said", [{}, {"access_token": "a"}, {"access_token": "a", "refresh_token": "r", "expires_in": "soon"}, []])
def test_a_session_that_is_none_is_said_so(said: object) -> None:
    tokens = Tokens("refresh-1")
    server = Server.of(ok(said))

    with pytest.raises(UnexpectedAnswer):
        server.client(auth=tokens).codes.get(CODE_ID)
    assert tokens.authorization(server.now_s) is None


def test_tokens_are_not_shown() -> None:
    assert "refresh" not in repr(Tokens("refresh-1"))
