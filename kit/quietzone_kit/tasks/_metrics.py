"""What workers count, and what to do when it moves."""

from prometheus_client import Counter, Gauge, Histogram

RUNS = Counter(
    "quietzone_task_runs_total",
    "Runs that ended. 'dead' above 0: `error` of the task says why; mend it, then retry the task. 'retried' more often than 'done': see "
    "the log. 'postponed' for minutes: a store or service that the handler needs is down. 'lost' again and again: runs are cut off or "
    "held up for seconds; look at the worker's memory, CPU and pauses.",
    ["kind", "outcome"],
)
SECONDS = Histogram(
    "quietzone_task_seconds",
    "What a run took, by how it ended. Longer than before: look at what its handler calls; near the kind's bound runs are given up.",
    ["kind", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600),
)
LATENESS = Histogram(
    "quietzone_task_lateness_seconds",
    "How long after it was due a task was begun. Grows while `running` is at its most: start more workers; else see the waiting age.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 2, 5, 15, 60, 300, 1800),
)
WAITING_AGE_S = Gauge(
    "quietzone_task_waiting_age_seconds",
    "For how long the task that waits longest has been due. Above 60 while `running` is below its most: no worker of this store can claim "
    "tasks, its log says why.",
)
RUNNING = Gauge("quietzone_task_running", "Tasks that this process runs. At the worker's concurrency for minutes: see lateness.")
