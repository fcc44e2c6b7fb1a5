"""Writes Grafana's dashboards, charts/quietzone/dashboards/*.json: python charts/make_dashboards.py. A test says when they are stale."""

from pathlib import Path

from grafana import Dashboard, Panel, latency, objective, rate, written
from notifications import NOTIFICATION

FOLDER = Path(__file__).parent / "quietzone" / "dashboards"

OVERVIEW = Dashboard(
    "overview",
    "Quietzone: overview",
    [
        (
            "Objectives",
            [
                objective("Requests at the edge without an answer", "quietzone:redirect_errors", 0.0001),
                objective("Redirects over 25 ms", "quietzone:redirect_slow", 0.01),
                objective("Scans counted later than 2 s", "quietzone:scan_late", 0.01),
                Panel("Problems that reconcile found", [("max(quietzone_analytics_reconcile_problems)", "problems")], limit=0),
                Panel("Errors in 5 min", [("quietzone:errors:increase5m", "{{part}}")], limit=10),
                Panel("Mean latency", [("quietzone:latency_seconds:mean5m", "{{part}}")], "s", 5),
            ],
        ),
        (
            "Use",
            [
                Panel("Scans", [(rate("quietzone_analytics_scans_applied_total", "scan_class"), "{{scan_class}}")], "ops"),
                Panel("Codes", [(rate("quietzone_qr_codes_total", "kind"), "{{kind}}")], "ops"),
                Panel("API requests", [(rate("quietzone_gateway_request_seconds_count", "route"), "{{route}}")], "reqps"),
                Panel("Milestones", [(rate("quietzone_analytics_milestones_total"), "milestones")], "ops"),
                Panel("Exports", [(rate("quietzone_analytics_exports_total", "format"), "{{format}}")], "ops"),
                Panel("Images drawn", [(rate("quietzone_qr_images_drawn_total", "format"), "{{format}}")], "ops"),
            ],
        ),
        (
            "Link health",
            [
                Panel("Looks at destinations", [(rate("quietzone_qr_health_checks_total", "finding"), "{{finding}}")], "ops"),
                Panel("Destinations that changed", [(rate("quietzone_qr_health_changes_total", "state"), "{{state}}")], "ops"),
                latency("Destinations take", "quietzone_qr_health_check_seconds"),
            ],
        ),
        (
            "API and calls",
            [
                Panel(
                    "API errors",
                    [(rate("quietzone_gateway_request_seconds_count", "route", "status", chosen='status=~"5.."'), "{{status}} {{route}}")],
                    "reqps",
                ),
                latency("API latency", "quietzone_gateway_request_seconds", "route"),
                Panel("API requests under way", [("sum(quietzone_gateway_requests_under_way)", "requests")], limit=500),
                Panel("Calls", [(rate("quietzone_rpc_server_seconds_count", "method"), "{{method}}")], "reqps"),
                Panel(
                    "Calls that failed",
                    [(rate("quietzone_rpc_client_seconds_count", "peer", "code", chosen='code!="OK"'), "{{peer}} {{code}}")],
                    "reqps",
                ),
                latency("Latency of calls", "quietzone_rpc_server_seconds", "method"),
            ],
        ),
    ],
)

