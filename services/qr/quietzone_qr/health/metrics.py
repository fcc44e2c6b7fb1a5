"""What link health counts, and what to do when it moves. Its events wait in `quietzone_outbox_*`, its checks in `quietzone_tasks_*`."""

from prometheus_client import Counter, Gauge, Histogram

CHECKS = Counter(
    "quietzone_qr_health_checks_total",
    "Looks at destinations, by what they found. 'failing' or 'gone' for most of them: is the network at fault that we ask from? 'unclear': "
    "destinations that aren't asked, see the reason in GET /v1/codes/{id}/health; for an intranet there is QUIETZONE_QR_HEALTH_PRIVATE. "
    "'suspended': see quietzone_qr_health_network_away. 'busy': many codes lead to one host, which is asked by one check at a time.",
    ["finding"],
)
CHANGES = Counter(
    "quietzone_qr_health_changes_total",
    "Destinations that became what the label says. A burst of 'dead' that turns 'alive' again: the network that we ask from is unreliable.",
    ["state"],
)
CHECK_SECONDS = Histogram(
    "quietzone_qr_health_check_seconds",
    "How long one destination took to answer, redirects included. Moves towards 10: it is our network or our name server, not theirs.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
NETWORK_AWAY = Gauge(
    "quietzone_qr_health_network_away",
    "1 while nothing can be reached from here, so that failures count for nothing. For more than minutes: may this process reach the "
    "internet (name server, egress rules)? If it is not to, switch checks off with QUIETZONE_QR_HEALTH_EVERY_HOURS=0.",
)
STOPPED = Gauge(
    "quietzone_qr_health_stopped",
    "1 when this process hears of no codes any more for link health, and goes on with the rest. Its log says why: mend that, then start "
    "it again.",
)
