"""`quietzone topics`: what the bus has, beside what proto/topics declares."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import typer
from rich.markup import escape

from quietzone_cli.operations import BackendsOption, DataFolder, answers
from quietzone_cli.terminal import console, finish
from quietzone_kit.bus import Topic
from quietzone_kit.bus.topics import Difference, TopicAdmin, apply, plan
from quietzone_standalone.settings import Backends
from quietzone_topics import TOPICS

app = typer.Typer(no_args_is_help=True, help="Compare the bus's topics with those that are declared, and create what is missing.")

Work = Callable[[TopicAdmin, Sequence[Topic]], Awaitable[Sequence[Difference]]]


@app.command(name="plan")
def plan_command(data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED) -> None:
    """Say what `apply` would do; changes nothing."""
    finish(_show(data, backends, plan, done=False, differing=0))


@app.command()
def check(data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED) -> None:
    """The same as plan, with exit code 1 when anything differs: for a release to stop at."""
    finish(_show(data, backends, plan, done=False, differing=1))


@app.command(name="apply")
def apply_command(data: DataFolder = Path("data"), backends: BackendsOption = Backends.EMBEDDED) -> None:
    """Create what is missing and set what differs; another number of partitions is refused."""
    finish(_show(data, backends, apply, done=True, differing=0))


async def _show(data: Path, backends: Backends, work: Work, *, done: bool, differing: int) -> int:
    from quietzone_standalone.operations.stores import open_topic_admin  # noqa: PLC0415 - `serve` does without all parts' code

    async def ask() -> Sequence[Difference]:
        async with open_topic_admin(data, backends) as admin:
            return await work(admin, TOPICS)

    differences = await answers(ask())
    for difference in differences:
        mark = "[green]✓[/]" if done and difference.can_be_applied else "[yellow]•[/]"
        console.print(f"{mark} {escape(str(difference))}", highlight=False, soft_wrap=True)
    if not differences:
        console.print(f"[green]✓[/] all {len(TOPICS)} topics are as declared", highlight=False)
    return differing if differences else 0
