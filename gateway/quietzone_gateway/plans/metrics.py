"""What plans and limits count, and what to do when it moves."""

from prometheus_client import Counter, Gauge

REFUSED = Counter(
    "quietzone_gateway_refused_total",
    "Requests beyond a limit, by which: 'rate', 'quota', 'anonymous'. One account's: it outgrows its plan. Many 'anonymous': "
    "somebody knocks, or all come through a proxy that QUIETZONE_TRUSTED_PROXIES doesn't name.",
    ["limit"],
)
SHED = Counter(
    "quietzone_gateway_shed_total",
    "Requests refused with 503 because there was too much for all, by class. 'read' among them: more replicas are needed, or a service is "
    "slow (quietzone_rpc_client_seconds).",
    ["method_class"],
)
BOUND = Gauge(
    "quietzone_gateway_requests_bound",
    "How many requests may be under way just now. It falls while answers take long and rises while there is need. At its least for "
    "minutes: a service hangs.",
)
EXCHANGES = Counter(
    "quietzone_gateway_usage_exchanges_total",
    "Exchanges of counts with the store by how they ended. 'contended': replicas write an account's month faster than the store takes it; "
    "'unavailable': the store is away, and what needs a quota is refused with 503.",
    ["outcome"],
)
UNSETTLED = Gauge(
    "quietzone_gateway_usage_accounts",
    "Accounts whose counts this replica keeps, those of the last seconds. Rises and stays: the store doesn't take them, see the exchanges.",
)
READ_FAILURES = Counter(
    "quietzone_gateway_settings_read_failures_total",
    "Times that plans or flags couldn't be read anew; those of before hold. For minutes: look at the store, and in the log for what was "
    "left out because a newer release wrote it.",
    ["what"],
)
FLAG_READS = Counter(
    "quietzone_gateway_flag_reads_total",
    "How often code asked for a flag, by what it was told. All 'off' where some should be on: see its share and list in GET /v1/flags.",
    ["flag", "variant"],
)
