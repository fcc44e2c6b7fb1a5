"""What relays count, and what to do when it moves."""

from prometheus_client import Counter, Gauge

WAITING_AGE_S = Gauge(
    "quietzone_outbox_waiting_age_seconds",
    "Age of the oldest event that waits in a collection. Above 10: see the relay's failures; if there are none, no relay of it runs.",
    ["collection"],
)
PUBLISHED = Counter(
    "quietzone_outbox_published_total",
    "Events that the bus acknowledged, those that were sent again included. Flat while things change: see the waiting age.",
    ["collection"],
)
FAILURES = Counter(
    "quietzone_outbox_failures_total",
    "Batches that are tried again. 'bus', 'store' or 'late' for minutes: one is down or slow, its message is in the log, and after 100 "
    "events of a document its changes are refused. 'lease' again and again: clocks of machines differ, or the process is paused for "
    "seconds. 'contended': changes come faster than published events can be removed, which are sent again.",
    ["collection", "reason"],
)
