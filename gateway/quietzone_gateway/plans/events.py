"""What other parts are told of accounts' use: topic `gateway.usage.v1`."""

from collections.abc import Mapping

from quietzone.gateway.v1 import usage_pb2
from quietzone_gateway.plans.domain import MethodClass, Period, Unit
from quietzone_gateway.plans.quotas import Crossing, Usage
from quietzone_kit.events import Event
from quietzone_kit.ids import derived_id
from quietzone_kit.telemetry import traceparent
from quietzone_topics import TYPE_GATEWAY_QUOTA

SOURCE = "/quietzone/gateway"

UNITS: Mapping[Unit, "usage_pb2.UsageUnit.ValueType"] = {
    Unit.REQUESTS: usage_pb2.USAGE_UNIT_REQUESTS,
    Unit.CODES: usage_pb2.USAGE_UNIT_CODES,
    Unit.SCANS: usage_pb2.USAGE_UNIT_SCANS,
    Unit.BYTES: usage_pb2.USAGE_UNIT_BYTES,
}
CLASSES: Mapping[str, "usage_pb2.MethodClass.ValueType"] = {
    "": usage_pb2.METHOD_CLASS_ALL,
    MethodClass.READ: usage_pb2.METHOD_CLASS_READ,
    MethodClass.WRITE: usage_pb2.METHOD_CLASS_WRITE,
    MethodClass.BULK: usage_pb2.METHOD_CLASS_BULK,
    MethodClass.REPORT: usage_pb2.METHOD_CLASS_REPORT,
    MethodClass.SIGN_UP: usage_pb2.METHOD_CLASS_SIGN_UP,
}


def quota_event(usage: Usage, crossing: Crossing, at_ms: int) -> Event:
    """The event of one threshold; its id follows from what it says, so that one that is sent twice is the same."""
    unit, period, *method_class = crossing.counter.split("/")
    when = usage.month if period == Period.MONTH else usage.day
    told = usage_pb2.QuotaReached(
        account_id=usage.account_id,
        unit=UNITS[Unit(unit)],
        method_class=CLASSES["".join(method_class)],
        period=when,
        limit=crossing.limit,
        used=crossing.used,
        threshold=crossing.threshold,
        at_ms=at_ms,
    )
    return Event(
        id=derived_id(usage.account_id, crossing.counter, when, str(crossing.threshold)),
        source=SOURCE,
        type=TYPE_GATEWAY_QUOTA,
        subject=usage.usage_id,
        time_ms=at_ms,
        data=told.SerializeToString(),
        traceparent=traceparent(),
    )
