"""What is told of rules: topic `notification.rule.v1`."""

from collections.abc import Mapping

from quietzone.notification.v1 import rule_pb2
from quietzone_kit.events import Event
from quietzone_kit.telemetry import traceparent
from quietzone_notification.rules.domain import Kind, Rule, Target
from quietzone_notification.rules.inputs import Input, InputKind
from quietzone_topics import TYPE_NOTIFICATION_RULE

SOURCE = "/quietzone/notification"

KINDS: Mapping[Kind, "rule_pb2.DestinationKind.ValueType"] = {
    Kind.WEBHOOK: rule_pb2.DESTINATION_KIND_WEBHOOK,
    Kind.MAIL: rule_pb2.DESTINATION_KIND_MAIL,
    Kind.PUSH: rule_pb2.DESTINATION_KIND_PUSH,
    Kind.KAFKA: rule_pb2.DESTINATION_KIND_KAFKA,
}
KIND_OF: Mapping[int, Kind] = {number: kind for kind, number in KINDS.items()}


def rule_event(before: Rule | None, after: Rule) -> Event:
    """The event of one change; `before` is None when the rule is new. Its id follows from rule and revision."""
    return Event(
        id=f"{after.rule_id}.rule.{after.revision}",
        source=SOURCE,
        type=TYPE_NOTIFICATION_RULE,
        subject=after.rule_id,
        time_ms=after.updated_at_ms,
        data=rule_pb2.RuleEvent(kind=_kind(before, after), after=to_message(after)).SerializeToString(deterministic=True),
        traceparent=traceparent(),
    )


def rule_in(data: bytes) -> Rule:
    """The rule that an event tells of, as it is after the change.

    Raises:
        DecodeError, KeyError: it can't be read; the latter for a kind of destination that only a newer release knows.
    """
    told = rule_pb2.RuleEvent.FromString(data)
    after = told.after
    return Rule(
        rule_id=after.id,
        account_id=after.account_id,
        bus=after.bus,
        name=after.name,
        description=after.description,
        enabled=after.enabled,
        pattern=after.pattern,
        targets=tuple(map(target_of, after.targets)),
        created_at_ms=after.created_at_ms,
        updated_at_ms=after.updated_at_ms,
        revision=after.revision,
        deleted=told.kind == rule_pb2.RULE_CHANGE_DELETED,
    )


def to_message(rule: Rule) -> rule_pb2.Rule:
    """A rule as others see it."""
    return rule_pb2.Rule(
        id=rule.rule_id,
        account_id=rule.account_id,
        bus=rule.bus,
        name=rule.name,
        description=rule.description,
        enabled=rule.enabled,
        pattern=rule.pattern,
        targets=map(_target_message, rule.targets),
        revision=rule.revision,
        created_at_ms=rule.created_at_ms,
        updated_at_ms=rule.updated_at_ms,
    )


def target_of(target: rule_pb2.Target) -> Target:
    """A target of its message, unchecked; raises KeyError for an unknown kind."""
    return Target(
        target_id=target.id,
        kind=KIND_OF[target.kind],
        destination=target.destination,
        input=_input_of(target),
        max_attempts=target.max_attempts if target.HasField("max_attempts") else None,
        max_age_ms=target.max_age_ms if target.HasField("max_age_ms") else None,
        dead_letters=target.dead_letter_topic,
    )


def _input_of(target: rule_pb2.Target) -> Input:
    match target.WhichOneof("input"):
        case "constant":
            return Input(InputKind.CONSTANT, target.constant)
        case "input_path":
            return Input(InputKind.PATH, target.input_path)
        case "transformer":
            return Input(InputKind.TEMPLATE, target.transformer.template, dict(target.transformer.paths))
        case _:
            return Input()


def _target_message(target: Target) -> rule_pb2.Target:
    message = rule_pb2.Target(
        id=target.target_id,
        kind=KINDS[target.kind],
        destination=target.destination,
        max_attempts=target.max_attempts,
        max_age_ms=target.max_age_ms,
        dead_letter_topic=target.dead_letters,
    )
    match target.input.kind:
        case InputKind.CONSTANT:
            message.constant = target.input.text
        case InputKind.PATH:
            message.input_path = target.input.text
        case InputKind.TEMPLATE:
            message.transformer.template = target.input.text
            message.transformer.paths.update(target.input.paths)
        case InputKind.EVENT:
            pass
    return message


def _kind(before: Rule | None, after: Rule) -> "rule_pb2.RuleChange.ValueType":
    if after.deleted:
        return rule_pb2.RULE_CHANGE_DELETED
    return rule_pb2.RULE_CHANGE_CREATED if before is None else rule_pb2.RULE_CHANGE_CHANGED
