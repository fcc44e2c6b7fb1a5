"""`quietzone release`: blue-green releases of the chart on Kubernetes."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.release.cluster import Cluster
from quietzone_cli.release.commands import ReleaseFailed
from quietzone_cli.release.helm import Helm, chart_of
from quietzone_cli.release.rollout import RolloutRefused
from quietzone_cli.release.steps import Release, Status
from quietzone_cli.terminal import console, finish

app = typer.Typer(no_args_is_help=True, help="Bring a new release of the chart up beside the old one, look at it, switch, and back.")

Name = Annotated[str, typer.Option("--release", envvar="QUIETZONE_RELEASE", help="The helm release.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", envvar="QUIETZONE_NAMESPACE", help="Its namespace.")]
Chart = Annotated[str, typer.Option("--chart", envvar="QUIETZONE_CHART", help="Folder, package or reference; by default charts/quietzone.")]

Work = Callable[[Release], Coroutine[Any, Any, int]]


@app.command()
def stage(
    tag: Annotated[str, typer.Argument(help="The tag of the new images.")],
    release: Name = "quietzone",
    namespace: Namespace = "default",
    chart: Chart = "",
) -> None:
    """Start images of TAG in the colour that doesn't answer, workers at rest; topics and stores are prepared first."""

    async def work(asked: Release) -> int:
        await asked.stage(tag)
        return 0

    _do(release, namespace, chart, work)


@app.command()
def verify(release: Name = "quietzone", namespace: Namespace = "default", chart: Chart = "") -> None:
    """Do the main job on the staged colour; let each part connect, load its state and decode the newest events, writing nothing."""
    _do(release, namespace, chart, lambda asked: _zero(asked.verify()))


@app.command()
def promote(release: Name = "quietzone", namespace: Namespace = "default", chart: Chart = "") -> None:
    """Verify, then switch: new workers join, the staged colour answers, old workers leave."""
    _do(release, namespace, chart, lambda asked: _zero(asked.promote()))


@app.command()
def rollback(release: Name = "quietzone", namespace: Namespace = "default", chart: Chart = "") -> None:
    """Let the colour that answered before answer again."""
    _do(release, namespace, chart, lambda asked: _zero(asked.rollback()))


@app.command()
def retire(release: Name = "quietzone", namespace: Namespace = "default", chart: Chart = "") -> None:
    """Remove the colour that doesn't answer, once its spools are empty; then what only it needed in the stores."""
    _do(release, namespace, chart, lambda asked: _zero(asked.retire()))


@app.command()
def status(release: Name = "quietzone", namespace: Namespace = "default", chart: Chart = "") -> None:
    """Show both colours; exit code 1 when something that should be ready isn't."""

    async def work(asked: Release) -> int:
        found = await asked.status()
        for one in found:
            _show(one)
        return 1 if any(one.unready or any(each.ready < each.wanted for each in one.workloads) for one in found) else 0

    _do(release, namespace, chart, work)


async def _zero(work: Coroutine[Any, Any, None]) -> int:
    await work
    return 0


def _do(release: str, namespace: str, chart: str, work: Work) -> None:
    async def run() -> int:
        helm = Helm(release, namespace, chart_of(chart))
        asked = Release(helm, Cluster(release, namespace), lambda line: console.print(escape(line), highlight=False, soft_wrap=True))
        try:
            return await work(asked)
        except RolloutRefused as error:
            raise ReleaseFailed(str(error)) from error

    finish(run())


def _show(status: Status) -> None:
    if not status.running.enabled:
        console.print(f"{status.color}: not there", highlight=False)
        return
    what = {0: "stands by", 100: "answers"}.get(status.share, f"answers {status.share} %")
    workers = "work" if status.running.workers else "rest"
    table = Table(title=f"{status.color}: {what}, workers {workers}, images {status.running.tag or 'of the chart'}", title_justify="left")
    for column in ("part", "role", "ready"):
        table.add_column(column)
    for one in sorted(status.workloads, key=lambda workload: workload.name):
        table.add_row(one.part, one.role, f"{one.ready} of {one.wanted}")
    console.print(table)
    for pod in status.unready:
        console.print(f"[bold red]✗[/] {escape(f'{pod.name}: {pod.reason}')}", highlight=False, soft_wrap=True)
