"""Buses, rules and their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from quietzone.notification.v1 import rule_pb2, rule_service_pb2, rule_service_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


class DestinationKind(StrEnum):
    """How something is sent."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    PUSH = "push"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Constant:
    """This JSON is sent, whatever the event."""

    json: str


@dataclass(frozen=True, slots=True)
class InputPath:
    """The part of an event at this path is sent."""

    path: str


@dataclass(frozen=True, slots=True)
class Transformer:
    """What a template makes of values at paths is sent."""

    paths: Mapping[str, str]
    template: str


TargetInput: TypeAlias = Constant | InputPath | Transformer
"""What is made of an event."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who gets a rule's events; fields as in `quietzone.notification.v1.Target`, None where that has nothing."""

    id: str
    kind: DestinationKind
    destination: str
    input: TargetInput | None
    max_attempts: int | None
    max_age_ms: int | None
    dead_letter_topic: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events go where; fields as in `quietzone.notification.v1.Rule`, `pattern` is JSON."""

    id: str
    bus: str
    name: str
    description: str
    enabled: bool
    pattern: str
    targets: tuple[Target, ...]
    revision: int
    created_at_ms: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class NewRule:
    """What a rule is to be."""

    bus: str
    name: str
    description: str
    enabled: bool
    pattern: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class RuleNumbers:
    """What a rule has done since it was made."""

    matched: int
    failed: int
    last_matched_at_ms: int | None
    delivered: int
    given_up: int


@dataclass(frozen=True, slots=True)
class RulePage:
    """Rules of a bus, by name."""

    items: tuple[Rule, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventBus:
    """Where events come to; None where nobody has made it: `default`."""

    name: str
    description: str
    created_at_ms: int | None


KINDS = {kind: rule_pb2.DestinationKind.Value(f"DESTINATION_KIND_{kind.name}") for kind in DestinationKind}
KINDS_BY_NUMBER = {number: kind for kind, number in KINDS.items()}


class Rules:
    """A client of the service's buses and rules; what each call raises stands in `rule_service.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "rule_service_pb2_grpc.RuleServiceAsyncStub":
        return rule_service_pb2_grpc.RuleServiceStub(self._service.channel)

    async def put_bus(self, caller: Caller, name: str, description: str) -> EventBus:
        """A bus, made or described anew."""
        request = rule_service_pb2.PutBusRequest(name=name, description=description)
        return _bus((await self._service.peer.call(self._stub.PutBus, request, caller=caller, idempotent=True)).bus)

    async def buses(self, caller: Caller) -> tuple[EventBus, ...]:
        """All of the account."""
        request = rule_service_pb2.ListBusesRequest()
        return tuple(map(_bus, (await self._service.peer.call(self._stub.ListBuses, request, caller=caller, idempotent=True)).buses))

    async def delete_bus(self, caller: Caller, name: str) -> None:
        """Take a bus without rules away."""
        await self._service.peer.call(self._stub.DeleteBus, rule_service_pb2.DeleteBusRequest(name=name), caller=caller)

    async def put(self, caller: Caller, new: NewRule, *, expected_revision: int | None, verified: Sequence[str]) -> Rule:
        """The rule as it is now; of mail targets only `verified` addresses are taken. The revision 0: there must be none yet."""
        request = rule_service_pb2.PutRuleRequest(
            bus=new.bus,
            name=new.name,
            description=new.description,
            disabled=not new.enabled,
            pattern=new.pattern,
            targets=map(_message, new.targets),
            expected_revision=expected_revision,
            verified_addresses=verified,
        )
        any_will_do = expected_revision is None  # else the second attempt would meet what the first has made
        return _rule((await self._service.peer.call(self._stub.PutRule, request, caller=caller, idempotent=any_will_do)).rule)

    async def get(self, caller: Caller, bus: str, name: str) -> tuple[Rule, RuleNumbers]:
        """One rule, and what it has done."""
        request = rule_service_pb2.GetRuleRequest(bus=bus, name=name)
        response = await self._service.peer.call(self._stub.GetRule, request, caller=caller, idempotent=True)
        numbers = response.numbers
        last = numbers.last_matched_at_ms if numbers.HasField("last_matched_at_ms") else None
        return _rule(response.rule), RuleNumbers(numbers.matched, numbers.failed, last, numbers.delivered, numbers.given_up)

    async def page(self, caller: Caller, bus: str, *, limit: int, cursor: str | None) -> RulePage:
        """One page of a bus's rules."""
        request = rule_service_pb2.ListRulesRequest(bus=bus, page_size=limit, page_token=cursor or "")
        response = await self._service.peer.call(self._stub.ListRules, request, caller=caller, idempotent=True)
        return RulePage(tuple(map(_rule, response.rules)), response.next_page_token or None)

    async def delete(self, caller: Caller, bus: str, name: str, *, expected_revision: int | None) -> None:
        """Take a rule away."""
        request = rule_service_pb2.DeleteRuleRequest(bus=bus, name=name, expected_revision=expected_revision)
        await self._service.peer.call(self._stub.DeleteRule, request, caller=caller)


def _bus(message: rule_pb2.Bus) -> EventBus:
    return EventBus(message.name, message.description, message.created_at_ms or None)


def _rule(message: rule_pb2.Rule) -> Rule:
    return Rule(
        id=message.id,
        bus=message.bus,
        name=message.name,
        description=message.description,
        enabled=message.enabled,
        pattern=message.pattern,
        targets=tuple(map(_target, message.targets)),
        revision=message.revision,
        created_at_ms=message.created_at_ms,
        updated_at_ms=message.updated_at_ms,
    )


def _target(message: rule_pb2.Target) -> Target:
    return Target(
        id=message.id,
        kind=KINDS_BY_NUMBER[message.kind],
        destination=message.destination,
        input=_input(message),
        max_attempts=message.max_attempts if message.HasField("max_attempts") else None,
        max_age_ms=message.max_age_ms if message.HasField("max_age_ms") else None,
        dead_letter_topic=message.dead_letter_topic or None,
    )


def _input(message: rule_pb2.Target) -> TargetInput | None:
    match message.WhichOneof("input"):
        case "constant":
            return Constant(message.constant)
        case "input_path":
            return InputPath(message.input_path)
        case "transformer":
            return Transformer(dict(message.transformer.paths), message.transformer.template)
        case None:
            return None


def _message(target: Target) -> rule_pb2.Target:
    message = rule_pb2.Target(
        id=target.id,
        kind=KINDS[target.kind],
        destination=target.destination,
        max_attempts=target.max_attempts,
        max_age_ms=target.max_age_ms,
        dead_letter_topic=target.dead_letter_topic or "",
    )
    match target.input:
        case Constant(json):
            message.constant = json
        case InputPath(path):
            message.input_path = path
        case Transformer(paths, template):
            message.transformer.CopyFrom(rule_pb2.InputTransformer(paths=paths, template=template))
        case None:
            pass
    return message
