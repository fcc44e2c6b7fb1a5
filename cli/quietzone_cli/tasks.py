"""`quietzone tasks`: what is done for an account in the background, by whichever part."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.asking import ask, newest, print_all, table_with
from quietzone_cli.errors import OperationFailed
from quietzone_cli.options import API_URL, ApiKey, ApiUrl, id_of
from quietzone_cli.terminal import console, finish

if TYPE_CHECKING:
    from quietzone_client import AsyncClient, Task

app = typer.Typer(no_args_is_help=True, help="What is done in the background: exports, files, reports, deliveries that are sent again.")

Id = Annotated[str, id_of("As `tasks list` shows it.")]
State = Annotated[str | None, typer.Option("--state", help="waiting, running, done, dead or cancelled.")]
Type = Annotated[str | None, typer.Option("--type", help="export-data, process-image, clean-up, generate-report and the like.")]
AllDead = Annotated[bool, typer.Option("--all-dead", help="All that are dead, of --type if it is given.")]


@app.command(name="list")
def list_command(key: ApiKey, api: ApiUrl = API_URL, state: State = None, of_type: Type = None) -> None:
    """List tasks of the last week, newest first."""

    async def show_all(client: "AsyncClient") -> int:
        print_all(tasks_in(await newest(client.tasks.list(state=state, type=of_type))), "there is none")
        return 0

    finish(ask(api, key, show_all))


@app.command()
def show(task_id: Id, key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Show one task, with what it is about."""

    async def show_one(client: "AsyncClient") -> int:
        task = await client.tasks.get(task_id)
        console.print(tasks_in([task]), highlight=False)
        console.print_json(data=task.payload)
        return 0

    finish(ask(api, key, show_one))


@app.command()
def cancel(task_id: Id, key: ApiKey, api: ApiUrl = API_URL) -> None:
    """End a task that waits or runs; what it has done stays done."""

    async def end(client: "AsyncClient") -> int:
        _say(await client.tasks.cancel(task_id))
        return 0

    finish(ask(api, key, end))


@app.command()
def redrive(
    key: ApiKey,
    task_id: Annotated[str | None, typer.Argument(help="As `tasks list` shows it.")] = None,
    api: ApiUrl = API_URL,
    of_type: Type = None,
    *,
    all_dead: AllDead = False,
) -> None:
    """Run a dead or cancelled task again, or all that are dead, with all their attempts."""
    if (task_id is None) != all_dead:
        raise typer.BadParameter("say which: a task's id, or --all-dead")

    async def again(client: "AsyncClient") -> int:
        if task_id is not None:
            _say(await client.tasks.redrive(task_id))
            return 0
        return await _redrive_all([task async for task in client.tasks.list(state="dead", type=of_type)], client.tasks.redrive)

    finish(ask(api, key, again))


def tasks_in(tasks: Iterable["Task"]) -> Table:
    """A line for each."""
    table = table_with("type", "state", "done", "failed", "error")
    for task in tasks:
        done = f"{task.done:,}" if task.total is None else f"{task.done:,} of {task.total:,}"
        failed = f"{task.attempts} of {task.max_attempts}"
        table.add_row(task.id, escape(task.type), task.state, done, failed, escape(task.error or task.note or ""))
    return table


async def _redrive_all(dead: list["Task"], redrive_one: Callable[[str], Awaitable["Task"]]) -> int:
    """One after the other; those that can't be run again are told, and hold up no other."""
    from quietzone_client import FailedPrecondition, NotFound  # noqa: PLC0415 - as all of it: `serve` does without

    left = 0
    for task in dead:
        try:
            _say(await redrive_one(task.id))
        except (FailedPrecondition, NotFound) as error:
            left += 1
            console.print(f"[yellow]·[/] {escape(task.id)} {escape(task.type)}: {escape(str(error))}", highlight=False)
    if left:
        raise OperationFailed(f"{left} of {len(dead)} can't be run again; above it says why")
    console.print(f"[green]✓[/] {len(dead)} tasks run again", highlight=False)
    return 0


def _say(task: "Task") -> None:
    console.print(f"[green]✓[/] {escape(task.id)} {escape(task.type)} is {task.state}", highlight=False)
