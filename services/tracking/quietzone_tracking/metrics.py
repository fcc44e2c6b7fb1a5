"""What tracking counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge

SCANS_FORWARDED = Counter(
    "quietzone_tracking_scans_forwarded_total",
    "Scans that the bus acknowledged. Flat while redirects are served: look at the forwarder's log and at the bus.",
)
SCANS_LOST = Counter(
    "quietzone_tracking_scans_lost_total",
    "Accepted scans that can't be had any more. Stays 0; else read the reasons in the forwarder's log and below spool/quarantine.",
)
PUBLISH_FAILURES = Counter(
    "quietzone_tracking_publish_failures_total",
    "Attempts to publish that failed and are made again. Rising steadily: the bus is down or slow; the spool holds the scans meanwhile.",
)
SPOOL_FAILURES = Counter(
    "quietzone_tracking_spool_failures_total",
    "Calls of the spool's disk that failed in the forwarder and are made again. Above 0: look at the disk (failing? full? read-only?).",
)
CHECKPOINTS_REJECTED = Counter(
    "quietzone_tracking_checkpoints_rejected_total",
    "Checkpoints that couldn't be read; what was left of their sources was sent again, which is harmless. Above 0: look at the disk.",
)
FORWARDING_DELAY_S = Gauge(
    "quietzone_tracking_forwarding_delay_seconds",
    "Age of the newest scan when its batch was last acknowledged. Above 1: the forwarder is behind; see its CPU and the bus.",
)
SOURCES_OPEN = Gauge(
    "quietzone_tracking_sources_open",
    "Sources with a folder in the spool: one for each running edge. More for long: sources of dead edges aren't drained.",
)
COUNTRY_DATABASE_UP = Gauge(
    "quietzone_tracking_country_database_up",
    "1 when the file of QUIETZONE_TRACKING_COUNTRY_DB was read. 0: look at the forwarder's log; countries are the old file's or unknown.",
)
