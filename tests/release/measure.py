"""What an installation at rest takes, and how soon its processes were ready, as they say it themselves."""

import json
from datetime import datetime

from release.cluster import Cluster

LOOK = """
import json, os, time
fields = open("/proc/1/stat").read().rpartition(")")[2].split()
started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
pss = next(int(line.split()[1]) for line in open("/proc/1/smaps_rollup") if line.startswith("Pss:"))
print(json.dumps({"started": started, "pss_kb": pss}))
"""
"""proc(5): field 22 of stat is when the process began, in clock ticks after boot; Pss is its memory, with its share of what is shared."""


def at_rest(cluster: Cluster, color: str) -> dict[str, tuple[float, float]]:
    """Of each container of a colour: MiB that its process holds, and seconds from its start until it said that it was ready."""
    found = {}
    for pod in cluster.found("pods", f"quietzone/color={color}"):
        name = pod["metadata"]["name"]
        for status in [*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ())]:
            if status["state"].get("running"):
                seen = json.loads(cluster.kubectl("exec", name, "--container", status["name"], "--", "python", "-c", LOOK))
                found[f"{name}/{status['name']}"] = (seen["pss_kb"] / 1024, _ready_at(cluster, name, status["name"]) - seen["started"])
    return found


def _ready_at(cluster: Cluster, pod: str, container: str) -> float:
    """Unix time of the process's word; its log is JSON."""
    for line in cluster.kubectl("logs", pod, "--container", container).splitlines():
        if line.startswith("{") and (said := json.loads(line)).get("message") == "ready":
            return datetime.fromisoformat(said["timestamp"]).timestamp()
    return float("inf")
