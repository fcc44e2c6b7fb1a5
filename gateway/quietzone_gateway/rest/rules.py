"""Event buses, and rules that say which events go where."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from quietzone_gateway.identity.accounts.use_cases import verified_addresses
from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.codes import revision_of
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.etags import tag
from quietzone_gateway.rest.json_text import ObjectOrText, as_text, as_value
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Parts, Services, names_of_the_api
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339, rfc3339_or_none
from quietzone_gateway.rpc.notification import (
    Constant,
    DestinationKind,
    EventBus,
    InputPath,
    NewRule,
    Rule,
    RuleNumbers,
    RulePage,
    Target,
    TargetInput,
    Transformer,
)
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.rpc import Caller

MAX_TARGETS = 5
MAX_DESCRIPTION = 512

BUS: dict[str, JsonValue] = {"name": "orders", "description": "From the till", "created_at": "2026-11-21T09:30:00.125Z"}
TARGET: dict[str, JsonValue] = {
    "id": "shop",
    "kind": "webhook",
    "destination": CODE_ID,
    "input": {"paths": {"slug": "$.detail.slug"}, "template": '{"text": "<slug> was scanned"}'},
}
NEW_RULE: dict[str, JsonValue] = {
    "pattern": {"source": ["quietzone.tracking"], "detail": {"country": ["DE"]}},
    "targets": [TARGET],
}
RULE: dict[str, JsonValue] = {
    "id": CODE_ID,
    "bus": "default",
    "name": "scans-in-germany",
    "description": "",
    "enabled": True,
    **NEW_RULE,
    "targets": [{**TARGET, "max_attempts": None, "max_age_s": None, "dead_letter_topic": None}],
    "revision": 1,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
}
NUMBERS: dict[str, JsonValue] = {
    "matched": 812,
    "failed": 0,
    "last_matched_at": "2026-11-21T10:12:00.125Z",
    "delivered": 809,
    "given_up": 2,
}
"""Examples; tests hold them against the models."""


class BusInput(Input):
    """What a bus is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "From the till"}]})

    description: Text = Field("", description="For people", max_length=MAX_DESCRIPTION)


class BusView(BaseModel):
    """Where events come to."""

    model_config = ConfigDict(json_schema_extra={"examples": [BUS]})

    name: str
    description: str
    created_at: Time | None = Field(description="Null for `default`, which is there by itself")

    @classmethod
    def of(cls, bus: EventBus) -> Self:
        """As it is shown."""
        return cls(name=bus.name, description=bus.description, created_at=rfc3339_or_none(bus.created_at_ms))


class BusesView(BaseModel):
    """The account's buses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [BUS]}]})

    items: list[BusView] = Field(description="By name, `default` first; at most 100")


class InputShape(Input):
    """What is made of an event: one of a constant, a path, or paths and a template."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "$.detail"}]})

    constant: Text | None = Field(None, description="This JSON, whatever the event")
    path: Text | None = Field(None, description="The part of the event there, such as `$.detail`; `null` where there is none")
    paths: dict[Text, Text] | None = Field(None, description="Variables of the template: names and paths", max_length=100)
    template: Text | None = Field(None, description="JSON with variables in angle brackets, at most 8,192 characters")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.constant, self.path, self.template)) != 1:
            raise ValueError("give one of constant, path and template")
        if self.paths is not None and self.template is None:
            raise ValueError("paths are a template's: give template too")
        return self

    def asked(self) -> TargetInput:
        """As the service takes it."""
        if self.constant is not None:
            return Constant(self.constant)
        return InputPath(self.path) if self.path is not None else Transformer(self.paths or {}, self.template or "")

    @classmethod
    def of(cls, given: TargetInput) -> Self:
        """As it is shown."""
        match given:
            case Constant(json):
                return cls(constant=json, path=None, paths=None, template=None)
            case InputPath(path):
                return cls(constant=None, path=path, paths=None, template=None)
            case Transformer(paths, template):
                return cls(constant=None, path=None, paths=dict(paths), template=template)


