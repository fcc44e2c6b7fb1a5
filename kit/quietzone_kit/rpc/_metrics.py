"""Rate, errors and duration of calls, from both sides."""

from prometheus_client import Counter, Gauge, Histogram

# A call between processes of one machine takes 1 ms, the default deadline is 5 s.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

SERVED = Histogram(
    "quietzone_rpc_server_seconds",
    "Calls answered, by method and code. INTERNAL: a bug, the log has it. Slower than before: look at the store that is asked.",
    ["method", "code"],
    buckets=_BUCKETS,
)
STREAMS_SERVED = Counter(
    "quietzone_rpc_server_streams_total",
    "Streams that have ended, by method and code. CANCELLED: the caller had enough, as most have. INTERNAL: a bug, the log has it.",
    ["method", "code"],
)
UNDER_WAY = Gauge(
    "quietzone_rpc_server_under_way",
    "Calls and streams being answered now. Near QUIETZONE_RPC_MAX_CONCURRENT: more replicas are needed, or the store hangs.",
)
CALLED = Histogram(
    "quietzone_rpc_client_seconds",
    "Calls made, each attempt one, by peer, method and code. UNAVAILABLE, DEADLINE_EXCEEDED: look at that peer's log and health.",
    ["peer", "method", "code"],
    buckets=_BUCKETS,
)
STREAMS_CALLED = Counter(
    "quietzone_rpc_client_streams_total",
    "Streams that were asked for and have ended, by peer, method and code. CANCELLED: we had enough. UNAVAILABLE: look at that peer's log "
    "and health.",
    ["peer", "method", "code"],
)
RETRIED = Counter(
    "quietzone_rpc_client_retries_total",
    "Calls made again because the peer wasn't there. Rises while a peer restarts; if it keeps rising, that peer is down or overloaded.",
    ["peer"],
)
BREAKER_OPEN = Gauge(
    "quietzone_rpc_client_breaker_open",
    "1 while calls to this peer are refused at once. Look whether it runs, and whether its address in the settings is right.",
    ["peer"],
)
