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
        await output_of([*command, *([] if hooks else ["--no-hooks"])], within_s=HOOKS_S if hooks else ANSWER_S, given=json.dumps(values))

    async def _same_chart(self) -> None:
        listed = await output_of(["helm", "list", *self._place, "--filter", f"^{self.release}$", "--output", "json"], within_s=ANSWER_S)
        installed = json.loads(listed)
        if not installed:
            raise ReleaseFailed(f"there is no release {self.release} in namespace {self.namespace}: see `helm list --all-namespaces`")
        found = await output_of(["helm", "show", "chart", self.chart], within_s=ANSWER_S)
        version = next((line.partition(":")[2].strip() for line in found.splitlines() if line.startswith("version:")), "")
        if installed[0]["chart"] != f"quietzone-{version}":
            raise ReleaseFailed(
                f"{self.chart} is quietzone-{version}, the release was made with {installed[0]['chart']}: name that one by --chart, "
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
