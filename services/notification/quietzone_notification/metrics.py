"""What notification counts, and what to do when it moves. What each rule does is in its numbers: a label for each would have no bound."""

from prometheus_client import Counter, Gauge

EVENTS = Counter(
    "quietzone_notification_events_total",
    "Events that were held against rules, by topic and by whether some rule matched. Flat while the topic's lag grows: look at the lag of "
    "consumer notification-rules, then at the store of deliveries.",
    ["topic", "outcome"],
)
DECIDED = Counter(
    "quietzone_notification_decided_total",
    "Deliveries that rules and subscriptions asked for, by kind; a repeated event counts again and is delivered once. Jumps: look at which "
    "rule matches more than it should (numbers of GetRule).",
    ["kind"],
)
FAILED = Counter(
    "quietzone_notification_inputs_failed_total",
    "Deliveries that couldn't be made because a rule's template grew too large with an event. The rule's own number says which rule: its "
    "owner names less of the event in it.",
)
LEFT = Counter(
    "quietzone_notification_scans_left_total",
    "Scans that were left to tasks (match-scans), since their batch makes more deliveries than are made at once. Rises: an account's rules "
    "make many deliveries of each scan; its own wait, and nobody else's.",
)
RULES_HELD = Gauge(
    "quietzone_notification_rules",
    "Rules that are at work in this process. Differs between processes for longer than a few seconds: look at the log of those with fewer.",
)
RULES_REJECTED = Counter(
    "quietzone_notification_rules_rejected_total",
    "Rules that this release can't read, and that are at rest therefore. Stays 0; else a newer release has written them: end its rollout, "
    "or see the log for the rule.",
)
PUT = Counter(
    "quietzone_notification_put_total",
    "Entries that accounts put on their buses, by what became of them: taken, or PutEvents' error code. 'ServiceUnavailable' for minutes: "
    "look at the bus.",
    ["outcome"],
)
PUBLISHED = Counter(
    "quietzone_notification_published_total",
    "Messages that accounts published to topics. Falls to 0 while accounts publish: look at the RPC errors of PublishMessage.",
)
TAILS = Gauge(
    "quietzone_notification_tails",
    "Tails of buses that are open in this process, of 100. At the bound others are refused: look who leaves them open (access log of the "
    "gateway, GET /v1/events/tail).",
)
TAIL_TOLD = Counter(
    "quietzone_notification_tail_told_total",
    "Events that were told to tails. Flat while tails are open and events come: look at the lag of consumer notification-tails.",
)
TAIL_MISSED = Counter(
    "quietzone_notification_tail_missed_total",
    "Events that tails were told they had missed, because they read too slowly. Rises with one who watches a busy bus: he wants a pattern. "
    "With everybody: this process lacks CPU.",
)
STOPPED = Gauge(
    "quietzone_notification_stopped",
    "1 when this process hears events of some topic no more, and goes on with the rest. Its log says why: mend that, start it again.",
)
