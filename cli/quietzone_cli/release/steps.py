"""What can be asked of a release: stage, verify, promote, rollback, retire, status."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from quietzone_cli.release.cluster import LOOK_AGAIN_S, Cluster, Pod, Workload
from quietzone_cli.release.commands import ReleaseFailed
from quietzone_cli.release.helm import Helm
from quietzone_cli.release.rollout import Color, Rollout, Running, parse, promotion, retired, rollback, staged

READY_S = 180.0
"""Pulling images takes most of it."""

VERIFY, TOUR, CONTRACT = "verify", "tour", "contract"
"""The roles of the chart's blueprints."""

WAITING = "quietzone_tracking_scans_waiting"
FORWARDER, FORWARDERS_OPS_PORT = "forwarder", 9091

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """A colour: what it is, whether it answers, what of it is ready, and what isn't and why."""

    color: Color
    running: Running
    active: bool
    workloads: list[Workload]
    unready: list[Pod]


@dataclass(frozen=True, slots=True)
class Release:
    """One installation."""

    helm: Helm
    cluster: Cluster
    say: Say

    async def status(self) -> list[Status]:
        """Both colours, the active one first."""
        rollout = await self._rollout()
        return [await self._status(rollout, color) for color in (rollout.active, rollout.other)]

    async def stage(self, tag: str) -> None:
        """Bring images of `tag` up beside what answers; topics and stores are prepared first, in ways that the old code can live with.

        Raises:
            ReleaseFailed: preparing failed, or a pod isn't ready within READY_S; what answers is as it was.
        """
        rollout = staged(await self._rollout(), tag, chart_tag=(await self.helm.installed()).tag)
        await self.helm.upgrade(rollout.values(), hooks=True)
        await self._ready(rollout.other)
        self.say(f"{rollout.other} stands ready with {tag}; {rollout.active} answers")

    async def verify(self) -> None:
        """Do the main job on the staged colour, and let each of its parts look at what it will work on.

        Raises:
            ReleaseFailed: with what the job said.
        """
        rollout = await self._rollout()
        color = rollout.other
        await self._ready(color)
        blueprints = [*await self.cluster.blueprints(color, VERIFY), *await self.cluster.blueprints(color, TOUR)]
        if not blueprints:
            raise ReleaseFailed(f"{color} has nothing to be verified by: was it staged?")
        await asyncio.gather(*map(self.cluster.run_job, blueprints))
        self.say(f"{color} is well: {', '.join(blueprints)}")

    async def promote(self) -> None:
        """Verify the staged colour, and let it answer: its workers join; then it answers and the old ones leave.

        Raises:
            ReleaseFailed: it isn't as it should be; what answers is as it was.
        """
        joined, switched = promotion(await self._rollout())
        await self.verify()
        await self.helm.upgrade(joined.values(), hooks=False)
        await self._ready(joined.other)
        self.say(f"{joined.other} is at work; now it answers")
        await self.helm.upgrade(switched.values(), hooks=False)
        self.say(f"{switched.active} answers; {switched.other} rests, and can take over again by `quietzone release rollback`")

    async def rollback(self) -> None:
        """Let the other colour answer again, at once."""
        for step in rollback(await self._rollout()):
            await self.helm.upgrade(step.values(), hooks=False)
            self.say(f"{step.active} answers")
            await self._ready(step.active)
        self.say(f"{step.other} rests")

    async def retire(self) -> None:
        """Remove the other colour once its spools are empty, then what only it needed in the stores.

        Raises:
            ReleaseFailed: scans wait in its spools.
        """
        rollout = await self._rollout()
        without = retired(rollout)
        await self._drained(rollout.other)
        await self.helm.upgrade(without.values(), hooks=False)
        for blueprint in await self.cluster.blueprints(rollout.active, CONTRACT):
            said = await self.cluster.run_job(blueprint)
            self.say(f"{blueprint}: {_last_word(said)}")
        self.say(f"{rollout.other} is gone; its spools' volumes are kept")

    async def _rollout(self) -> Rollout:
        return parse(await self.helm.values())

    async def _status(self, rollout: Rollout, color: Color) -> Status:
        running = rollout.colors[color]
        if not running.enabled:
            return Status(color, running, active=False, workloads=[], unready=[])
        workloads, unready = await asyncio.gather(self.cluster.workloads(color), self.cluster.unready(color))
        return Status(color, running, color is rollout.active, workloads, unready)

    async def _ready(self, color: Color) -> None:
        """Wait until all of a colour's pods are."""
        try:
            async with asyncio.timeout(READY_S):
                while await self._missing(color):  # noqa: ASYNC110 - kubectl can't wait for several kinds at once
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError as error:
            names = ", ".join(await self._missing(color))
            unready = "; ".join(f"{pod.name}: {pod.reason}" for pod in await self.cluster.unready(color))
            raise ReleaseFailed(f"{names} not ready within {READY_S:.0f} s: {unready or 'Kubernetes made no pods'}") from error

    async def _missing(self, color: Color) -> list[str]:
        return [one.name for one in await self.cluster.workloads(color) if one.ready < one.wanted]

    async def _drained(self, color: Color) -> None:
        waiting = {pod: await self._waiting(pod) for pod in await self.cluster.edges(color)}
        full = {pod: scans for pod, scans in waiting.items() if scans}
        if full:
            said = ", ".join(f"{scans} in {pod}" for pod, scans in full.items())
            raise ReleaseFailed(
                f"scans of {color} aren't forwarded yet: {said}. Retire it when they are; if that takes long, look at the bus"
            )

    async def _waiting(self, edge: str) -> int:
        lines = (await self.cluster.metrics(edge, FORWARDER, FORWARDERS_OPS_PORT)).splitlines()
        found = [line for line in lines if line.startswith(f"{WAITING} ")]
        if not found:
            raise ReleaseFailed(f"{edge}: its forwarder doesn't say how many scans wait; is it an older release? Nothing was retired")
        return int(float(found[0].rpartition(" ")[2]))


def _last_word(said: str) -> str:
    """The last line for people: what a job's process logs is JSON."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("{")]
    return lines[-1] if lines else "ended well"
