"""What HTTP servers count."""

from prometheus_client import Counter, Gauge

REFUSED = Counter(
    "quietzone_http_refused_total",
    "Requests that the server itself refused, by status. 503: more connections than allowed, add edges. Others: broken or hostile clients.",
    ["status"],
)
CONNECTIONS = Gauge(
    "quietzone_http_connections",
    "Open connections, by port. Near the limit: clients are refused soon; add processes or lower the idle time-out.",
    ["port"],
)
