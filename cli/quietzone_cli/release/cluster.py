"""What runs of a release, by kubectl."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quietzone_cli.release.commands import ReleaseFailed, output_of
from quietzone_cli.release.rollout import Color

ANSWER_S = 30.0
JOB_S = 300.0
"""A job reads a thousand events and takes a tour of two codes: seconds, if the cluster has room."""
LOOK_AGAIN_S = 0.5

READ_METRICS = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
"""Run in a pod: the image has Python, and no port of it needs to be open to anybody."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet: how many pods it wants and how many are ready in their newest form."""

    name: str
    part: str
    role: str
    color: Color
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that isn't ready, and why."""

    name: str
    role: str
    color: Color
    reason: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """The namespace of one release."""

    release: str
    namespace: str

    async def workloads(self, color: Color) -> list[Workload]:
        """Everything of a colour that has pods."""
        return [_workload(item) for item in await self._list("deployments,statefulsets", color)]

    async def unready(self, color: Color) -> list[Pod]:
        """Its pods that aren't ready, with what Kubernetes or their own last word says."""
        pods = [item for item in await self._list("pods", color) if item["status"].get("phase") != "Succeeded" and not _is_ready(item)]
        reasons = await asyncio.gather(*(self._reason(item) for item in pods))
        return [_pod(item, reason) for item, reason in zip(pods, reasons, strict=True)]

    async def edges(self, color: Color) -> list[str]:
        """The names of a colour's edge pods."""
        return [item["metadata"]["name"] for item in await self._list("pods", color) if _label(item, "role") == "edge"]

    async def metrics(self, pod: str, container: str, port: int) -> str:
        """What a container's operators' port says at /metrics."""
        read = ["exec", pod, "--container", container, "--", "python", "-c", READ_METRICS, f"http://127.0.0.1:{port}/metrics"]
        return await self._kubectl(*read)

    async def blueprints(self, color: Color, role: str) -> list[str]:
        """The suspended CronJobs of a colour that jobs of this role are made from."""
        return [item["metadata"]["name"] for item in await self._list("cronjobs", color) if _label(item, "role") == role]

    async def run_job(self, blueprint: str) -> str:
        """Make a job, wait for its end, remove it; returns what it printed.

        Raises:
            ReleaseFailed: it failed, or didn't end within JOB_S; with what it printed.
        """
        job = f"{blueprint}-now"
        await self._kubectl("delete", "job", job, "--ignore-not-found", "--cascade=foreground")
        await self._kubectl("create", "job", job, f"--from=cronjob/{blueprint}")
        try:
            succeeded = await self._ended(job)
            said = await self._kubectl("logs", f"job/{job}", "--tail=40")
        finally:
            await self._kubectl("delete", "job", job, "--ignore-not-found", "--wait=false")
        if not succeeded:
            raise ReleaseFailed(f"{blueprint} failed: {said.strip() or 'it printed nothing'}")
        return said

    async def _ended(self, job: str) -> bool:
        """Whether it succeeded."""
        try:
            async with asyncio.timeout(JOB_S):
                while True:
                    status = json.loads(await self._kubectl("get", "job", job, "--output", "json"))["status"]
                    ended = {condition["type"] for condition in status.get("conditions", []) if condition["status"] == "True"}
                    if ended & {"Complete", "Failed"}:
                        return "Complete" in ended
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError as error:
            raise ReleaseFailed(
                f"{job} didn't end within {JOB_S:.0f} s: see `kubectl --namespace {self.namespace} describe job {job}`"
            ) from error

    async def _reason(self, item: Mapping[str, Any]) -> str:
        said = _kubernetes_says(item)
        if said:
            return said
        name = item["metadata"]["name"]
        try:
            log = await self._kubectl("logs", name, "--tail=1", "--container", item["spec"]["containers"][0]["name"])
        except ReleaseFailed as error:
            return str(error)
        return _last_word(log)

    async def _list(self, kinds: str, color: Color) -> Sequence[Mapping[str, Any]]:
        selector = f"app.kubernetes.io/instance={self.release},quietzone/color={color.value}"
        found: Sequence[Mapping[str, Any]] = json.loads(await self._kubectl("get", kinds, "--selector", selector, "--output", "json"))[
            "items"
        ]
        return found

    async def _kubectl(self, *arguments: str) -> str:
        return await output_of(["kubectl", "--namespace", self.namespace, *arguments], within_s=ANSWER_S)


def _workload(item: Mapping[str, Any]) -> Workload:
    status = item["status"]
    # A controller that hasn't seen the newest form yet reports on the one before.
    seen = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
    ready = min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0)) if seen else 0
    return Workload(
        item["metadata"]["name"], _label(item, "part"), _label(item, "role"), Color(_label(item, "color")), item["spec"]["replicas"], ready
    )


def _pod(item: Mapping[str, Any], reason: str) -> Pod:
    return Pod(item["metadata"]["name"], _label(item, "role"), Color(_label(item, "color")), reason)


def _is_ready(item: Mapping[str, Any]) -> bool:
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in item["status"].get("conditions", []))


def _kubernetes_says(item: Mapping[str, Any]) -> str:
    """Why a container doesn't run, or why there is no node for the pod; nothing when all containers run."""
    status = item["status"]
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container["state"].get("waiting")
        if waiting and waiting.get("reason") not in {"ContainerCreating", "PodInitializing", "CrashLoopBackOff"}:
            return f"{container['name']}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    unscheduled = [one for one in status.get("conditions", []) if one["type"] == "PodScheduled" and one["status"] == "False"]
    return f"{unscheduled[0].get('reason')}: {unscheduled[0].get('message')}" if unscheduled else ""


def _last_word(log: str) -> str:
    """The last line of a log, which is JSON with a message and what belongs to it, or a text."""
    line = log.strip().rpartition("\n")[2]
    try:
        said = json.loads(line)
    except ValueError:
        return line or "starting"
    details = [str(said[name]) for name in ("reason", "error", "problems", "error_message") if said.get(name)]
    return ": ".join([str(said.get("message", line)), *details])


def _label(item: Mapping[str, Any], name: str) -> str:
    return str(item["metadata"].get("labels", {}).get(f"quietzone/{name}", ""))