class TargetInputShape(Input):
    """Who gets the events of a rule."""

    model_config = ConfigDict(json_schema_extra={"examples": [TARGET]})

    id: Text = Field(description="Its name in the rule, 1 to 64 characters of `[0-9A-Za-z._-]`")
    kind: DestinationKind = Field(description="`webhook`, `mail`, `push` or `kafka`")
    destination: Text = Field(
        description="A webhook's id; the address of a verified member; `person:<person>` or `topic:<topic>` of devices; a topic on Kafka"
    )
    input: InputShape | None = Field(None, description="What is made of an event; null: it is sent whole")
    max_attempts: int | None = Field(None, description="How often it is tried at most; null: 10", ge=1, le=10)
    max_age_s: int | None = Field(
        None, description="How old an event may be when it is sent, in seconds; null: as at the last attempt", ge=60, le=345_600
    )
    dead_letter_topic: Text | None = Field(None, description="A topic on Kafka, which gets a copy of what is given up or dropped")

    def asked(self) -> Target:
        """As the service takes it."""
        return Target(
            self.id,
            self.kind,
            self.destination,
            None if self.input is None else self.input.asked(),
            self.max_attempts,
            None if self.max_age_s is None else self.max_age_s * 1000,
            self.dead_letter_topic or None,
        )


class RuleInput(Input):
    """What a rule is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_RULE]})

    pattern: ObjectOrText
    targets: list[TargetInputShape] = Field([], description="Who gets the events", max_length=MAX_TARGETS)
    description: Text = Field("", description="For people", max_length=MAX_DESCRIPTION)
    enabled: bool = Field(True, description="Whether it is at work")


class TargetView(BaseModel):
    """Who gets the events of a rule."""

    id: str
    kind: DestinationKind
    destination: str
    input: InputShape | None
    max_attempts: int | None
    max_age_s: int | None
    dead_letter_topic: str | None

    @classmethod
    def of(cls, target: Target) -> Self:
        """As it is shown."""
        return cls(
            id=target.id,
            kind=target.kind,
            destination=target.destination,
            input=None if target.input is None else InputShape.of(target.input),
            max_attempts=target.max_attempts,
            max_age_s=None if target.max_age_ms is None else target.max_age_ms // 1000,
            dead_letter_topic=target.dead_letter_topic,
        )


class RuleView(BaseModel):
    """Which events go where."""

    model_config = ConfigDict(json_schema_extra={"examples": [RULE]})

    id: str = Field(description="A rule that is deleted and put again has another")
    bus: str
    name: str
    description: str
    enabled: bool
    pattern: JsonValue = Field(description="An object; or its text, where an object would lose digits or repeated keys")
    targets: list[TargetView]
    revision: int
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """As it is shown."""
        return cls(**_shown(rule))


class NumbersView(BaseModel):
    """What a rule has done since it was made, counted every ten seconds; repeated events may be in it twice."""

    matched: int
    failed: int = Field(description="What couldn't be made of an event: a template that grew too large")
    last_matched_at: Time | None
    delivered: int = Field(description="Deliveries that their destinations have taken; of a push to many devices, each device counts")
    given_up: int = Field(description="Deliveries that are dead or were dropped; one that is sent again counts again when it ends")

    @classmethod
    def of(cls, numbers: RuleNumbers) -> Self:
        """As they are shown."""
        return cls(
            matched=numbers.matched,
            failed=numbers.failed,
            last_matched_at=rfc3339_or_none(numbers.last_matched_at_ms),
            delivered=numbers.delivered,
            given_up=numbers.given_up,
        )


class RuleWithNumbersView(RuleView):
    """A rule, and what it has done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**RULE, "numbers": NUMBERS}]})

    numbers: NumbersView


class RulePageView(BaseModel):
    """One page of rules."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [RULE], "next_cursor": None}]})

    items: list[RuleView] = Field(description="By name")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: RulePage) -> Self:
        """As it is shown."""
        return cls(items=list(map(RuleView.of, page.items)), next_cursor=page.next_cursor)


class RuleListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=300)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)


router = APIRouter(prefix="/v1/event-buses", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["events"])

BusName = Annotated[str, Path(description="The bus's name: 1 to 100 characters of `[0-9A-Za-z._-]`", examples=["default"])]
RuleName = Annotated[str, Path(description="The rule's name: 1 to 64 characters of `[0-9A-Za-z._-]`", examples=["scans-in-germany"])]
IfMatch = Annotated[str | None, Header(description="Refuse the change unless this is the rule's ETag", examples=['"1"'])]
IfNoneMatch = Annotated[str | None, Header(description="`*`: refuse the change if there is such a rule", examples=["*"])]

# The service's fields by the names that callers of the API know.
_NAMES = {
    "page_size": "limit",
    "page_token": "cursor",
    "expected_revision": "If-Match",
    "max_age_ms": "max_age_s",
    "input_path": "path",
}


@router.get("", responses=problems(401, 403), openapi_extra=scoped(CODES_READ))
async def list_buses(parts: Services, caller: CallerNow) -> BusesView:
    """The account's buses. What happens to its codes comes to `default`."""
    return BusesView(items=list(map(BusView.of, await parts.notification.rules.buses(caller))))


