"""A release of the chart, by helm."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quietzone_cli.release.commands import ReleaseFailed, output_of

ANSWER_S = 30.0
HOOKS_S = 900.0
"""Topics and migrations before an upgrade; the chart gives them ten minutes."""


FASTER = ("--no-hooks", "--disable-openapi-validation", "--qps", "100", "--burst-limit", "200")
"""For changes of a few values in what the cluster has accepted before: a promotion takes 3 s with them and 8 without."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The chart that a release was made with: `name-version`, and the tag of images that it has by itself."""

    chart: str
    tag: str


@dataclass(frozen=True, slots=True)
class Helm:
    """One release. `chart` is what upgrades use: a folder, a packaged chart, or a reference to one."""

    release: str
    namespace: str
    chart: str

    async def values(self) -> Mapping[str, Any]:
        """All values of the release, defaults included."""
        said = await output_of(["helm", "get", "values", self.release, *self._place, "--all", "--output", "json"], within_s=ANSWER_S)
        found: Mapping[str, Any] = json.loads(said)
        return found

    async def upgrade(self, values: Mapping[str, Any], *, hooks: bool) -> None:
        """Change these values and no others; with `hooks`, topics and stores are prepared first.

        Raises:
            ReleaseFailed: without hooks the chart must be the one that is installed, so that nothing else changes with the values.
        """
        if not hooks:
            await self._same_chart()
        command = ["helm", "upgrade", self.release, self.chart, *self._place, "--reset-then-reuse-values", "--values", "-"]
        await output_of([*command, *(() if hooks else FASTER)], within_s=HOOKS_S if hooks else ANSWER_S, given=json.dumps(values))

    async def installed(self) -> Installed:
        """What there is.

        Raises:
            ReleaseFailed: there is no such release.
        """
        listed = await output_of(["helm", "list", *self._place, "--filter", f"^{self.release}$", "--output", "json"], within_s=ANSWER_S)
        found = json.loads(listed)
        if not found:
            raise ReleaseFailed(f"there is no release {self.release} in namespace {self.namespace}: see `helm list --all-namespaces`")
        image = (await self.values()).get("image", {})
        return Installed(found[0]["chart"], image.get("tag") or found[0]["app_version"])

    async def _same_chart(self) -> None:
        there = await self.installed()
        found = await output_of(["helm", "show", "chart", self.chart], within_s=ANSWER_S)
        version = next((line.partition(":")[2].strip() for line in found.splitlines() if line.startswith("version:")), "")
        if there.chart != f"quietzone-{version}":
            raise ReleaseFailed(
                f"{self.chart} is quietzone-{version}, the release was made with {there.chart}: name that one by --chart, "
                "or bring the new chart by `quietzone release stage`"
            )

    @property
    def _place(self) -> list[str]:
        return ["--namespace", self.namespace]


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
