"""Metrics of GraphQL; each says what to do when it moves."""

from prometheus_client import Counter

ERRORS = Counter(
    "quietzone_gateway_graphql_errors_total",
    "Errors in GraphQL answers by code; requests whose status is 200 can have some. INTERNAL: look for `request failed` in the log.",
    ["code"],
)
REFUSED = Counter(
    "quietzone_gateway_graphql_refused_total",
    "GraphQL documents that weren't run because of a limit, by limit. One account again and again: tell it, or raise the limit.",
    ["limit"],
)
