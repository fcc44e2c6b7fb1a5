"""What runs of a release, by kubectl."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quietzone_cli.release.commands import ReleaseFailed, output_of
from quietzone_cli.release.rollout import Color

ANSWER_S = 30.0
JOB_ENDS_S = 60.0
"""What a job may take beyond its own deadline: its pods end within 30 s."""
LOOK_AGAIN_S = 0.5

KINDS = "deployments,statefulsets"
ARGO_KINDS = f"{KINDS},rollouts.argoproj.io"

NOT_YET = frozenset({"ContainerCreating", "PodInitializing"})
"""What a container waits for before it has said anything."""

CRASHING, MANY_RESTARTS = "CrashLoopBackOff", 3
"""Kubernetes waits for 10, 20, 40 s before it starts a container again: three times take more than a minute."""

READ_METRICS = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
"""Run in a pod: the image has Python, and no port of it needs to be open to anybody."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet: how many pods it wants, how many are ready in their newest form, and how many in any form."""

    name: str
    part: str
    role: str
    color: Color
    wanted: int
    ready: int
    answering: int


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

    async def workloads(self, color: Color, *, argo: bool = False) -> list[Workload]:
        """Everything of a colour that has pods; `argo` where some may be a Rollout of Argo Rollouts."""
        return [_workload(item) for item in await self._list(ARGO_KINDS if argo else KINDS, f"quietzone/color={color.value}")]

    async def unready(self, color: Color) -> list[Pod]:
        """Its pods that aren't ready, with what Kubernetes or their own last word says."""
        pods = [
            item
            for item in await self._list("pods", f"quietzone/color={color.value}")
            if item["status"].get("phase") != "Succeeded" and not _is_ready(item)
        ]
        reasons = await asyncio.gather(*(self._reason(item) for item in pods))
        return [_pod(item, reason) for item, reason in zip(pods, reasons, strict=True)]

    async def crashing(self, color: Color) -> bool:
        """Whether a container has ended so often that waiting won't help. One that lacks a server or a Secret doesn't end, it waits."""
        pods = await self._list("pods", f"quietzone/color={color.value}")
        states = [container for item in pods for container in _containers(item)]
        return any(
            container.get("restartCount", 0) >= MANY_RESTARTS and container["state"].get("waiting", {}).get("reason") == CRASHING
            for container in states
        )

    async def preparing(self) -> str:
        """Why the Job that prepares topics and stores failed: the last errors of its containers; nothing where none did."""
        pods = [item for item in await self._list("pods", "quietzone/role=prepare") if item["status"].get("phase") == "Failed"]
        if not pods:
            return ""
        newest = max(pods, key=lambda item: str(item["status"].get("startTime", "")))
        failed = [each["name"] for each in _containers(newest) if each["state"].get("terminated", {}).get("exitCode")]
        return "; ".join(await asyncio.gather(*(self._last_word(newest["metadata"]["name"], name, errors=True) for name in failed)))

    async def edges(self, color: Color) -> list[str]:
        """The names of a colour's edge pods."""
        return [item["metadata"]["name"] for item in await self._list("pods", f"quietzone/color={color.value},quietzone/role=edge")]

    async def unmounted(self, color: Color) -> list[str]:
        """The claims of a colour's spools that no pod has, or had, as a Job's that ended well does: nobody has looked into them."""
        claims, pods = await asyncio.gather(self._list("persistentvolumeclaims", f"quietzone/color={color.value}"), self._list("pods"))
        mounted = {
            volume.get("persistentVolumeClaim", {}).get("claimName")
            for pod in pods
            if pod["status"].get("phase") != "Failed"
            for volume in pod["spec"].get("volumes", [])
        }
        return sorted({item["metadata"]["name"] for item in claims} - mounted)

    async def metrics(self, pod: str, container: str, port: int) -> str:
        """What a container's operators' port says at /metrics."""
        read = ["exec", pod, "--container", container, "--", "python", "-c", READ_METRICS, f"http://127.0.0.1:{port}/metrics"]
        return await self._kubectl(*read)

    async def blueprints(self, color: Color, role: str) -> list[str]:
        """The suspended CronJobs of a colour that jobs of this role are made from."""
        return [item["metadata"]["name"] for item in await self._list("cronjobs", f"quietzone/color={color.value},quietzone/role={role}")]

    async def run_job(self, blueprint: str) -> str:
        """Make a job, wait for its end, remove it; returns what it printed.

        Raises:
            ReleaseFailed: it failed, or didn't end within its deadline; with what it printed.
        """
        job = f"{blueprint}-now"
        await self._kubectl("delete", "job", job, "--ignore-not-found", "--cascade=foreground")
        await self._kubectl("create", "job", job, f"--from=cronjob/{blueprint}")
        try:
            failed = await self._failed(job)
            said = await self._printed(job)
        finally:
            await self._kubectl("delete", "job", job, "--ignore-not-found", "--wait=false")
        if failed:
            raise ReleaseFailed(f"{blueprint} failed ({failed}): {said.strip() or 'it printed nothing'}")
        return said

    async def _failed(self, job: str) -> str:
        """Waits for its end: why it failed, nothing when it did well."""
        within_s = (await self._job(job))["spec"]["activeDeadlineSeconds"] + JOB_ENDS_S
        try:
            async with asyncio.timeout(within_s):
                while True:
                    conditions = (await self._job(job))["status"].get("conditions", [])
                    ended = {one["type"]: one.get("reason", "") for one in conditions if one["status"] == "True"}
                    if "Complete" in ended:
                        return ""
                    if "Failed" in ended:
                        return ended["Failed"] or "Kubernetes doesn't say why"
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError as error:
            raise ReleaseFailed(
                f"{job} didn't end within {within_s:.0f} s: see `kubectl --namespace {self.namespace} describe job {job}`"
            ) from error

    async def _job(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(await self._kubectl("get", "job", name, "--output", "json"))
        return found

    async def _printed(self, job: str) -> str:
        """Nothing when its pods are gone, as they are after its deadline."""
        try:
            return await self._kubectl("logs", f"job/{job}", "--tail=40")
        except ReleaseFailed:
            return ""

    async def _reason(self, item: Mapping[str, Any]) -> str:
        said = _kubernetes_says(item)
        if said:
            return said
        words = await asyncio.gather(*(self._last_word(item["metadata"]["name"], container) for container in _troubled(item)))
        return "; ".join(words) or "starting"

    async def _last_word(self, pod: str, container: str, *, errors: bool = False) -> str:
        """The last line of a container's log; with `errors` the last error among the last 20, if there is one."""
        try:
            log = await self._kubectl("logs", pod, f"--tail={20 if errors else 1}", "--container", container)
        except ReleaseFailed as error:
            return f"{container}: {error}"
        wrong = [line for line in log.splitlines() if '"level": "error"' in line]
        return f"{container}: {_last_word(wrong[-1] if wrong else log)}"

    async def _list(self, kinds: str, labels: str = "") -> Sequence[Mapping[str, Any]]:
        selector = ",".join(filter(None, [f"app.kubernetes.io/instance={self.release}", labels]))
        found: Sequence[Mapping[str, Any]] = json.loads(await self._kubectl("get", kinds, "--selector", selector, "--output", "json"))[
            "items"
        ]
        return found

    async def _kubectl(self, *arguments: str) -> str:
        return await output_of(["kubectl", "--namespace", self.namespace, *arguments], within_s=ANSWER_S)


def _workload(item: Mapping[str, Any]) -> Workload:
    status, wanted = item["status"], item["spec"]["replicas"]
    answering = min(wanted, status.get("readyReplicas", 0))
    return Workload(
        item["metadata"]["name"],
        _label(item, "part"),
        _label(item, "role"),
        Color(_label(item, "color")),
        wanted,
        min(answering, _newest(item)),
        answering,
    )


def _newest(item: Mapping[str, Any]) -> int:
    """How many pods have the newest form; all that are wanted of a canary by Argo Rollouts, which gives few of them the newest."""
    if item["kind"] == "Rollout":
        return int(item["spec"]["replicas"])
    # A controller that hasn't seen the newest form yet reports on the one before.
    seen = item["status"].get("observedGeneration", 0) >= item["metadata"]["generation"]
    return int(item["status"].get("updatedReplicas", 0)) if seen else 0


def _pod(item: Mapping[str, Any], reason: str) -> Pod:
    return Pod(item["metadata"]["name"], _label(item, "role"), Color(_label(item, "color")), reason)


def _is_ready(item: Mapping[str, Any]) -> bool:
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in item["status"].get("conditions", []))


def _kubernetes_says(item: Mapping[str, Any]) -> str:
    """Why a container doesn't run, or why there is no node for the pod; nothing when all containers run."""
    status = item["status"]
    for container in _containers(item):
        waiting = container["state"].get("waiting")
        if waiting and waiting.get("reason") not in NOT_YET | {CRASHING}:
            return f"{container['name']}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    unscheduled = [one for one in status.get("conditions", []) if one["type"] == "PodScheduled" and one["status"] == "False"]
    return f"{unscheduled[0].get('reason')}: {unscheduled[0].get('message')}" if unscheduled else ""


def _troubled(item: Mapping[str, Any]) -> list[str]:
    """The containers, sidecars among them, that run or ran and aren't ready."""
    return [
        container["name"]
        for container in _containers(item)
        if not container["ready"] and container["state"].get("waiting", {}).get("reason") not in NOT_YET
    ]


def _containers(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*item["status"].get("initContainerStatuses", []), *item["status"].get("containerStatuses", [])]


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
