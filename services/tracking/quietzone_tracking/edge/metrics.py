"""What an edge counts, and what to do when it moves."""

from prometheus_client import Counter

from quietzone_kit.telemetry import Timings

ANSWERS = Counter(
    "quietzone_tracking_answers_total",
    "Requests by what they led to; `head` is a redirect that counts as no scan. Many unknown: somebody guesses slugs. Any unavailable: "
    "the link store is down, look at its log.",
    ["outcome"],
)
REDIRECT_SECONDS = Timings(
    "quietzone_tracking_redirect_seconds",
    "From the turn of the event loop that took a scan to its redirect, with the append to the spool and any look-up of its link. Slower "
    "than 0.025 for 1 %: look at the spool's disk, at quietzone_tracking_links_resolved_total (links that memory should hold), and for "
    "what waits before its turn at quietzone_loop_delay_seconds.",
    bounds=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),  # a turn of one, to a look-up's end
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

# A series that begins with its first failure shows no increase: these are there from the start.
ANSWERS.labels("unavailable")
for reason in ("full", "disk"):
    SCANS_UNRECORDED.labels(reason)