SCAN_PATH = Dashboard(
    "scan-path",
    "Quietzone: scan path",
    [
        (
            "Edge",
            [
                Panel("Answers", [(rate("quietzone_tracking_answers_total", "outcome"), "{{outcome}}")], "reqps"),
                latency("Redirects", "quietzone_tracking_redirect_seconds", limit=0.025),
                latency("Delay of the event loop", "quietzone_loop_delay_seconds", "instance", limit=0.25),
                Panel("Open connections", [("sum(quietzone_http_connections) by (instance, port)", "{{instance}} {{port}}")]),
                Panel("Refused", [(rate("quietzone_http_refused_total", "status"), "{{status}}")], "reqps"),
                Panel("Scans not recorded", [(rate("quietzone_tracking_scans_unrecorded_total", "reason"), "{{reason}}")], "ops", 0),
                Panel("Links in memory", [("quietzone_tracking_links_held", "{{instance}}")]),
                Panel("Links looked up", [(rate("quietzone_tracking_links_resolved_total", "by"), "{{by}}")], "ops"),
                Panel("Links loaded", [(rate("quietzone_tracking_links_loads_total", "source"), "{{source}}")], "ops"),
            ],
        ),
        (
            "Spool and forwarder",
            [
                Panel(
                    "Recorded and forwarded",
                    [
                        (rate("quietzone_tracking_scans_recorded_total"), "recorded"),
                        (rate("quietzone_tracking_scans_forwarded_total"), "forwarded"),
                    ],
                    "ops",
                ),
                Panel("Age of scans at the bus", [("quietzone_tracking_forwarding_delay_seconds", "{{instance}}")], "s", 1),
                Panel("Sources open", [("quietzone_tracking_sources_open", "{{instance}}")]),
                Panel(
                    "Failures",
                    [
                        (rate("quietzone_tracking_publish_failures_total"), "publish"),
                        (rate("quietzone_tracking_spool_failures_total"), "disk, forwarder"),
                        (rate("quietzone_tracking_spool_flush_failures_total"), "disk, edge"),
                    ],
                    "ops",
                ),
                Panel("Scans lost", [(rate("quietzone_tracking_scans_lost_total"), "lost")], "ops", 0),
                Panel("Scans without a salt", [(rate("quietzone_tracking_salts_missing_total"), "moments")], "ops", 0),
            ],
        ),
        (
            "Counting",
            [
                Panel("Scans by how far they came", [("max(quietzone_analytics_reconcile_scans) by (stage)", "{{stage}}")]),
                latency("From request to count", "quietzone_analytics_scan_visible_seconds", limit=2),
                Panel("Sources that are silent", [("max(quietzone_analytics_silent_sources)", "sources")], limit=0),
                Panel("Scans that came again", [(rate("quietzone_analytics_scans_repeated_total"), "repeated")], "ops"),
                Panel("Records passed over", [(rate("quietzone_analytics_records_passed_over_total", "reason"), "{{reason}}")], "ops", 0),
                Panel("Records set aside", [(rate("quietzone_analytics_records_rejected_total"), "rejected")], "ops", 0),
            ],
        ),
    ],
)

BUS = Dashboard(
    "bus",
    "Quietzone: bus and consumers",
    [
        (
            "Bus",
            [
                latency("Publish", "quietzone_bus_publish_seconds", limit=0.5),
                Panel("Published", [(rate("quietzone_bus_published_bytes_total"), "bytes")], "Bps"),
                Panel("Errors", [(rate("quietzone_bus_errors_total", "kind"), "{{kind}}")], "ops"),
                Panel("Rebalances", [(rate("quietzone_bus_rebalances_total", "group"), "{{group}}")], "ops"),
                Panel(
                    "Outboxes: age of the oldest",
                    [("max(quietzone_outbox_waiting_age_seconds) by (collection)", "{{collection}}")],
                    "s",
                    30,
                ),
                Panel("Outboxes: published", [(rate("quietzone_outbox_published_total", "collection"), "{{collection}}")], "ops"),
            ],
        ),
        (
            "Consumers",
            [
                Panel("Lag", [("sum(quietzone_consumer_lag_records) by (consumer, topic)", "{{consumer}} of {{topic}}")], limit=10_000),
                Panel(
                    "Applied", [(rate("quietzone_consumer_applied_records_total", "consumer", "topic"), "{{consumer}} of {{topic}}")], "ops"
                ),
                Panel("Retries", [(rate("quietzone_consumer_retries_total", "consumer", "reason"), "{{consumer}} {{reason}}")], "ops"),
                latency("To apply a poll", "quietzone_consumer_apply_seconds", "consumer", "topic"),
                Panel("Reactions", [(rate("quietzone_reaction_records_total", "consumer", "outcome"), "{{consumer}} {{outcome}}")], "ops"),
                latency("To react", "quietzone_reaction_seconds", "consumer"),
            ],
        ),
        (
            "Tasks",
            [
                Panel("Runs", [(rate("quietzone_task_runs_total", "kind", "outcome"), "{{kind}} {{outcome}}")], "ops"),
                latency("Runs take", "quietzone_task_seconds", "kind"),
                latency("Runs begin late by", "quietzone_task_lateness_seconds", "kind"),
            ],
        ),
    ],
)

