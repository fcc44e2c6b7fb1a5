"""API keys: what is sent, and what isn't sent twice."""

from datetime import date

import httpx
import pytest
from unit.client.scripted import CODE_ID, Server, ok

from quietzone_client import NoAnswer

KEY = {
    "id": CODE_ID,
    "name": "till",
    "shown": "qz_kYp3w",
    "scopes": ["codes:read"],
    "networks": ["203.0.113.0/24"],
    "created_by": "system",
    "created_at": "2026-11-21T09:30:00.125Z",
    "expires_at": "2030-01-01T00:00:00.000Z",
    "last_used_at": None,
    "revoked_at": None,
    "old_secret_until": None,
}
SECRET = "qz_" + "x" * 43
ADDRESS = f"/v1/keys/{CODE_ID}"
CUT = httpx.ReadError("reset")


def test_a_key_is_made_and_its_secret_told_but_not_printed() -> None:
    server = Server.of(ok(KEY | {"secret": SECRET}, 201))

    made = server.client().keys.make("till", ["codes:read"], networks=["203.0.113.0/24"], expires_at=date(2030, 1, 1))

    assert server.body() == {"name": "till", "scopes": ["codes:read"], "networks": ["203.0.113.0/24"], "expires_at": "2030-01-01"}
    assert (made.secret, made.scopes) == (SECRET, {"codes:read"})
    assert SECRET not in repr(made)


def test_keys_are_listed_and_looked_at() -> None:
    server = Server.of(ok({"items": [KEY, KEY]}), ok(KEY))
    client = server.client()

    assert [key.name for key in client.keys.list()] == ["till", "till"]
    assert client.keys.get(CODE_ID).last_used_at is None
    assert server.paths == ["/v1/keys", ADDRESS]


def test_a_change_sends_what_is_given_only() -> None:
    server = Server.of(ok(KEY))

    server.client().keys.change(CODE_ID, networks=[])

    assert (server.asked[0].method, server.paths, server.body()) == ("PATCH", [ADDRESS], {"networks": []})


def test_no_change_of_keys_has_a_name_which_the_api_would_refuse() -> None:
    server = Server.of(ok(KEY | {"secret": SECRET}))
    client = server.client()

    client.keys.make("till", [])
    client.keys.change(CODE_ID, name="x")
    client.keys.rotate(CODE_ID, grace_s=0)
    client.keys.revoke(CODE_ID)

    assert server.keys == [None] * 4
    assert (server.paths[2], server.body(2), server.asked[3].method) == (f"{ADDRESS}/rotate", {"grace_s": 0}, "DELETE")


def test_a_secret_whose_answer_was_lost_is_not_made_twice() -> None:
    server = Server.of(CUT)
    client = server.client()

    with pytest.raises(NoAnswer):
        client.keys.make("till", [])
    with pytest.raises(NoAnswer):
        client.keys.rotate(CODE_ID)
    assert len(server.asked) == 2


def test_a_secret_that_was_certainly_not_made_is_asked_for_again() -> None:
    server = Server.of(httpx.ConnectError(""), ok(KEY | {"secret": SECRET}))

    assert server.client().keys.make("till", []).secret == SECRET


def test_revoking_twice_is_revoking_once() -> None:
    server = Server.of(CUT, httpx.Response(204))

    server.client().keys.revoke(CODE_ID)

    assert len(server.asked) == 2
