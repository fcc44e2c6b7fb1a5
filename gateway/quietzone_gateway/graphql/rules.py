"""Event buses, and rules that say which events go where."""

from collections.abc import Mapping
from typing import Annotated

import strawberry

from quietzone_gateway.graphql.code_changes import Expected
from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.destinations import DestinationKind
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.rest.rules import BusInput, InputShape, RuleInput, new_rule, put_new_rule
from quietzone_gateway.rpc.notification import EventBus as KnownBus
from quietzone_gateway.rpc.notification import Rule, RulePage, Target, TargetInput
from quietzone_gateway.rpc.notification import RuleNumbers as KnownNumbers
from quietzone_kit.errors import NotFound

MAX_LIMIT = 300
"""Of the service's pages."""

Bus = Annotated[str, strawberry.argument(description="The bus's name")]
ExpectedOrNone = Annotated[Count | None, strawberry.argument(description="Refuse it unless it has this revision; 0: unless there is none")]


@strawberry.type(description="Where events come to")
class EventBus:
    """A bus."""

    name: str
    description: str
    created_at: DateTime | None = strawberry.field(description="null for `default`, which is there by itself")

    @classmethod
    def of(cls, bus: KnownBus) -> "EventBus":
        """As it is shown."""
        created_at = None if bus.created_at_ms is None else DateTime(bus.created_at_ms)
        return cls(name=bus.name, description=bus.description, created_at=created_at)


@strawberry.type(description="A variable of a template, and where its value stands")
class TemplateVariable:
    """A variable."""

    name: str
    path: str


@strawberry.type(description="What is made of an event: a constant, the part at a path, or what a template makes")
class TargetTransform:
    """What a target gets."""

    constant: str | None = strawberry.field(description="JSON, whatever the event")
    path: str | None
    variables: list[TemplateVariable]
    template: str | None

    @classmethod
    def of(cls, given: TargetInput) -> "TargetTransform":
        """As it is shown."""
        shape = InputShape.of(given)
        variables = [TemplateVariable(name=name, path=path) for name, path in (shape.paths or {}).items()]
        return cls(constant=shape.constant, path=shape.path, variables=variables, template=shape.template)


@strawberry.type(description="Who gets the events of a rule")
class EventTarget:
    """A target."""

    id: str = strawberry.field(description="Its name in the rule")
    kind: DestinationKind
    destination: str
    input: TargetTransform | None = strawberry.field(description="What is made of an event; null: it is sent whole")
    max_attempts: int | None
    max_age_s: int | None
    dead_letter_topic: str | None = strawberry.field(description="A topic on Kafka, which gets a copy of what is given up or dropped")

    @classmethod
    def of(cls, target: Target) -> "EventTarget":
        """As it is shown."""
        return cls(
            id=target.id,
            kind=target.kind,
            destination=target.destination,
            input=None if target.input is None else TargetTransform.of(target.input),
            max_attempts=target.max_attempts,
            max_age_s=None if target.max_age_ms is None else target.max_age_ms // 1000,
            dead_letter_topic=target.dead_letter_topic,
        )


@strawberry.type(description="What a rule has done since it was made, counted every ten seconds")
class RuleNumbers:
    """Numbers."""

    matched: Count
    failed: Count = strawberry.field(description="What couldn't be made of an event: a template that grew too large")
    last_matched_at: DateTime | None
    delivered: Count = strawberry.field(
        description="Deliveries that their destinations have taken; of a push to many devices, each device counts"
    )
    given_up: Count = strawberry.field(
        description="Deliveries that are dead or were dropped; one that is sent again counts again when it ends"
    )

    @classmethod
    def of(cls, numbers: KnownNumbers) -> "RuleNumbers":
        """As they are shown."""
        last = None if numbers.last_matched_at_ms is None else DateTime(numbers.last_matched_at_ms)
        return cls(
            matched=Count(numbers.matched),
            failed=Count(numbers.failed),
            last_matched_at=last,
            delivered=Count(numbers.delivered),
            given_up=Count(numbers.given_up),
        )


@strawberry.type(description="Which events go where")
class EventRule:
    """A rule."""

    known: strawberry.Private[KnownNumbers | None]
    id: strawberry.ID = strawberry.field(description="A rule that is deleted and put again has another")
    bus: str
    name: str
    description: str
    enabled: bool
    pattern: str = strawberry.field(description="JSON, as it was put")
    targets: list[EventTarget]
    revision: int
    created_at: DateTime
    updated_at: DateTime

    @classmethod
    def of(cls, rule: Rule, numbers: KnownNumbers | None = None) -> "EventRule":
        """As it is shown; `numbers` None: they are asked for when they are wanted."""
        return cls(
            known=numbers,
            id=strawberry.ID(rule.id),
            bus=rule.bus,
            name=rule.name,
            description=rule.description,
            enabled=rule.enabled,
            pattern=rule.pattern,
            targets=list(map(EventTarget.of, rule.targets)),
            revision=rule.revision,
            created_at=DateTime(rule.created_at_ms),
            updated_at=DateTime(rule.updated_at_ms),
        )

    @field(description="What it has done")
    async def numbers(self, info: Info) -> RuleNumbers | None:
        """A question for each rule that doesn't come alone."""
        known = self.known
        if known is None:
            _, known = await info.context.parts.notification.rules.get(info.context.caller, self.bus, self.name)
        return RuleNumbers.of(known)


