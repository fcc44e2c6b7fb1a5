"""What live updates count, and what to do when it moves."""

from prometheus_client import Counter, Gauge

CONNECTIONS = Gauge(
    "quietzone_gateway_live_connections",
    "Live connections that are open, by transport. Near QUIETZONE_GATEWAY_LIVE_CONNECTIONS: start another replica, or raise it.",
    ["transport"],
)
SUBSCRIPTIONS = Gauge(
    "quietzone_gateway_live_subscriptions",
    "Subscriptions that are open, GraphQL's too. Growing while connections don't: somebody subscribes and never ends it; see the log.",
)
TOLD = Counter(
    "quietzone_gateway_live_told_total",
    "What was put in subscribers' queues, by kind. Flat while codes change: look at quietzone_consumer_lag_records of gateway-live.",
    ["kind"],
)
SUMMARIES = Counter(
    "quietzone_gateway_live_summaries_total",
    "Times that a slow reader got a summary instead of each event. A few are phones on bad networks; many: this process lacks CPU.",
)
RESETS = Counter(
    "quietzone_gateway_live_resets_total",
    "Subscribers that were told to read again what they show. 'old': they were away longer than what is kept (see "
    "quietzone_gateway_live_kept_bytes); 'slow': they read too slowly even for summaries; 'much': they missed too much; 'ahead': this "
    "replica is behind others, look at its lag; 'log': a topic was made anew; 'release': cursors have another form.",
    ["reason"],
)
REFUSED = Counter(
    "quietzone_gateway_live_refused_total",
    "Live connections that weren't let in, by problem. 'resource-exhausted': an account has too many, or the process is full; "
    "'unauthenticated': clients with old tokens, or somebody tries keys.",
    ["problem"],
)
ENDED = Counter(
    "quietzone_gateway_live_ended_total",
    "Live connections that this side ended, by reason. 'stuck': the client took nothing for a minute; 'flood': it sent more than it may.",
    ["reason"],
)
REJECTED = Counter(
    "quietzone_gateway_live_rejected_records_total",
    "Records that no watcher could be told of, because they break their contract. Stays 0: their producer is at fault, the log says which.",
    ["topic"],
)
KEPT_BYTES = Gauge(
    "quietzone_gateway_live_kept_bytes",
    "What is kept of each topic for those who come back. At its bound (8 MB) clients that were away for less than 5 minutes are reset.",
    ["topic"],
)
