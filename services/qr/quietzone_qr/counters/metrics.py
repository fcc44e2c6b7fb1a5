"""Metrics of counters; lag and retries are the kit's, as consumer `qr-counters`."""

from prometheus_client import Counter, Gauge

EVENTS_REJECTED = Counter(
    "quietzone_qr_counter_events_rejected_total",
    "Changes of codes that make no sense and were passed over; counts may be wrong by them until they are made anew. Stays 0; else the log "
    "says which record and why: find who writes to qr.code.v1.",
)

MADE_ANEW = Counter(
    "quietzone_qr_counters_made_anew_total",
    "Partitions whose counts were begun anew from the codes that are stored: 8 after the first start, an upgrade from a release without "
    "counters, or a change of the bus; lists tell no totals meanwhile. Again and again: the bus loses what it holds, look at its log.",
)

STOPPED = Gauge(
    "quietzone_qr_counters_stopped",
    "1: counting has ended with an error that its log tells, and totals of lists stay as they are; the rest of the process goes on. Start "
    "it anew when the cause is mended.",
)
