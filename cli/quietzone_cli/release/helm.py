"""A release of the chart, by helm."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quietzone_cli.release.commands import ReleaseFailed, output_of

ANSWER_S = 120.0
"""Helm takes 3 to 5 s for a change of values, and more than 30 on a busy machine. Ended in between it leaves a release that is pending."""
PREPARED_S = 60.0
"""What the Job that prepares topics and stores may take beyond its deadline: the one before it goes, its pods end."""
ROOM_S = 60.0
"""What helm may take around that: hooks that are no Jobs, and handing everything to the cluster."""

FASTER = ("--no-hooks", "--disable-openapi-validation", "--qps", "100", "--burst-limit", "200")
"""For changes of a few values in what the cluster has accepted before: a promotion takes 3 s with them and 8 without."""

CHANGED_NOTHING = "pre-upgrade hooks failed"
"""How helm describes a revision that the cluster saw nothing of: topics and stores couldn't be prepared."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The revision that is deployed: its chart (`name-version`), the tag of images that it has by itself, all its values with defaults.

    `trouble` says why no upgrade may be built on it, and what to do; it is empty when one may.
    """

    chart: str
    tag: str
    values: Mapping[str, Any]
    trouble: str


@dataclass(frozen=True, slots=True)
class _Revision:
    number: int
    state: str
    chart: str
    app_version: str
    description: str


@dataclass(frozen=True, slots=True)
class Helm:
    """One release. `chart` is what upgrades use: a folder, a packaged chart, or a reference to one."""

    release: str
    namespace: str
    chart: str

    async def installed(self) -> Installed:
        """What there is. An upgrade that failed is none: helm builds the next one on what is deployed, and so do we.

        Raises:
            ReleaseFailed: there is no such release.
        """
        history = await self._history()
        there = _deployed(history) or history[-1]
        asked = ["helm", "get", "values", self.release, *self._place, "--revision", str(there.number), "--all", "--output", "json"]
        values: Mapping[str, Any] = json.loads(await output_of(asked, within_s=ANSWER_S))
        return Installed(there.chart, values.get("image", {}).get("tag") or there.app_version, values, self._trouble(history))

    async def settled(self) -> Installed:
        """The same, where an upgrade may be built on it.

        Raises:
            ReleaseFailed: there is no such release, or it must be put in order by helm first.
        """
        found = await self.installed()
        if found.trouble:
            raise ReleaseFailed(found.trouble)
        return found

    async def bring(self, values: Mapping[str, Any], *, prepare_s: float) -> None:
        """Upgrade to the chart with these values changed; topics and stores are prepared first, which may take `prepare_s`."""
        waits_s = prepare_s + PREPARED_S
        await self._upgrade(values, "--timeout", f"{waits_s:.0f}s", within_s=waits_s + ROOM_S)

    async def change(self, values: Mapping[str, Any]) -> None:
        """Change these values alone: the chart is to be the one that is installed (`expect`)."""
        await self._upgrade(values, *FASTER, within_s=ANSWER_S)

    async def expect(self, there: Installed) -> None:
        """See that the chart is the one that is installed, so that nothing else changes with values.

        Raises:
            ReleaseFailed: it is another one.
        """
        found = await output_of(["helm", "show", "chart", self.chart], within_s=ANSWER_S)
        version = next((line.partition(":")[2].strip() for line in found.splitlines() if line.startswith("version:")), "")
        if there.chart != f"quietzone-{version}":
            raise ReleaseFailed(
                f"{self.chart} is quietzone-{version}, the release was made with {there.chart}: name that one by --chart, "
                "or bring the new chart by `quietzone release stage`"
            )

    def by_hand(self, settings: str) -> str:
        """The command that sets values of the chart which aren't about colours."""
        return f"`helm upgrade {self.release} {self.chart} {' '.join(self._place)} --reuse-values --no-hooks --set '{settings}'`"

    async def _upgrade(self, values: Mapping[str, Any], *options: str, within_s: float) -> None:
        command = ["helm", "upgrade", self.release, self.chart, *self._place, "--reset-then-reuse-values", "--values", "-", *options]
        await output_of(command, within_s=within_s, given=json.dumps(values))

    async def _history(self) -> list[_Revision]:
        """All revisions that helm keeps, the newest last."""
        try:
            said = await output_of(["helm", "history", self.release, *self._place, "--output", "json"], within_s=ANSWER_S)
        except ReleaseFailed as error:
            if "release: not found" not in str(error):
                raise
            raise ReleaseFailed(
                f"there is no release {self.release} in namespace {self.namespace}: see `helm list --all --all-namespaces`"
            ) from error
        return [
            _Revision(one["revision"], one["status"], one["chart"], one["app_version"], one.get("description", ""))
            for one in json.loads(said)
        ]

    def _trouble(self, history: Sequence[_Revision]) -> str:
        last, there = history[-1], _deployed(history)
        place = " ".join(self._place)
        if there is None:
            return (
                f"release {self.release} is {last.state} and was never deployed ({last.description}): end its installation by "
                f"`helm upgrade --install`; while it is pending, remove it first by `helm uninstall {self.release} {place}`"
            )
        if last == there or CHANGED_NOTHING in last.description:
            return ""
        what = (
            f"failed ({last.description}), and may be half there"
            if last.state == "failed"
            else f"is {last.state}: helm is at work on it, or was killed; once nobody runs helm"
        )
        return (
            f"revision {last.number} of release {self.release} {what}: go back to what was deployed by "
            f"`helm rollback {self.release} {there.number} {place}`, then try again (`helm history {self.release} {place}`)"
        )

    @property
    def _place(self) -> list[str]:
        return ["--namespace", self.namespace]


def _deployed(history: Sequence[_Revision]) -> _Revision | None:
    return next((one for one in reversed(history) if one.state == "deployed"), None)


def chart_of(text: str) -> str:
    """The chart to use: `text`, or the one beside this code when it is empty.

    Raises:
        ReleaseFailed: none was named, and this isn't a checkout.
    """
    beside = Path("charts/quietzone")
    if text:
        return text
    if (beside / "Chart.yaml").exists():
        return str(beside)
    raise ReleaseFailed("which chart? Name the folder, package or reference that the release was installed from by --chart")
