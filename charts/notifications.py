"""The dashboard of events and notifications."""

from grafana import Dashboard, Panel, latency, rate

OF_NOTIFICATION = 'quietzone_part="notification"'
CALLS_OF_NOTIFICATION = 'method=~"quietzone.notification.*"'
RULES = 'consumer="notification-rules"'

NOTIFICATION = Dashboard(
    "notification",
    "Quietzone: events and notifications",
    [
        (
            "Events and rules",
            [
                Panel(
                    "Events held against rules",
                    [(rate("quietzone_notification_events_total", "topic", "outcome"), "{{topic}} {{outcome}}")],
                    "ops",
                ),
                Panel("Put by accounts", [(rate("quietzone_notification_put_total", "outcome"), "{{outcome}}")], "ops"),
                Panel("Messages published", [(rate("quietzone_notification_published_total"), "messages")], "ops"),
                Panel("Lag", [(f"sum(quietzone_consumer_lag_records{{{RULES}}}) by (topic)", "{{topic}}")], limit=10_000),
                Panel("Rules at work", [("max(quietzone_notification_rules) by (instance)", "{{instance}}")]),
                Panel(
                    "Rules at rest, consumers that have stopped",
                    [
                        (rate("quietzone_notification_rules_rejected_total"), "rules a second"),
                        ("max(quietzone_notification_stopped)", "stopped"),
                    ],
                    limit=0,
                ),
                latency("To hold a record against rules", "quietzone_reaction_seconds", "topic", chosen=RULES),
                Panel(
                    "Calls",
                    [(rate("quietzone_rpc_server_seconds_count", "method", "code", chosen=CALLS_OF_NOTIFICATION), "{{code}} {{method}}")],
                    "reqps",
                ),
                latency("Latency of calls", "quietzone_rpc_server_seconds", "method", chosen=CALLS_OF_NOTIFICATION),
            ],
        ),
        (
            "Deliveries",
            [
                Panel("Decided", [(rate("quietzone_notification_decided_total", "kind"), "{{kind}}")], "ops"),
                Panel("Attempts", [(rate("quietzone_delivery_attempts_total", "kind", "outcome"), "{{kind}} {{outcome}}")], "ops"),
                latency("Attempts take", "quietzone_delivery_attempt_seconds", "kind"),
                latency("Attempts begin late by", "quietzone_delivery_lateness_seconds", "kind", limit=60),
                Panel("Attempts under way", [("sum(quietzone_delivery_in_flight) by (instance)", "{{instance}}")], limit=512),
                Panel("Shards", [("sum(quietzone_delivery_shards) by (instance)", "{{instance}}")]),
                Panel("Endpoints disabled", [(rate("quietzone_delivery_endpoints_disabled_total", "reason"), "{{reason}}")], "ops", 0),
                Panel(
                    "Given up, and copies that wait",
                    [(rate("quietzone_dead_letters_total"), "copied"), (rate("quietzone_dead_letters_unsent_total"), "unsent")],
                    "ops",
                ),
                Panel("Outcomes that weren't stored", [(rate("quietzone_delivery_unsettled_total"), "attempts")], "ops", 0),
            ],
        ),
        (
            "Mail, push and tasks",
            [
                Panel("Mails", [(rate("quietzone_mail_sent_total", "outcome"), "{{outcome}}")], "ops"),
                Panel("Mails not sent", [(rate("quietzone_mail_unsent_total", "reason"), "{{reason}}")], "ops"),
                Panel("Addresses suppressed", [(rate("quietzone_mail_suppressed_total", "reason"), "{{reason}}")], "ops"),
                latency("The mail server takes", "quietzone_mail_seconds"),
                Panel("Mails that wait for a connection", [("sum(quietzone_mail_waiting)", "mails")]),
                Panel("Pushes", [(rate("quietzone_push_total", "platform", "outcome"), "{{platform}} {{outcome}}")], "ops"),
                Panel("Platforms held back", [(rate("quietzone_push_rests_total", "platform"), "{{platform}}")], "ops", 0),
                Panel(
                    "Runs of tasks",
                    [(rate("quietzone_task_runs_total", "kind", "outcome", chosen=OF_NOTIFICATION), "{{kind}} {{outcome}}")],
                    "ops",
                ),
                Panel(
                    "Outbox: age of the oldest event",
                    [('max(quietzone_outbox_waiting_age_seconds{collection="rules"})', "rules")],
                    "s",
                    30,
                ),
            ],
        ),
    ],
)
