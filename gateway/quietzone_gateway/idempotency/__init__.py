"""Requests that are sent twice and must count once: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07)."""

from quietzone_gateway.idempotency.domain import Answer, InvalidKey, parse_key
from quietzone_gateway.idempotency.repository import REPEATS, Repeats
from quietzone_gateway.idempotency.use_cases import Asked, KeyReused, StillUnderWay, named, once, sweep, sweep_for_ever

__all__ = [
    "REPEATS",
    "Answer",
    "Asked",
    "InvalidKey",
    "KeyReused",
    "Repeats",
    "StillUnderWay",
    "named",
    "once",
    "parse_key",
    "sweep",
    "sweep_for_ever",
]
