"""What analytics counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge

from quietzone_kit.telemetry import Timings

SCANS_APPLIED = Counter(
    "quietzone_analytics_scans_applied_total",
    "Scans that are in the rollups, by who made them. Flat while edges answer: look at quietzone_consumer_lag_records. More bots than "
    "persons: somebody crawls printed addresses; they count apart.",
    ["scan_class"],
)
VISIBLE_SECONDS = Timings(
    "quietzone_analytics_scan_visible_seconds",
    "From a scan's request to its being counted, where everybody sees it; scans of a batch are told as its oldest. Above 2 for minutes: "
    "compare quietzone_tracking_forwarding_delay_seconds (edge to bus) and quietzone_consumer_lag_records (bus to count).",
    bounds=(0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 5, 15, 60, 300, 1800, 7200),
)
SCANS_REPEATED = Counter(
    "quietzone_analytics_scans_repeated_total",
    "Scans that came again and were skipped. Grows when forwarders resend after an error; all the time: look at their bus errors.",
)
SCANS_LOST = Counter(
    "quietzone_analytics_scans_lost_total",
    "Scans that a forwarder gave up, counted in each partition. Stays 0; else `quietzone reconcile` names the source and the reason.",
)
PASSED_OVER = Counter(
    "quietzone_analytics_records_passed_over_total",
    "Records that were not applied. 'gap' for a moment: a forwarder resends after an error; for minutes: `quietzone reconcile` names the "
    "source. 'too_old': a source older than 30 days turned up; look at which volume was attached again.",
    ["reason"],
)
REJECTED = Counter(
    "quietzone_analytics_records_rejected_total",
    "Records that break their contract, set aside in the collection of rejects with the reason. Stays 0; else look there.",
)
UNKNOWN = Counter(
    "quietzone_analytics_records_unknown_total",
    "Records of a type that this release doesn't know. Expected while a newer release runs beside it; else update this one.",
)
MILESTONES = Counter(
    "quietzone_analytics_milestones_total",
    "Milestones that were published, repetitions included. For people; nothing to do.",
)
COMPARED_SCANS = Gauge(
    "quietzone_analytics_reconcile_scans",
    "Scans by how far they have come, over all sources, as the last comparison found them. 'stored' stays below 'accepted' for minutes: "
    "`quietzone reconcile` names the source; 'lost' and 'unrecorded' stay 0.",
    ["stage"],
)
SILENT_SOURCES = Gauge(
    "quietzone_analytics_silent_sources",
    "Sources that did not close and have not reported for 30 s: their scans wait in a spool. Start their forwarder, or attach the volume.",
)
PROBLEMS = Gauge(
    "quietzone_analytics_reconcile_problems",
    "What the last comparison of accepted and stored scans found wrong. Stays 0; else `quietzone reconcile` says it in words.",
)
COMPARED_AT = Gauge(
    "quietzone_analytics_reconciled_timestamp_seconds",
    "When the last comparison ended, Unix time. Older than an hour: the store or the bus doesn't answer, the log says which.",
)
EXPORTS = Counter(
    "quietzone_analytics_exports_total",
    "Exports that were made, by format. For people: how much the product is used; those that failed are quietzone_task_runs_total.",
    ["format"],
)
STANDS_STILL = Gauge(
    "quietzone_analytics_projection_stands_still",
    "1 while a projection (scans, reports, archive, creations) doesn't read, because its log isn't the one that it has read; questions are "
    "answered meanwhile. `quietzone reconcile` says why and what to do, as does the log; it goes on by itself within a minute after that.",
    ["projection"],
)

for reason in ("gap", "too_old"):  # a series that begins with its first failure shows no increase
    PASSED_OVER.labels(reason)
