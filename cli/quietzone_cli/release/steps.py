"""What can be asked of a release: stage, verify, promote, rollback, retire, status."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quietzone_cli.release.cluster import LOOK_AGAIN_S, Cluster, Pod, Workload
from quietzone_cli.release.commands import ReleaseFailed
from quietzone_cli.release.helm import Helm
from quietzone_cli.release.rollout import (
    Color,
    Rollout,
    Running,
    blue_green,
    least_pods,
    parse,
    promotion,
    retired,
    rollback,
    staged,
)

READY_S = 180.0
"""Pulling images takes most of it."""

VERIFY, TOUR, CONTRACT = "verify", "tour", "contract"
"""The roles of the chart's blueprints."""

WAITING = "quietzone_tracking_scans_waiting"
FORWARDER, FORWARDERS_OPS_PORT = "forwarder", 9091

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """A colour: what it is, the percentage of requests and scans that it answers, what of it is ready, and what isn't and why."""

    color: Color
    running: Running
    share: int
    workloads: list[Workload]
    unready: list[Pod]


@dataclass(frozen=True, slots=True)
class Release:
    """One installation."""

    helm: Helm
    cluster: Cluster
    say: Say

    async def status(self) -> list[Status]:
        """Both colours, the active one first; whether helm's own state is in the way is said."""
        there = await self.helm.installed()
        if there.trouble:
            self.say(there.trouble)
        rollout = parse(there.values)
        return [
            await self._status(rollout, color, share)
            for color, share in ((rollout.active, 100 - rollout.weight), (rollout.other, rollout.weight))
        ]

    async def stage(self, tag: str) -> None:
        """Bring images of `tag` up beside what answers; topics and stores are prepared first, in ways that the old code can live with.

        Raises:
            ReleaseFailed: preparing failed, or a pod isn't ready within READY_S; what answers is as it was.
        """
        there = await self.helm.settled()
        rollout = staged(blue_green(there.values), tag, chart_tag=there.tag)
        try:
            await self.helm.bring(rollout.values(), prepare_s=there.values["prepare"]["deadlineSeconds"])
        except ReleaseFailed as error:
            raise ReleaseFailed(". ".join(filter(None, [str(error), await self.cluster.preparing()]))) from error
        await self._ready(rollout.other)
        self.say(f"{rollout.other} stands ready with {tag}; {rollout.active} answers")

    async def verify(self) -> None:
        """Do the main job on the staged colour, and let each of its parts look at what it will work on.

        Raises:
            ReleaseFailed: with what the job said.
        """
        color = blue_green((await self.helm.settled()).values).other
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
        values = await self._values()
        rollout = blue_green(values)
        joined, switched = promotion(rollout)
        await self.verify()
        await self._enough(rollout, least_pods(values))
        await self.helm.change(joined.values())
        await self._ready(joined.other)
        self.say(f"{joined.other} is at work; now it answers")
        await self.helm.change(switched.values())
        self.say(f"{switched.active} answers; {switched.other} rests, and can take over again by `quietzone release rollback`")

    async def rollback(self) -> None:
        """Let the other colour answer again, at once."""
        for step in rollback(blue_green(await self._values())):
            await self.helm.change(step.values())
            self.say(f"{step.active} answers")
            await self._ready(step.active)
        self.say(f"{step.other} rests")

    async def retire(self) -> None:
        """Remove the other colour once its spools are empty, then what only it needed in the stores.

        Where the colour is gone already, only the latter: doing that twice changes nothing.

        Raises:
            ReleaseFailed: scans wait in its spools, or a store couldn't be rid of what it needed.
        """
        rollout = blue_green(await self._values())
        without = retired(rollout)
        if without == rollout:
            self.say(f"{rollout.other} is gone already; what only it needed in the stores is looked for again")
        else:
            await self._remove(rollout.other, without)
        for blueprint in await self.cluster.blueprints(rollout.active, CONTRACT):
            said = await self.cluster.run_job(blueprint)
            self.say(f"{blueprint}: {_last_word(said)}")
        self.say(f"{rollout.other} is gone; its spools' volumes are kept")

    async def _values(self) -> Mapping[str, Any]:
        """All values of a release that can be changed by values alone."""
        there = await self.helm.settled()
        await self.helm.expect(there)
        return there.values

    async def _status(self, rollout: Rollout, color: Color, share: int) -> Status:
        running = rollout.colors[color]
        if not running.enabled:
            return Status(color, running, share=0, workloads=[], unready=[])
        workloads, unready = await asyncio.gather(self.cluster.workloads(color, argo=rollout.argo), self.cluster.unready(color))
        return Status(color, running, share, workloads, unready)

    async def _enough(self, rollout: Rollout, least: Mapping[tuple[str, str], str]) -> None:
        """See that the other colour can take the load: autoscaling keeps a colour that nobody asks at its minimum.

        Raises:
            ReleaseFailed: a role has fewer pods ready than the active colour has.
        """
        answering, resting = await asyncio.gather(self.cluster.workloads(rollout.active), self.cluster.workloads(rollout.other))
        ready = {(one.part, one.role): one.ready for one in resting}
        asked = {(one.part, one.role): one.answering for one in answering if (one.part, one.role) in least}
        few = {name: pods for name, pods in asked.items() if ready.get(name, 0) < pods}
        if few:
            said = ", ".join(f"{part} {role} has {ready.get((part, role), 0)} ready where {few[part, role]} answer" for part, role in few)
            enough = self.helm.by_hand(",".join(f"{least[name]}={pods}" for name, pods in few.items()))
            raise ReleaseFailed(
                f"{rollout.other} has too few pods for the load of {rollout.active}: {said}. Bring more up by {enough}, promote when "
                "`quietzone release status` shows them ready, and set the value back once the load has moved"
            )

    async def _remove(self, color: Color, without: Rollout) -> None:
        await self._drained(color)
        unmounted = await self.cluster.unmounted(color)
        await self.helm.change(without.values())
        if unmounted:
            adopt = self.helm.by_hand(f"adopt={{{','.join(unmounted)}}}")
            self.say(f"no pod has {', '.join(unmounted)}, which may hold scans: forward them by {adopt}, then delete the claims")

    async def _ready(self, color: Color) -> None:
        """Wait until all of a colour's pods are; no longer for one that Kubernetes has started again and again."""
        until = asyncio.get_running_loop().time() + READY_S
        while missing := await self._missing(color):
            crashing = await self.cluster.crashing(color)
            if crashing or asyncio.get_running_loop().time() >= until:
                unready = "; ".join(f"{pod.name}: {pod.reason}" for pod in await self.cluster.unready(color))
                how = "keep crashing" if crashing else f"not ready within {READY_S:.0f} s"
                raise ReleaseFailed(f"{', '.join(missing)} {how}: {unready or 'Kubernetes made no pods'}")
            await asyncio.sleep(LOOK_AGAIN_S)

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
        scans = float(found[0].rpartition(" ")[2])
        if math.isnan(scans):
            raise ReleaseFailed(
                f"{edge}: its forwarder can't say how many scans wait, since its disk doesn't answer. Nothing was retired: see its log"
            )
        return int(scans)


def _last_word(said: str) -> str:
    """The last line for people: what a job's process logs is JSON."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("{")]
    return lines[-1] if lines else "ended well"
