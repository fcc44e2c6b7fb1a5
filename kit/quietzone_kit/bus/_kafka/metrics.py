"""What the Kafka bus counts, and what to do when it moves."""

from prometheus_client import Counter, Histogram

PUBLISH_SECONDS = Histogram(
    "quietzone_bus_publish_seconds",
    "From a publish to all replicas' word. Above 0.1 for minutes: look at the brokers' disks and the network between them.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
PUBLISHED_BYTES = Counter(
    "quietzone_bus_published_bytes_total", "Bytes of batches that were acknowledged. For capacity; nothing to do by itself."
)
ERRORS = Counter(
    "quietzone_bus_errors_total",
    "Requests that ended otherwise than they should. 'unreachable' for minutes: brokers or the network are down, the log names them. "
    "'moved' comes in bursts when a broker stops; all the time: the cluster is short of brokers. 'producer': a broker lost what it knew "
    "of our numbers (an unclean election?), callers publish again. 'refused': the log says what is missing. 'membership': this process "
    "was taken for dead, look at its CPU and pauses.",
    ["kind"],
)
REBALANCES = Counter(
    "quietzone_bus_rebalances_total",
    "Generations of a group that this process joined. More than a few a minute without releases: members come and go, look for restarts.",
    ["group"],
)
