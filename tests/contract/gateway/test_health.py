from contract.gateway.served import CODE_ID, NOON_MS, Api, problem

from quietzone.qr.v1 import health_pb2
from quietzone_gateway.rest.health import HEALTH, HealthView
from quietzone_kit.errors import NotFound

PATH = f"/v1/codes/{CODE_ID}/health"


def answered(**fields: int) -> health_pb2.GetDestinationHealthResponse:
    health = health_pb2.DestinationHealth(
        code_id=CODE_ID,
        destination="https://example.com/menu",
        state=health_pb2.DESTINATION_STATE_DEAD,
        reason="answered 404",
        failures=2,
        **fields,
    )
    return health_pb2.GetDestinationHealthResponse(health=health)


async def test_health_is_shown_as_the_service_knows_it(api: Api) -> None:
    api.services.answer("GetDestinationHealth", answered(checked_at_ms=NOON_MS, next_check_at_ms=NOON_MS + 3_600_000))

    shown = await api.send("GET", PATH)

    assert shown.json() == {
        "code_id": CODE_ID,
        "destination": "https://example.com/menu",
        "state": "dead",
        "reason": "answered 404",
        "failures": 2,
        "checked_at": "2026-11-21T12:00:00.000Z",
        "next_check_at": "2026-11-21T13:00:00.000Z",
    }
    assert (api.services.asked[0].code_id, api.services.accounts) == (CODE_ID, ["first"])


async def test_what_was_not_checked_yet_has_no_times(api: Api) -> None:
    health = health_pb2.DestinationHealth(code_id=CODE_ID, state=health_pb2.DESTINATION_STATE_UNKNOWN, reason="not checked yet")
    api.services.answer("GetDestinationHealth", health_pb2.GetDestinationHealthResponse(health=health))

    shown = (await api.send("GET", PATH)).json()

    assert (shown["state"], shown["checked_at"], shown["next_check_at"]) == ("unknown", None, None)


async def test_a_code_that_the_account_has_not_is_not_found(api: Api) -> None:
    api.services.fail("GetDestinationHealth", NotFound("no code with this id"))

    assert problem(await api.send("GET", PATH))[:2] == (404, "not-found")


async def test_what_is_no_id_is_not_found_without_asking(api: Api) -> None:
    assert problem(await api.send("GET", "/v1/codes/menu/health"))[:2] == (404, "not-found")
    assert api.services.asked == []


async def test_the_description_has_an_example_that_fits(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()

    assert "/v1/codes/{code_id}/health" in described["paths"]
    assert described["components"]["schemas"]["HealthView"]["examples"] == [HEALTH]
    assert HealthView.model_validate(HEALTH).model_dump(mode="json") == HEALTH
