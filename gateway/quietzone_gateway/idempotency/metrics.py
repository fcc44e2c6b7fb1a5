"""Metrics of repeated requests."""

from prometheus_client import Counter

REPEATED = Counter(
    "quietzone_gateway_repeated_requests_total",
    "Requests that were answered with what an earlier one with the same Idempotency-Key was. Many: clients don't get answers in time.",
)
