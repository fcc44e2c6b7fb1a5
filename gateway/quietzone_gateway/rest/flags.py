"""Feature flags: who has what isn't for everybody yet. For operators."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.plans import Flag, FlagState, InvalidFlag
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.operating import FlagsNow, Operator
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute
from quietzone_gateway.rest.shapes import Input, Text
from quietzone_kit.errors import FieldViolation, InvalidInput

FLAG: dict[str, JsonValue] = {"state": "some", "percent": 10, "accounts": ["first"]}
"""An example; a test holds it against the model."""


class FlagShape(Input):
    """For whom a flag is on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [FLAG]})

    state: FlagState = Field(description="`off` and `on`: for nobody, for everybody; `some`: for those below, and plans that name the flag")
    percent: int = Field(0, description="Share of all accounts; raising it takes it from none that has it", ge=0, le=100)
    accounts: list[Text] = Field([], description="Those that have it whatever the share", max_length=1_000)


class FlagView(FlagShape):
    """A flag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "new-editor", **FLAG}]})

    name: str

    @classmethod
    def of(cls, flag: Flag) -> Self:
        """The flag as it is shown."""
        return cls(name=flag.name, state=flag.state, percent=flag.percent, accounts=list(flag.accounts))


class FlagsView(BaseModel):
    """All flags."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [{"name": "new-editor", **FLAG}]}]})

    items: list[FlagView] = Field(description="In the order of their names, at most 200")


router = APIRouter(prefix="/v1/flags", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

FlagName = Annotated[str, Path(description="The flag's name", examples=["new-editor"])]


@router.get("", responses=problems(401, 403))
async def list_flags(flags: FlagsNow, _operator: Operator) -> FlagsView:
    """All flags of the installation."""
    return FlagsView(items=[FlagView.of(flag) for flag in flags.all])


@router.get("/{name}", responses=problems(401, 403, 404))
async def get_flag(name: FlagName, flags: FlagsNow, _operator: Operator) -> FlagView:
    """One flag."""
    return FlagView.of(flags.get(name))


@router.put("/{name}", responses=problems(400, 401, 403, 413, 415, 422))
async def put_flag(name: FlagName, body: FlagShape, flags: FlagsNow, operator: Operator) -> FlagView:
    """Make or change a flag: it holds within a second."""
    try:
        flag = await flags.put(name, body.state, percent=body.percent, accounts=tuple(body.accounts), actor=operator.actor)
    except InvalidFlag as error:
        raise InvalidInput(FieldViolation(error.field, str(error))) from error
    return FlagView.of(flag)
