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
    """Both colours, and which one answers."""

    active: Color
    colors: Mapping[Color, Running]

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
    """The rollout that a release's values say.

    Raises:
        RolloutRefused: the release isn't blue-green.
    """
    rollout = values.get("rollout", {})
    strategy = rollout.get("strategy")
    if strategy != "blueGreen":
        raise RolloutRefused(f"this release's rollout.strategy is {strategy!r}: these commands are for blueGreen; else use `helm upgrade`")
    colors = {name: rollout["colors"][name.value] for name in Color}
    return Rollout(
        Color(rollout["activeColor"]),
        {name: Running(bool(one["enabled"]), str(one["tag"]), bool(one["workers"])) for name, one in colors.items()},
    )


def staged(rollout: Rollout, tag: str) -> Rollout:
    """The other colour with the images of `tag`, its workers at rest.

    Raises:
        RolloutRefused: the other colour's workers still work.
    """
    other = rollout.colors[rollout.other]
    if other.enabled and other.workers:
        raise RolloutRefused(
            f"{rollout.other} still works: a promotion or rollback was interrupted; end it by `quietzone release promote` or `rollback`"
        )
    return rollout.where(rollout.other, Running(enabled=True, tag=tag, workers=False))


def promotion(rollout: Rollout) -> tuple[Rollout, Rollout, Rollout]:
    """From the active colour to the other: its workers join, it answers, the old workers leave.

    Raises:
        RolloutRefused: the other colour isn't there.
    """
    old, new = rollout.active, rollout.other
    if not rollout.colors[new].enabled:
        raise RolloutRefused(f"{new} isn't there: stage it first by `quietzone release stage TAG`")
    joined = rollout.where(new, replace(rollout.colors[new], workers=True))
    switched = replace(joined, active=new)
    return joined, switched, switched.where(old, replace(rollout.colors[old], workers=False))


def rollback(rollout: Rollout) -> tuple[Rollout, Rollout]:
    """The same, in a hurry: the other colour answers at once while its workers join; then the ones that were active leave.

    Raises:
        RolloutRefused: the other colour isn't there any more.
    """
    if not rollout.colors[rollout.other].enabled:
        raise RolloutRefused(f"{rollout.other} was retired: stage the older release by `quietzone release stage TAG`, then promote it")
    _, switched, left = promotion(rollout)
    return switched, left


def retired(rollout: Rollout) -> Rollout:
    """Without the other colour.

    Raises:
        RolloutRefused: it isn't there, or still works.
    """
    other = rollout.colors[rollout.other]
    if not other.enabled:
        raise RolloutRefused(f"{rollout.other} isn't there: nothing to retire")
    if other.workers:
        raise RolloutRefused(f"{rollout.other} still works: end the promotion by `quietzone release promote`, or undo it by `rollback`")
    return rollout.where(rollout.other, Running(enabled=False, tag="", workers=False))
