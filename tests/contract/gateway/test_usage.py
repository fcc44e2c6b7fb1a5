"""What an account has stored stands beside what it has used, by REST and GraphQL; storage may be away."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import Api, Servicers, problem, running

from quietzone.analytics.v1 import analytics_pb2
from quietzone.storage.v1 import storage_service_pb2
from quietzone_gateway.plans import Plan, Quota
from quietzone_gateway.plans.changes import SYSTEM
from quietzone_gateway.plans.domain import Period, Unit
from quietzone_gateway.rest import usage
from quietzone_kit.errors import Unavailable

QUESTION = "{ usage { plan items { unit period methodClass limit used left resetsAt } storedBytes { limit used left } } }"


@pytest.fixture(autouse=True)
def counted(api: Api) -> None:
    api.services.answer("GetAccountUsage", analytics_pb2.GetAccountUsageResponse(scans=7))
    api.services.answer("GetUsage", storage_service_pb2.GetUsageResponse(bytes=1_200_000))


async def room(api: Api, **headers: str) -> dict[str, Any]:
    answer = await api.send("GET", "/v1/usage", **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["stored_bytes"]
    return found


async def key_with(api: Api, *scopes: str) -> str:
    return str((await api.send("POST", "/v1/keys", {"name": "some", "scopes": scopes})).json()["secret"])


async def test_an_account_sees_what_it_has_stored(api: Api) -> None:
    assert await room(api) == {"limit": None, "used": 1_200_000, "left": None}


async def test_what_is_stored_is_shown_beside_what_the_plan_has_room_for(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", stored_bytes=5_000_000), SYSTEM)

    assert await room(api) == {"limit": 5_000_000, "used": 1_200_000, "left": 3_800_000}


async def test_nothing_is_left_where_a_plan_has_become_smaller(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", stored_bytes=1_000_000), SYSTEM)

    assert (await room(api))["left"] == 0


async def test_who_may_see_the_use_sees_what_is_stored_too(api: Api) -> None:
    secret = await key_with(api, "usage:read")

    assert (await room(api, authorization=f"Bearer {secret}"))["used"] == 1_200_000


async def test_use_is_shown_while_storage_is_away(api: Api) -> None:
    api.services.fail("GetUsage", Unavailable("storage is away"))

    assert await room(api) == {"limit": None, "used": None, "left": None}


class Hung:
    """A storage service that answers too late."""

    async def GetUsage(self, _request: object, _context: object) -> None:  # noqa: N802 - as gRPC calls it
        await asyncio.sleep(2)  # longer than is waited, and not so long that the server's end waits too

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)
        return self.GetUsage


async def test_use_is_shown_while_storage_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "ROOM_WITHIN_S", 0.1)
    folder = tmp_path / "hung"
    folder.mkdir()
    async with running(folder, Servicers(storage=Hung())) as api:
        api.services.answer("GetAccountUsage", analytics_pb2.GetAccountUsageResponse())
        found = await room(api)

    assert found["used"] is None


async def test_graphql_shows_the_same(api: Api) -> None:
    await api.plans.known.put(Plan("unlimited", (), (Quota(Unit.CODES, Period.MONTH, 100),), stored_bytes=5_000_000), SYSTEM)

    found = (await ask(api, QUESTION)).data["usage"]

    assert (found["plan"], found["storedBytes"]) == ("unlimited", {"limit": 5_000_000, "used": 1_200_000, "left": 3_800_000})
    scans = next(item for item in found["items"] if item["unit"] == "SCANS")
    assert (scans["period"], scans["methodClass"], scans["limit"], scans["used"], scans["left"]) == ("MONTH", None, None, 7, None)
    codes = next(item for item in found["items"] if (item["unit"], item["period"]) == ("CODES", "MONTH"))
    assert (codes["limit"], codes["left"], codes["resetsAt"]) == (100, 100, "2026-12-01T00:00:00.000Z")


async def test_graphql_shows_it_to_those_who_may_see_it(api: Api) -> None:
    secret = await key_with(api, "codes:read")

    answer = await ask(api, QUESTION, authorization=f"Bearer {secret}")

    assert (answer.data, answer.codes) == ({"usage": None}, ["PERMISSION_DENIED"])
    assert problem(await api.send("GET", "/v1/usage", authorization=f"Bearer {secret}"))[0] == 403