@router.put("/{bus}", responses=problems(400, 401, 403, 413, 415, 422, 429), openapi_extra=scoped(CODES_WRITE))
async def put_bus(bus: BusName, body: BusInput, parts: Services, caller: CallerNow) -> BusView:
    """Make a bus for events of your own, or describe it anew."""
    with names_of_the_api({"name": "bus"}):
        return BusView.of(await parts.notification.rules.put_bus(caller, bus, body.description))


@router.delete("/{bus}", status_code=204, responses=problems(400, 401, 403, 404, 422), openapi_extra=scoped(CODES_WRITE))
async def delete_bus(bus: BusName, parts: Services, caller: CallerNow) -> None:
    """Take a bus away that has no rules."""
    with names_of_the_api({"name": "bus"}):
        await parts.notification.rules.delete_bus(caller, bus)


@router.get("/{bus}/rules", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_rules(bus: BusName, query: Annotated[RuleListQuery, Query()], parts: Services, caller: CallerNow) -> RulePageView:
    """The rules of a bus."""
    with names_of_the_api(_NAMES):
        return RulePageView.of(await parts.notification.rules.page(caller, bus, limit=query.limit, cursor=query.cursor))


@router.put("/{bus}/rules/{name}", responses=problems(400, 401, 403, 404, 412, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def put_rule(
    bus: BusName,
    name: RuleName,
    body: RuleInput,
    *,
    parts: Services,
    caller: CallerNow,
    response: Response,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> RuleView:
    """Make a rule, or make the one of this name what is given here; the same again changes nothing. It holds within a second."""
    wanted = expected_of(if_match, if_none_match)
    with names_of_the_api(_NAMES):
        rule = await put_new_rule(parts, caller, new_rule(bus, name, body), expected_revision=wanted)
    response.headers["ETag"] = tag(rule.revision)
    return RuleView.of(rule)


@router.get("/{bus}/rules/{name}", responses=problems(400, 401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_rule(bus: BusName, name: RuleName, parts: Services, caller: CallerNow, response: Response) -> RuleWithNumbersView:
    """A rule, and what it has done."""
    with names_of_the_api(_NAMES):
        rule, numbers = await parts.notification.rules.get(caller, bus, name)
    response.headers["ETag"] = tag(rule.revision)
    return RuleWithNumbersView(**_shown(rule), numbers=NumbersView.of(numbers))


@router.delete("/{bus}/rules/{name}", status_code=204, responses=problems(400, 401, 403, 404, 412), openapi_extra=scoped(CODES_WRITE))
async def delete_rule(bus: BusName, name: RuleName, parts: Services, caller: CallerNow, if_match: IfMatch = None) -> None:
    """Take a rule away; what it has decided is delivered all the same."""
    with names_of_the_api(_NAMES):
        await parts.notification.rules.delete(caller, bus, name, expected_revision=revision_of(if_match))


def new_rule(bus: str, name: str, body: RuleInput) -> NewRule:
    """What the service is asked for; raises InvalidInput."""
    pattern, targets = as_text(body.pattern, "pattern"), tuple(target.asked() for target in body.targets)
    return NewRule(bus, name, body.description, body.enabled, pattern, targets)


async def put_new_rule(parts: Parts, caller: Caller, new: NewRule, *, expected_revision: int | None) -> Rule:
    """Make a rule that mails to verified members of the account, and to nobody else; raises as the service."""
    mails = any(target.kind is DestinationKind.MAIL for target in new.targets)
    verified = await verified_addresses(parts.identity.people, caller.account_id) if mails else ()
    return await parts.notification.rules.put(caller, new, expected_revision=expected_revision, verified=verified)


def expected_of(if_match: str | None, if_none_match: str | None) -> int | None:
    """The revision that a PUT demands: 0 where there must be nothing yet.

    Raises:
        InvalidInput: the headers say something else, or both.
        RevisionMismatch: If-Match names what no revision has.
    """
    if if_none_match is None:
        return revision_of(if_match)
    if if_none_match.strip() != "*" or if_match is not None:
        raise InvalidInput(FieldViolation("If-None-Match", "only * can be demanded of what is put, and not together with If-Match"))
    return 0


def _shown(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "bus": rule.bus,
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.enabled,
        "pattern": as_value(rule.pattern),
        "targets": list(map(TargetView.of, rule.targets)),
        "revision": rule.revision,
        "created_at": rfc3339(rule.created_at_ms),
        "updated_at": rfc3339(rule.updated_at_ms),
    }
