"""RuleService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Iterable

from quietzone.notification.v1 import rule_pb2, rule_service_pb2, rule_service_pb2_grpc
from quietzone_kit.errors import Violations
from quietzone_kit.runtime import Clock
from quietzone_notification.buses.domain import Bus
from quietzone_notification.buses.repository import Buses
from quietzone_notification.buses.use_cases import delete_bus, list_buses, put_bus
from quietzone_notification.events.domain import DEFAULT_BUS
from quietzone_notification.rpc.callers import account
from quietzone_notification.rules.domain import Target
from quietzone_notification.rules.events import target_of, to_message
from quietzone_notification.rules.requests import NewRule
from quietzone_notification.rules.use_cases import RuleDesk, list_rules


class RuleService(rule_service_pb2_grpc.RuleServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: RuleDesk, buses: Buses, clock: Clock) -> None:
        self._desk = desk
        self._buses = buses
        self._clock = clock

    async def PutBus(self, request: rule_service_pb2.PutBusRequest, context: object) -> rule_service_pb2.PutBusResponse:
        """See the contract."""
        bus = await put_bus(self._buses, self._clock, account(), request.name, request.description)
        return rule_service_pb2.PutBusResponse(bus=_bus_message(bus))

    async def ListBuses(self, request: rule_service_pb2.ListBusesRequest, context: object) -> rule_service_pb2.ListBusesResponse:
        """See the contract."""
        return rule_service_pb2.ListBusesResponse(buses=map(_bus_message, await list_buses(self._buses, account())))

    async def DeleteBus(self, request: rule_service_pb2.DeleteBusRequest, context: object) -> rule_service_pb2.DeleteBusResponse:
        """See the contract."""
        await delete_bus(self._buses, self._desk.rules, account(), request.name)
        return rule_service_pb2.DeleteBusResponse()

    async def PutRule(self, request: rule_service_pb2.PutRuleRequest, context: object) -> rule_service_pb2.PutRuleResponse:
        """See the contract."""
        new = NewRule(
            bus=request.bus or DEFAULT_BUS,
            name=request.name,
            description=request.description,
            enabled=not request.disabled,
            pattern=request.pattern,
            targets=_targets(request.targets),
            expected_revision=request.expected_revision if request.HasField("expected_revision") else None,
            verified=tuple(request.verified_addresses),
        )
        return rule_service_pb2.PutRuleResponse(rule=to_message(await self._desk.put(account(), new)))

    async def GetRule(self, request: rule_service_pb2.GetRuleRequest, context: object) -> rule_service_pb2.GetRuleResponse:
        """See the contract."""
        rule, numbers = await self._desk.get(account(), request.bus or DEFAULT_BUS, request.name)
        told = rule_service_pb2.RuleNumbers(
            matched=numbers.matched,
            failed=numbers.failed,
            last_matched_at_ms=numbers.last_matched_at_ms,
            delivered=numbers.delivered,
            given_up=numbers.given_up,
        )
        return rule_service_pb2.GetRuleResponse(rule=to_message(rule), numbers=told)

    async def ListRules(self, request: rule_service_pb2.ListRulesRequest, context: object) -> rule_service_pb2.ListRulesResponse:
        """See the contract."""
        page = await list_rules(
            self._desk.rules, account(), request.bus or DEFAULT_BUS, page_size=request.page_size, page_token=request.page_token
        )
        return rule_service_pb2.ListRulesResponse(rules=map(to_message, page.rules), next_page_token=page.next_token or "")

    async def DeleteRule(self, request: rule_service_pb2.DeleteRuleRequest, context: object) -> rule_service_pb2.DeleteRuleResponse:
        """See the contract."""
        expected = request.expected_revision if request.HasField("expected_revision") else None
        await self._desk.delete(account(), request.bus or DEFAULT_BUS, request.name, expected)
        return rule_service_pb2.DeleteRuleResponse()


def _targets(messages: Iterable[rule_pb2.Target]) -> list[Target]:
    violations = Violations()
    targets: list[Target] = []
    for number, message in enumerate(messages):
        try:
            targets.append(target_of(message))
        except KeyError:
            violations.add(f"targets[{number}].kind", "use WEBHOOK, MAIL, PUSH or KAFKA")
    violations.check()
    return targets


def _bus_message(bus: Bus) -> rule_pb2.Bus:
    return rule_pb2.Bus(name=bus.name, description=bus.description, created_at_ms=bus.created_at_ms)
