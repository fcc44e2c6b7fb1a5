"""What delivery counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter(
    "quietzone_delivery_attempts_total",
    "Attempts by kind and how they ended: delivered, refused (an answer that isn't 2xx), unanswered, dropped (the endpoint is disabled), "
    "expired (too old before it was tried). "
    "'unanswered' rises for all endpoints at once: look at our own way out (proxy, DNS, network policy); for one: it is that receiver's.",
    ["kind", "outcome"],
)
SECONDS = Histogram(
    "quietzone_delivery_attempt_seconds",
    "What attempts took. All slower than before: look at the sender's CPU and at the store; else it is receivers.",
    ["kind"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
LATENESS = Histogram(
    "quietzone_delivery_lateness_seconds",
    "How long after it was due an attempt was begun. Grows: start more senders, as long as receivers aren't what is slow.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
UNSETTLED = Counter(
    "quietzone_delivery_unsettled_total",
    "Attempts whose outcome wasn't stored, since another sender or a person has changed the delivery meanwhile; it is sent again with the "
    "same id. Stays near 0; else senders lose their shares: look at their pauses and at the store.",
)
DISABLED = Counter(
    "quietzone_delivery_endpoints_disabled_total",
    "Endpoints that were disabled because they failed for days or answered 410. Many at once: it may be our own way out.",
    ["reason"],
)
IN_FLIGHT = Gauge("quietzone_delivery_in_flight", "Attempts under way in this process. At its most for minutes: see lateness.")
SHARES = Gauge("quietzone_delivery_shards", "Shards that this process sends, of 16 in all senders. 0 in all: the log says why.")
