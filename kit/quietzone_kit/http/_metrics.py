"""What HTTP servers count."""

from prometheus_client import Counter, Gauge

from quietzone_kit.telemetry import Timings

REFUSED = Counter(
    "quietzone_http_refused_total",
    "Requests that the server itself refused, by status. 503: more connections than allowed, or more that waits for slow readers; add "
    "edges. Others: broken or hostile clients.",
    ["status"],
)
CONNECTIONS = Gauge(
    "quietzone_http_connections",
    "Open connections, by port. Near the limit: clients are refused soon; add processes or lower the idle time-out.",
    ["port"],
)
LOOP_DELAY = Timings(
    "quietzone_loop_delay_seconds",
    "How late the event loop came to a timer, looked at once a second: what everything waits for in this process before its turn. Above "
    "0.05: the process is short of CPU, or something blocks the loop (SIGUSR1 shows its tasks).",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

REFUSED.labels("503")  # a series that begins with its first failure shows no increase
