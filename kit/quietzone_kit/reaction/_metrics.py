"""What reactions count, and what to do when it moves. The lag of both topics is `quietzone_consumer_lag_records`."""

from prometheus_client import Counter, Histogram

RECORDS = Counter(
    "quietzone_reaction_records_total",
    "Records that are settled. 'dead' above 0: `quietzone dlq show` says why; mend it, then `quietzone dlq redrive`. 'skipped' are events "
    "of types that this consumer doesn't know: expected while a release brings new ones. 'handled' flat while the lag grows: see retries.",
    ["topic", "consumer", "outcome"],
)
RETRIES = Counter(
    "quietzone_reaction_retries_total",
    "Attempts that are made again. 'failed' now and then is what retries are for; more of them than of handled records: see the log, "
    "records will die soon. 'unavailable' for minutes: the bus, the store or a service that it needs is down, its message is in the log.",
    ["topic", "consumer", "reason"],
)
SECONDS = Histogram(
    "quietzone_reaction_seconds",
    "What an attempt to react to a record took, failed ones included. Slower than before: look at what the consumer calls; at 30 an "
    "attempt is given up.",
    ["topic", "consumer", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
BUDGET_USED = Histogram(
    "quietzone_reaction_retry_budget_used_ratio",
    "How much of its retry budget a record used up that failed at least once; at 1 it died. Moves towards 1: what the consumer calls "
    "gets slower or less reliable, look there before records die.",
    ["topic", "consumer"],
    buckets=(0.2, 0.4, 0.6, 0.8, 0.99, 1.0),
)
REDRIVEN = Counter(
    "quietzone_reaction_redriven_total",
    "Dead letters that came back by `quietzone dlq redrive`; 'dead' again: what killed them isn't mended.",
    ["topic", "consumer", "outcome"],
)
MISSED = Counter(
    "quietzone_reaction_missed_records_total",
    "Records that retention removed before this consumer came to them. Stays 0; else it was down, or behind, for longer than the topic "
    "keeps records: what they would have caused must be made good by hand.",
    ["topic", "consumer"],
)
