"""What tracking counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge

SCANS_FORWARDED = Counter(
    "quietzone_tracking_scans_forwarded_total",
    "Scans that the bus acknowledged. Flat while redirects are served: look at the forwarder's log and at the bus.",
)
SCANS_WAITING = Gauge(
    "quietzone_tracking_scans_waiting",
    "Accepted scans in this spool that the bus hasn't acknowledged. Rising for minutes: look at the forwarder's log and at the bus.",
)
SCANS_LOST = Counter(
    "quietzone_tracking_scans_lost_total",
    "Accepted scans that can't be had any more. Stays 0; else read the reasons in the forwarder's log and below spool/quarantine.",
)
PUBLISH_FAILURES = Counter(
    "quietzone_tracking_publish_failures_total",
    "Attempts to publish, or to begin, that failed and are made again; scans wait in the spool. Rising steadily: the bus is down or slow, "
    "or refuses what we ask: the forwarder's log says which, and what to do.",
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
SOURCES_HELD = Counter(
    "quietzone_tracking_sources_held_total",
    "Sources that are left alone, since another release wrote their scans. Above 0: run that release's forwarder on this spool.",
)
COUNTRY_DATABASE_UP = Gauge(
    "quietzone_tracking_country_database_up",
    "1 when the file of QUIETZONE_TRACKING_COUNTRY_DB was read. 0: look at the forwarder's log; countries are the old file's or unknown.",
)
CODE_EVENTS_REJECTED = Counter(
    "quietzone_tracking_code_events_rejected_total",
    "Changes of codes that made no sense and were set aside (collection link_rejects). Above 0: read the reasons in the log of role links.",
)
CODE_EVENTS_MISSED = Counter(
    "quietzone_tracking_code_events_missed_total",
    "Changes of codes that retention removed before role links had read them. Above 0: those links are old until their codes change again.",
)
CODE_EVENTS_UNKNOWN = Counter(
    "quietzone_tracking_code_events_unknown_total",
    "Events in qr.code.v1 of a type that this release doesn't know. Above 0 outside of a rollout: a release is too old.",
)
LINKS_HELD = Gauge(
    "quietzone_tracking_links_held",
    "Links in this edge's memory. At QUIETZONE_TRACKING_LINKS_HELD: others are looked up in the link store; raise it if memory allows.",
)
LINKS_LOADED = Counter(
    "quietzone_tracking_links_loads_total",
    "How often all links were loaded, by where from. `store` rising: the follower falls behind retention, or the log is made anew.",
    ["source"],
)
LINKS_RESOLVED = Counter(
    "quietzone_tracking_links_resolved_total",
    "Slugs that weren't in memory, by who knew them. Many `nobody`: somebody guesses slugs. Any `failed`: see the edge's log.",
    ["by"],
)
SNAPSHOTS_REJECTED = Counter(
    "quietzone_tracking_snapshots_rejected_total",
    "Snapshots of links that couldn't be believed and were set aside. Above 0: look at the disk, or at what was copied there.",
)
SALTS_MISSING = Counter(
    "quietzone_tracking_salts_missing_total",
    "Moments at which scans had no salt and so no visitor. Above 0: the tracking store was away for a day; uniques of then are too low.",
)
LINKS_DAMAGED = Counter(
    "quietzone_tracking_links_damaged_total",
    "Documents of links that couldn't be read; they count as absent. Above 0: see the log, restore the store, or change those codes.",
)
