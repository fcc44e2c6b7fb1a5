"""Whether a code's destination answers."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id
from quietzone_gateway.rest.shapes import CODE_ID, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc import DestinationHealth, DestinationState

HEALTH: dict[str, JsonValue] = {
    "code_id": CODE_ID,
    "destination": "https://example.com/menu",
    "state": "dead",
    "reason": "answered 404",
    "failures": 2,
    "checked_at": "2026-11-21T09:30:00.125Z",
    "next_check_at": "2026-11-21T10:30:00.125Z",
}
"""An example; a test holds it against the model."""


class HealthView(BaseModel):
    """The health of a code's destination. It is asked about once a day, sooner after a failure."""

    model_config = ConfigDict(json_schema_extra={"examples": [HEALTH]})

    code_id: str
    destination: str = Field(description="Where scans lead now; this is about no other address")
    state: DestinationState = Field(
        description="`dead`: it said twice that it is gone, or failed three times in a row; one answer makes it `alive` again. "
        "`unknown`: it wasn't asked yet, or isn't asked"
    )
    reason: str = Field(description="Why, in a few words for people")
    failures: int = Field(description="How often in a row it failed; one that is alive may have failed once or twice")
    checked_at: Time | None = Field(description="When it was last asked; null when it wasn't yet")
    next_check_at: Time | None = Field(description="When it will be asked again; null while the code is paused, or nobody knows yet")

    @classmethod
    def of(cls, health: DestinationHealth) -> Self:
        """The health as it is shown."""
        return cls(
            code_id=health.code_id,
            destination=health.destination,
            state=health.state,
            reason=health.reason,
            failures=health.failures,
            checked_at=None if health.checked_at_ms is None else rfc3339(health.checked_at_ms),
            next_check_at=None if health.next_check_at_ms is None else rfc3339(health.next_check_at_ms),
        )


router = APIRouter(prefix="/v1/codes", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["codes"])


@router.get("/{code_id}/health", responses=problems(400, 401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_health(
    code_id: Annotated[str, Path(description="The code's id", examples=[CODE_ID])], parts: Services, caller: CallerNow
) -> HealthView:
    """Whether the destination of a code answered when it was last asked."""
    return HealthView.of(await parts.codes.health(caller, known_id(code_id)))
