"""What an installation at rest takes, and how soon its processes were ready, as they say it themselves."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from release.cluster import Cluster

LOOK = """
import json, os, time
fields = open("/proc/1/stat").read().rpartition(")")[2].split()
started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
pss = next(int(line.split()[1]) for line in open("/proc/1/smaps_rollup") if line.startswith("Pss:"))
print(json.dumps({"started": started, "pss_kb": pss}))
"""
"""proc(5): field 22 of stat is when the process began, in clock ticks after boot; Pss is its memory, with its share of what is shared."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a container's process holds, in MiB, and how many seconds after its start it said that it was ready."""

    mib: float
    ready_s: float


def processes(cluster: Cluster, pods: list[dict[str, Any]]) -> dict[str, Process]:
    """Of all containers of these pods, by part, role and container."""
    found = {}
    for pod in pods:
        name, labels = pod["metadata"]["name"], pod["metadata"]["labels"]
        for container in (one["name"] for one in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]):
            seen = json.loads(cluster.kubectl("exec", name, "--container", container, "--", "python", "-c", LOOK))
            process = Process(seen["pss_kb"] / 1024, _ready_at(cluster, name, container) - seen["started"])
            found[f"{labels['quietzone/part']} {container} ({name})"] = process
    return found


def _ready_at(cluster: Cluster, pod: str, container: str) -> float:
    """Unix time of the process's word; its log is JSON."""
    for line in cluster.kubectl("logs", pod, "--container", container).splitlines():
        if line.startswith("{") and (said := json.loads(line)).get("message") == "ready":
            return datetime.fromisoformat(said["timestamp"]).timestamp()
    return float("inf")