STORES = Dashboard(
    "stores",
    "Quietzone: stores and cache",
    [
        (
            "Documents",
            [
                Panel("Calls", [(rate("quietzone_documents_seconds_count", "collection"), "{{collection}}")], "ops"),
                latency("Latency", "quietzone_documents_seconds", "collection", limit=1),
                Panel("Errors", [(rate("quietzone_documents_errors_total", "collection", "error"), "{{collection}} {{error}}")], "ops"),
                Panel("Conflicts", [(rate("quietzone_documents_conflicts_total", "collection", "kind"), "{{collection}} {{kind}}")], "ops"),
            ],
        ),
        (
            "Cache",
            [
                Panel("Reads", [(rate("quietzone_cache_reads_total", "answer"), "{{answer}}")], "ops"),
                latency("The server takes", "quietzone_cache_server_seconds", "operation", limit=0.005),
                Panel(
                    "Failures", [(rate("quietzone_cache_server_failures_total", "operation", "error"), "{{operation}} {{error}}")], "ops"
                ),
                Panel("Server away", [("max(quietzone_cache_server_gone)", "away")], limit=0),
            ],
        ),
        (
            "Blobs",
            [
                Panel("Calls", [(rate("quietzone_blobs_seconds_count", "operation", "outcome"), "{{operation}} {{outcome}}")], "ops"),
                latency("Latency", "quietzone_blobs_seconds", "operation"),
                Panel("Bytes", [(rate("quietzone_blobs_bytes_total", "direction"), "{{direction}}")], "Bps"),
                Panel("Archived", [(rate("quietzone_analytics_archive_records_total"), "records")], "ops"),
            ],
        ),
    ],
)

OF_STORAGE = 'quietzone_part="storage"'
CALLS_OF_STORAGE = 'method=~"quietzone.storage.*"'
FAILED = 'outcome=~"5.."'
COPIES = 'consumer="storage-copies"'

STORAGE = Dashboard(
    "storage",
    "Quietzone: files",
    [
        (
            "Files",
            [
                Panel("Answers", [(rate("quietzone_storage_files_total", "outcome"), "{{outcome}}")], "reqps"),
                Panel(
                    "Errors",
                    [(f"{rate('quietzone_storage_files_total', chosen=FAILED)} / {rate('quietzone_storage_files_total')}", "errors")],
                    "percentunit",
                    0.05,
                ),
                Panel("Open connections", [(f"sum(quietzone_http_connections{{{OF_STORAGE}}}) by (instance)", "{{instance}}")]),
                Panel(
                    "Calls",
                    [(rate("quietzone_rpc_server_seconds_count", "method", "code", chosen=CALLS_OF_STORAGE), "{{code}} {{method}}")],
                    "reqps",
                ),
                latency("Latency of calls", "quietzone_rpc_server_seconds", "method", chosen=CALLS_OF_STORAGE),
                latency("Latency of blobs", "quietzone_blobs_seconds", "operation", chosen=OF_STORAGE),
            ],
        ),
        (
            "Images, uploads and prints",
            [
                Panel("Images of codes", [(rate("quietzone_storage_codes_total", "outcome"), "{{outcome}}")], "ops"),
                Panel("Uploads", [(rate("quietzone_storage_uploads_total", "state"), "{{state}}")], "ops"),
                Panel(
                    "Uploads and prints put off",
                    [
                        (
                            rate("quietzone_task_runs_total", "kind", chosen='kind=~"process-image|make-print", outcome="postponed"'),
                            "{{kind}}",
                        )
                    ],
                    "ops",
                    0,
                ),
                Panel("Copies purged", [(rate("quietzone_storage_purged_total"), "files")], "ops"),
                Panel("Purges tried again", [(rate("quietzone_reaction_retries_total", "reason", chosen=COPIES), "{{reason}}")], "ops", 0),
                Panel("Consumers that have stopped", [("max(quietzone_storage_stopped)", "stopped")], limit=0),
            ],
        ),
        (
            "Upkeep and what waits",
            [
                Panel("Clean-ups", [(rate("quietzone_storage_cleaned_total", "outcome"), "{{outcome}}")], "ops"),
                Panel("Swept", [(rate("quietzone_storage_swept_bytes_total"), "bytes")], "Bps"),
                Panel(
                    "Runs of tasks",
                    [(rate("quietzone_task_runs_total", "kind", "outcome", chosen=OF_STORAGE), "{{kind}} {{outcome}}")],
                    "ops",
                ),
                Panel(
                    "Tasks given up",
                    [(rate("quietzone_task_runs_total", "kind", chosen=f'{OF_STORAGE}, outcome="dead"'), "{{kind}}")],
                    "ops",
                    0,
                ),
                Panel(
                    "Age of the task that waits longest", [(f"max(quietzone_task_waiting_age_seconds{{{OF_STORAGE}}})", "age")], "s", 300
                ),
                Panel(
                    "Outbox: age of the oldest event",
                    [('max(quietzone_outbox_waiting_age_seconds{collection="assets"})', "assets")],
                    "s",
                    30,
                ),
                Panel(
                    "Lag",
                    [('sum(quietzone_consumer_lag_records{consumer=~"storage-.*"}) by (consumer)', "{{consumer}}")],
                    limit=10_000,
                ),
                Panel(
                    "Reactions",
                    [
                        (
                            rate("quietzone_reaction_records_total", "consumer", "outcome", chosen='consumer=~"storage-.*"'),
                            "{{consumer}} {{outcome}}",
                        )
                    ],
                    "ops",
                ),
            ],
        ),
    ],
)