@strawberry.type(description="A rule at its place in the list")
class EventRuleEdge:
    """An edge."""

    node: EventRule
    cursor: str


@strawberry.type(description="A page of rules")
class EventRuleConnection:
    """A page."""

    edges: list[EventRuleEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: RulePage, begin: Cursor, after: str | None) -> "EventRuleConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[EventRuleEdge(node=EventRule.of(rule), cursor=str(cursor)) for rule, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.input(description="A variable of a template, and where its value stands")
class TemplateVariableInput:
    """One of `paths` of REST."""

    name: str
    path: str


@strawberry.input(description="What is made of an event: one of a constant, a path, or a template with its variables")
class TargetTransformInput:
    """As `InputShape` of REST, which checks it."""

    constant: str | None = None
    path: str | None = None
    variables: list[TemplateVariableInput] | None = None
    template: str | None = None

    def given(self) -> Mapping[str, object]:
        """As REST has it."""
        paths = None if self.variables is None else {each.name: each.path for each in self.variables}
        return {"constant": self.constant, "path": self.path, "paths": paths, "template": self.template}


@strawberry.input(description="Who gets the events of a rule")
class EventTargetInput:
    """As `TargetInputShape` of REST, which checks it."""

    id: str = strawberry.field(description="Its name in the rule")
    kind: DestinationKind
    destination: str = strawberry.field(
        description="A webhook's id; the address of a verified member; `person:<person>` or `topic:<topic>` of devices; a topic on Kafka"
    )
    input: TargetTransformInput | None = None
    max_attempts: int | None = None
    max_age_s: int | None = None
    dead_letter_topic: str | None = None

    def given(self) -> Mapping[str, object]:
        """As REST has it."""
        return {**vars(self), "input": None if self.input is None else self.input.given()}


@strawberry.input(description="What a rule is to be")
class EventRuleInput:
    """As `RuleInput` of REST, which checks it."""

    pattern: str = strawberry.field(description="A JSON object")
    targets: list[EventTargetInput] = strawberry.field(default_factory=list, description="At most five")
    description: str = ""
    enabled: bool = True


@strawberry.type
class RuleQueries:
    """Part of Query."""

    @field(description="The account's buses, `default` first. What happens to its codes comes there")
    async def event_buses(self, info: Info) -> list[EventBus] | None:
        """All of them."""
        return list(map(EventBus.of, await info.context.parts.notification.rules.buses(info.context.caller)))

    @field(description="The rules of a bus, by name")
    async def event_rules(self, info: Info, bus: Bus = "default", first: First = 20, after: After = None) -> EventRuleConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.notification.rules.page(context.caller, bus, limit=limit, cursor=begin.token or None)
        return EventRuleConnection.of(RulePage(page.items[begin.skip :], page.next_cursor), begin, after)

    @field(description="One rule; null when there is none of this name")
    async def event_rule(self, info: Info, name: str, bus: Bus = "default") -> EventRule | None:
        """With what it has done."""
        try:
            return EventRule.of(*await info.context.parts.notification.rules.get(info.context.caller, bus, name))
        except NotFound:
            return None


@strawberry.type
class RuleMutations:
    """Part of Mutation."""

    @mutation(description="Make a bus for events of your own, or describe it anew")
    async def put_event_bus(self, info: Info, name: str, description: str = "") -> EventBus | None:
        """As REST's."""
        given = checked(BusInput, {"description": description})
        with names_of_graphql():
            return EventBus.of(await info.context.parts.notification.rules.put_bus(info.context.caller, name, given.description))

    @mutation(description="Take a bus away that has no rules; answers with its name")
    async def delete_event_bus(self, info: Info, name: str) -> str | None:
        """As REST's."""
        with names_of_graphql():
            await info.context.parts.notification.rules.delete_bus(info.context.caller, name)
        return name

    @mutation(description="Make a rule, or make the one of this name what is given here. It holds within a second")
    async def put_event_rule(
        self,
        info: Info,
        name: str,
        input: EventRuleInput,  # noqa: A002 - as callers know it
        bus: Bus = "default",
        expected_revision: ExpectedOrNone = None,
    ) -> EventRule | None:
        """As REST's."""
        context = info.context
        given = checked(RuleInput, {**vars(input), "targets": [each.given() for each in input.targets]})
        with names_of_graphql():
            rule = await put_new_rule(context.parts, context.caller, new_rule(bus, name, given), expected_revision=expected_revision)
        return EventRule.of(rule)

    @mutation(description="Take a rule away; what it has decided is delivered all the same. Answers with its name")
    async def delete_event_rule(self, info: Info, name: str, bus: Bus = "default", expected_revision: Expected = None) -> str | None:
        """As REST's."""
        with names_of_graphql():
            await info.context.parts.notification.rules.delete(info.context.caller, bus, name, expected_revision=expected_revision)
        return name
