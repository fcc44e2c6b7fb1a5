"""Event buses, and rules that say which events go where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from quietzone_client._events import JSON, JsonObject, as_taken
from quietzone_client._models import Json, OpenEnum, Page, moment, unless_absent
from quietzone_client._requests import Call, Request, as_json, dumped, if_match, nothing, page, segment

BUSES = "/v1/event-buses"


class DestinationKind(OpenEnum):
    """How something is sent: to a webhook (its id), an address, devices (`person:…` or `topic:…`), or an own topic on Kafka."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    PUSH = "push"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Bus:
    """Where events come to; `created_at` is None for `default`, which is there by itself."""

    name: str
    description: str
    created_at: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(name=item["name"], description=item["description"], created_at=unless_absent(moment, item["created_at"]))


@dataclass(frozen=True, slots=True)
class TargetInput:
    """What is made of an event: one of `constant` (JSON, whatever the event), `path` (the part there, such as `$.detail`) and `template`.

    A template is JSON with variables in angle brackets; `paths` says what they are.
    """

    constant: str | None = None
    path: str | None = None
    paths: Mapping[str, str] | None = None
    template: str | None = None

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        paths = None if self.paths is None else dict(self.paths)
        wanted = {"constant": self.constant, "path": self.path, "paths": paths, "template": self.template}
        return {name: value for name, value in wanted.items() if value is not None}

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        paths = None if item["paths"] is None else dict(item["paths"])
        return cls(constant=item["constant"], path=item["path"], paths=paths, template=item["template"])


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets the events of a rule.

    Attributes:
        id: Its name in the rule.
        kind: One of `DestinationKind`.
        destination: A webhook's id; the address of a verified member; `person:…` or `topic:…` of devices; a topic on Kafka.
        input: What is made of an event; None: it is sent whole.
        max_attempts: How often it is tried at most; None: 10.
        max_age_s: How old an event may be when it is sent; None: as at the last attempt.
        dead_letter_topic: A topic on Kafka, which gets a copy of what is given up or dropped.
    """

    id: str
    kind: str
    destination: str
    input: TargetInput | None = None
    max_attempts: int | None = None
    max_age_s: int | None = None
    dead_letter_topic: str | None = None

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        optional = {
            "input": None if self.input is None else self.input.body(),
            "max_attempts": self.max_attempts,
            "max_age_s": self.max_age_s,
            "dead_letter_topic": self.dead_letter_topic,
        }
        body = {"id": self.id, "kind": self.kind, "destination": self.destination}
        return body | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            kind=DestinationKind(item["kind"]),
            destination=item["destination"],
            input=unless_absent(TargetInput.of, item["input"]),
            max_attempts=item["max_attempts"],
            max_age_s=item["max_age_s"],
            dead_letter_topic=item["dead_letter_topic"],
        )


@dataclass(frozen=True, slots=True)
class RuleNumbers:
    """What a rule has done since it was made, some ten seconds behind.

    `failed` counts what couldn't be made of an event, the last two count deliveries.
    """

    matched: int
    failed: int
    last_matched_at: datetime | None
    delivered: int
    given_up: int

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        last = unless_absent(moment, item["last_matched_at"])
        return cls(item["matched"], item["failed"], last, item["delivered"], item["given_up"])


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events go where. `pattern` is an object, or its text where an object would lose digits or repeated keys.

    `numbers` are told of one rule; lists leave them out.
    """

    id: str
    bus: str
    name: str
    description: str
    enabled: bool
    pattern: Any
    targets: tuple[Target, ...]
    revision: int
    created_at: datetime
    updated_at: datetime
    numbers: RuleNumbers | None = None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            id=item["id"],
            bus=item["bus"],
            name=item["name"],
            description=item["description"],
            enabled=item["enabled"],
            pattern=item["pattern"],
            targets=tuple(map(Target.of, item["targets"])),
            revision=item["revision"],
            created_at=moment(item["created_at"]),
            updated_at=moment(item["updated_at"]),
            numbers=unless_absent(RuleNumbers.of, item.get("numbers")),
        )


@dataclass(frozen=True, slots=True)
class NewRule:
    """What a rule is to be."""

    pattern: JsonObject
    targets: Sequence[Target]
    description: str
    enabled: bool

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        targets = [target.body() for target in self.targets]
        return {"pattern": as_taken(self.pattern), "targets": targets, "description": self.description, "enabled": self.enabled}


def list_buses() -> Call[tuple[Bus, ...]]:
    """All buses."""
    return Call(Request("GET", BUSES), as_json(lambda item: tuple(map(Bus.of, item["items"]))))


def put_bus(bus: str, description: str) -> Call[Bus]:
    """Make a bus, or describe it anew."""
    return Call(Request("PUT", _bus(bus), headers=JSON, content=dumped({"description": description})), as_json(Bus.of))


def delete_bus(bus: str) -> Call[None]:
    """Take a bus away."""
    return Call(Request("DELETE", _bus(bus)), nothing, gone_is_done=True)


def page_of_rules(bus: str, *, cursor: str | None) -> Call[Page[Rule]]:
    """One page of a bus's rules."""
    return page(f"{_bus(bus)}/rules", Rule.of, {}, limit=300, cursor=cursor)


def get_rule(bus: str, name: str) -> Call[Rule]:
    """One rule with its numbers."""
    return Call(Request("GET", _rule(bus, name)), as_json(Rule.of))


def put_rule(bus: str, name: str, new: NewRule, *, revision: int | None) -> Call[Rule]:
    """Make or change a rule; revision 0 is that of a rule that isn't there yet."""
    request = Request("PUT", _rule(bus, name), headers=JSON, content=dumped(new.body()))
    return Call(request.with_headers(if_none_match="*") if revision == 0 else if_match(request, revision), as_json(Rule.of))


def delete_rule(bus: str, name: str, *, revision: int | None) -> Call[None]:
    """Take a rule away."""
    return Call(if_match(Request("DELETE", _rule(bus, name)), revision), nothing, gone_is_done=True)


def _bus(bus: str) -> str:
    return f"{BUSES}/{segment(bus)}"


def _rule(bus: str, name: str) -> str:
    return f"{_bus(bus)}/rules/{segment(name)}"