RELEASE = Dashboard(
    "release",
    "Quietzone: release",
    [
        (
            "Releases",
            [
                Panel(
                    "Processes by release",
                    [("count(quietzone_build_info) by (version, quietzone_color)", "{{version}} {{quietzone_color}}")],
                ),
                Panel("Processes by role", [("count(quietzone_build_info) by (part, role)", "{{part}} {{role}}")]),
                Panel("Peers away", [("max(quietzone_rpc_client_breaker_open) by (peer)", "{{peer}}")], limit=0),
            ],
        ),
        (
            "By colour",
            [
                Panel(
                    "Redirects",
                    [(rate("quietzone_tracking_answers_total", "quietzone_color", "outcome"), "{{quietzone_color}} {{outcome}}")],
                    "reqps",
                ),
                latency("Redirects take", "quietzone_tracking_redirect_seconds", "quietzone_color", limit=0.025),
                Panel(
                    "API requests",
                    [(rate("quietzone_gateway_request_seconds_count", "quietzone_color", "status"), "{{quietzone_color}} {{status}}")],
                    "reqps",
                ),
                Panel(
                    "Records applied",
                    [(rate("quietzone_consumer_applied_records_total", "quietzone_color", "consumer"), "{{quietzone_color}} {{consumer}}")],
                    "ops",
                ),
                Panel(
                    "Scans accepted and stored",
                    [('max(quietzone_analytics_reconcile_scans{stage=~"accepted|stored"}) by (stage)', "{{stage}}")],
                ),
                Panel("Problems that reconcile found", [("max(quietzone_analytics_reconcile_problems)", "problems")], limit=0),
            ],
        ),
        (
            "Processes",
            [
                Panel(
                    "CPU",
                    [(rate("process_cpu_seconds_total", "quietzone_part", "quietzone_role"), "{{quietzone_part}} {{quietzone_role}}")],
                ),
                Panel(
                    "Memory",
                    [("sum(process_resident_memory_bytes) by (quietzone_part, quietzone_role)", "{{quietzone_part}} {{quietzone_role}}")],
                    "bytes",
                ),
                Panel(
                    "Open files", [("max(process_open_fds) by (quietzone_part, quietzone_role)", "{{quietzone_part}} {{quietzone_role}}")]
                ),
            ],
        ),
    ],
)

DASHBOARDS = (OVERVIEW, SCAN_PATH, BUS, STORES, STORAGE, NOTIFICATION, RELEASE)


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(written(dashboard), "utf-8")


if __name__ == "__main__":
    main()
