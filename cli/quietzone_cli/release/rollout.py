"""Which colours run, and which one answers: values of the chart, and the steps from one state to the next.

A release stands in two colours at most. The *active* one answers; the *other* one is staged, looked at, promoted, kept for a
rollback, or retired. Workers of both share their consumer groups, so that both may work for a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Color(StrEnum):
    """The name of one of the two."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Color":
        """The one beside it."""
        return Color.GREEN if self is Color.BLUE else Color.BLUE


class RolloutRefused(Exception):
    """A step that isn't possible, or not safe, from here: says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """One colour: whether it is there, the tag of its images ("": the chart's), and whether its workers work."""

    enabled: bool
    tag: str
    workers: bool


@dataclass(frozen=True, slots=True)
class Rollout:
    """Both colours, and which one answers; of a canary, the percentage that the other one answers, and whether Argo Rollouts runs it."""

    active: Color
    colors: Mapping[Color, Running]
    weight: int = 0
    argo: bool = False

    @property
    def other(self) -> Color:
        """The colour that doesn't answer."""
        return self.active.other

    def values(self) -> dict[str, Any]:
        """As values of the chart."""
        colors = {name.value: {"enabled": one.enabled, "tag": one.tag, "workers": one.workers} for name, one in self.colors.items()}
        return {"rollout": {"activeColor": self.active.value, "colors": colors}}

    def where(self, color: Color, running: Running) -> "Rollout":
        """The same with another state of one colour."""
        return replace(self, colors={**self.colors, color: running})


def parse(values: Mapping[str, Any]) -> Rollout:
    """The rollout that a release's values say. One that isn't of two colours is blue."""
    rollout = values["rollout"]
    colors = {name: rollout["colors"][name.value] for name in Color}
    canary = rollout.get("canary", {}) if rollout["strategy"] == "canary" else {}
    argo = canary.get("provider") == "argoRollouts"
    if argo or rollout["strategy"] == "rolling":
        blue = Running(enabled=True, tag=str(colors[Color.BLUE]["tag"]), workers=True)
        return Rollout(Color.BLUE, {Color.BLUE: blue, Color.GREEN: Running(enabled=False, tag="", workers=False)}, argo=argo)
    return Rollout(
        Color(rollout["activeColor"]),
        {name: Running(bool(one["enabled"]), str(one["tag"]), bool(one["workers"])) for name, one in colors.items()},
        weight=int(canary.get("weight", 0)),
    )


def blue_green(values: Mapping[str, Any]) -> Rollout:
    """The rollout of a release that can be switched.

    Raises:
        RolloutRefused: it isn't blue-green.
    """
    strategy = values["rollout"]["strategy"]
    if strategy != "blueGreen":
        raise RolloutRefused(
            f"this release's rollout.strategy is {strategy!r}, and only blueGreen is switched by steps: use `helm upgrade`"
        )
    return parse(values)


def least_pods(values: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The roles (part, role) that answer requests or scans, each with the value of the chart that says how many pods it has at least."""
    roles = {(part, role): own for part, its in values["parts"].items() for role, own in its["roles"].items()}
    scaled = {name: {**values["defaults"]["autoscaling"], **own.get("autoscaling", {})} for name, own in roles.items()}
    return {
        (part, role): f"parts.{part}.roles.{role}.{'autoscaling.min' if _scales(scaled[part, role]) else 'replicas'}"
        for (part, role), own in roles.items()
        if own["enabled"] and own["kind"] != "worker"
    }


def _scales(autoscaling: Mapping[str, Any]) -> bool:
    return bool(autoscaling["enabled"] or autoscaling["lag"].get("enabled"))


def staged(rollout: Rollout, tag: str, *, chart_tag: str) -> Rollout:
    """The other colour with the images of `tag`, its workers at rest. Where the active one's tag is the chart's, it is named: the chart
    that comes may have another. `chart_tag` is that of the chart which is installed.

    Raises:
        RolloutRefused: the other colour's workers still work.
    """
    other = rollout.colors[rollout.other]
    if other.enabled and other.workers:
        raise RolloutRefused(_interrupted(rollout.other))
    active = rollout.colors[rollout.active]
    named = rollout.where(rollout.active, replace(active, tag=active.tag or chart_tag))
    return named.where(rollout.other, Running(enabled=True, tag=tag, workers=False))


def promotion(rollout: Rollout) -> tuple[Rollout, Rollout]:
    """From the active colour to the other: its workers join; then it answers and the old workers leave.

    Helm changes Services before it changes workers. So both work only while the old colour answers: from there a promotion goes on, and
    a rollback undoes it.

    Raises:
        RolloutRefused: the other colour isn't there.
    """
    old, new = rollout.active, rollout.other
    if not rollout.colors[new].enabled:
        raise RolloutRefused(f"{new} isn't there: stage it first by `quietzone release stage TAG`")
    joined = rollout.where(new, replace(rollout.colors[new], workers=True))
    return joined, replace(joined.where(old, replace(joined.colors[old], workers=False)), active=new)


def rollback(rollout: Rollout) -> tuple[Rollout, ...]:
    """Back in a hurry: the other colour answers at once while its workers join; then the ones that were active leave.

    Raises:
        RolloutRefused: the other colour isn't there any more.
    """
    old, new = rollout.active, rollout.other
    if not rollout.colors[new].enabled:
        raise RolloutRefused(f"{new} was retired: stage the older release by `quietzone release stage TAG`, then promote it")
    if rollout.colors[new].workers:  # a promotion was interrupted: nobody but workers has moved
        return (rollout.where(new, replace(rollout.colors[new], workers=False)),)
    switched = replace(rollout.where(new, replace(rollout.colors[new], workers=True)), active=new)
    return switched, switched.where(old, replace(switched.colors[old], workers=False))


def retired(rollout: Rollout) -> Rollout:
    """Without the other colour; as it is where that is gone already.

    Raises:
        RolloutRefused: the other colour still works.
    """
    other = rollout.colors[rollout.other]
    if not other.enabled:
        return rollout
    if other.workers:
        raise RolloutRefused(_interrupted(rollout.other))
    return rollout.where(rollout.other, Running(enabled=False, tag="", workers=False))


def _interrupted(color: Color) -> str:
    return f"{color} still works, since a promotion was interrupted: end it by `quietzone release promote`, or undo it by `rollback`"
