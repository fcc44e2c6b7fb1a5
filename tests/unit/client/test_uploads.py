"""Uploads: begun at the API, sent elsewhere."""

import pytest
from unit.client.scripted import CODE_ID, Server, ok, problem

from quietzone_client import FailedPrecondition, Unavailable

ASSET = {
    "id": CODE_ID,
    "kind": "upload",
    "state": "pending",
    "reason": None,
    "name": "logo.png",
    "tier": "hot",
    "files": [],
    "bytes": 3,
    "revision": 1,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
    "uploaded_at": None,
}
BEGUN = ok({"asset": ASSET, "put": {"url": "https://files.test/uploads/x", "expires_at": "2026-11-21T10:30:00.125Z"}}, 201)


def asked(server: Server) -> list[str]:
    return [f"{request.method} {request.url.path}" for request in server.asked]


def test_an_upload_whose_bytes_are_refused_is_deleted() -> None:
    server = Server.of(BEGUN, problem(422, "failed-precondition"), ok({}, 204))

    with pytest.raises(FailedPrecondition):
        server.client().assets.upload(b"\x89", "logo.png", "image/png")

    assert asked(server) == ["POST /v1/assets", "PUT /uploads/x", f"DELETE /v1/assets/{CODE_ID}"]


def test_why_bytes_are_refused_is_said_also_when_the_upload_cannot_be_deleted() -> None:
    server = Server.of(BEGUN, problem(422, "failed-precondition"), problem(403, "permission-denied"))

    with pytest.raises(FailedPrecondition):
        server.client().assets.upload(b"\x89", "logo.png", "image/png")


def test_an_upload_whose_place_is_away_is_left_to_the_server() -> None:
    server = Server.of(BEGUN, problem(503, "unavailable"))

    with pytest.raises(Unavailable):
        server.client().assets.upload(b"\x89", "logo.png", "image/png")

    assert not any(each.startswith("DELETE") for each in asked(server))
