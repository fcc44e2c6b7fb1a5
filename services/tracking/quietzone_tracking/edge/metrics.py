"""What an edge counts, and what to do when it moves."""

from prometheus_client import Counter

ANSWERS = Counter(
    "quietzone_tracking_answers_total",
    "Requests by what they led to. Many unknown: somebody guesses slugs. Any unavailable: the link store is down, look at its log.",
    ["outcome"],
)
SCANS_RECORDED = Counter(
    "quietzone_tracking_scans_recorded_total",
    "Scans written to the spool. Less than redirects of GET requests: see scans_unrecorded.",
)
SCANS_UNRECORDED = Counter(
    "quietzone_tracking_scans_unrecorded_total",
    "Redirects served whose scan wasn't written. Stays 0; else look at the edge's disk (full? read-only?), then run `quietzone reconcile`.",
    ["reason"],
)
FLUSH_FAILURES = Counter(
    "quietzone_tracking_spool_flush_failures_total",
    "Flushes of the spool that failed: a power cut could take those scans. Above 0: replace the edge's disk.",
)
