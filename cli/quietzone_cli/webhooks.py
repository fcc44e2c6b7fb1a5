"""`quietzone webhooks`: endpoints, what was sent to them, and sending it again."""

import asyncio
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from quietzone_cli.asking import ID_WIDTH, ask, newest, one_line, print_all, table_with, time_of
from quietzone_cli.errors import ApiError
from quietzone_cli.options import API_URL, ApiKey, ApiUrl, id_of
from quietzone_cli.terminal import complain, console, finish

if TYPE_CHECKING:
    from quietzone_client import AsyncClient, Delivery, Endpoint

app = typer.Typer(no_args_is_help=True, help="Where webhooks go, what was delivered, and sending it again.")

TEST_LOOK_S = 0.5
TESTED_WITHIN_S = 30.0
"""A receiver has 15 s to answer; the rest is for a sender that is started again meanwhile."""
REDRIVE_LOOK_S = 1.0
REDRIVEN_WITHIN_S = 3_600
"""As long as the service gives it."""


class Stands(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class Ended(StrEnum):
    """How a delivery has ended."""

    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


Webhook = Annotated[str, id_of("Its id, as `webhooks list` shows it.")]
OnlyTo = Annotated[str | None, typer.Argument(help="Only what goes to the one with this id, or to another destination.")]
State = Annotated[Stands | None, typer.Option("--state", help="Only those in this state.")]
Cause = Annotated[str | None, typer.Option("--cause", help="Only those with this cause, or one that begins with it: rule, rule:<id>.")]
Since = Annotated[str | None, typer.Option("--since", help="Made then or later: a day in UTC, or a time such as 2026-11-21T09:30:00Z.")]
Until = Annotated[str | None, typer.Option("--until", help="Made before.")]


@app.command(name="list")
def list_command(key: ApiKey, api: ApiUrl = API_URL) -> None:
    """List endpoints, oldest first, with what is wrong with them."""

    async def show(client: "AsyncClient") -> int:
        print_all(endpoints_in(await client.webhooks.list()), "there is none")
        return 0

    finish(ask(api, key, show))


@app.command(name="test")
def send_test(webhook: Webhook, key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Send a signed test event, and say what became of it; exit code 1 unless it was delivered."""

    async def send(client: "AsyncClient") -> int:
        return _told(await _ended(client, await client.webhooks.test(webhook)))

    finish(ask(api, key, send))


@app.command()
def deliveries(
    key: ApiKey,
    webhook: OnlyTo = None,
    api: ApiUrl = API_URL,
    *,
    state: State = None,
    cause: Cause = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")] = 100,
) -> None:
    """List what was sent, or is to be, newest first: webhooks, and mails, pushes and records on Kafka too."""

    async def show(client: "AsyncClient") -> int:
        chosen = None if state is None else state.value
        found = client.deliveries.list(destination=webhook, state=chosen, cause=cause, since=since, until=until)
        print_all(deliveries_in(await newest(found, limit)), "there is none that fits", limit)
        return 0

    finish(ask(api, key, show))


@app.command()
def retry(delivery_id: Annotated[str, id_of("As `webhooks deliveries` lists it.")], key: ApiKey, api: ApiUrl = API_URL) -> None:
    """Have one delivery sent again, now, with the same id; also one that was delivered."""

    async def send(client: "AsyncClient") -> int:
        delivery = await client.deliveries.retry(delivery_id)
        told = f"{escape(delivery.id)} is sent again; `webhooks deliveries` shows what becomes of it"
        console.print(f"[green]✓[/] {told}", highlight=False, soft_wrap=True)
        return 0

    finish(ask(api, key, send))


@app.command()
def redrive(
    key: ApiKey,
    webhook: OnlyTo = None,
    api: ApiUrl = API_URL,
    *,
    state: Annotated[Ended, typer.Option("--state", help="Only what has ended so.")],
    cause: Cause = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Wherever it went: mails, pushes and records on Kafka too, but for what asks for a confirmation.")
    ] = False,
) -> None:
    """Have all that fit sent again, with the same ids, and wait until that has begun for each."""
    if everything == (webhook is not None):
        raise typer.BadParameter("say which: a webhook's id, or --all")

    async def send(client: "AsyncClient") -> int:
        from quietzone_client import Runtime  # noqa: PLC0415 - `serve` does without requests

        name = Runtime().name()  # asked for again by it, it tells how far it is
        look = partial(client.deliveries.redrive, state.value, destination=webhook, cause=cause, since=since, until=until)
        found = await look(idempotency_key=name)
        try:
            async with asyncio.timeout(REDRIVEN_WITHIN_S):
                while found.finished_at is None:
                    await asyncio.sleep(REDRIVE_LOOK_S)
                    found = await look(idempotency_key=name)
        except TimeoutError as error:
            raise ApiError(f"redrive {found.id} is {found.state} after an hour, with {found.begun:,} sent again; it goes on") from error
        if found.state != "done":
            raise ApiError(f"redrive {found.id} is {found.state}: {found.error or 'no reason given'}; {found.begun:,} are sent again")
        console.print(f"[green]✓[/] {found.begun:,} are sent again", highlight=False)
        return 0

    finish(ask(api, key, send))


def endpoints_in(endpoints: Iterable["Endpoint"]) -> Table:
    """A line for each."""
    table = table_with("state", "url", "trouble")
    for endpoint in endpoints:
        table.add_row(endpoint.id, endpoint.state, escape(one_line(endpoint.url)), _trouble(endpoint))
    return table


def deliveries_in(deliveries: Sequence["Delivery"]) -> Table:
    """Each with where it goes below its own id, and when it was made below where it stands."""
    longest = max((len(each.id) for each in deliveries), default=0)  # of tests they are longer than others
    table = table_with("state, and when made", "tries", "error", of="id, and where to", id_width=max(ID_WIDTH, longest))
    for each in deliveries:
        table.add_row(
            f"{escape(each.id)}\n{escape(one_line(each.destination))}",
            f"{each.state}\n{time_of(each.created_at)}",
            f"{each.tries}/{each.max_attempts}",
            escape(one_line(each.error or "")),
        )
    return table


def _trouble(endpoint: "Endpoint") -> str:
    if endpoint.disabled_at is not None:
        return f"{endpoint.reason or 'disabled'}, since {time_of(endpoint.disabled_at)}"
    return "" if endpoint.failing_since is None else f"fails since {time_of(endpoint.failing_since)}"


async def _ended(client: "AsyncClient", delivery: "Delivery") -> "Delivery":
    try:
        async with asyncio.timeout(TESTED_WITHIN_S):
            while not delivery.has_ended:
                await asyncio.sleep(TEST_LOOK_S)
                delivery = await client.deliveries.get(delivery.id)
    except TimeoutError as error:
        why = f" ({delivery.error})" if delivery.error else ""
        raise ApiError(
            f"delivery {delivery.id} is {delivery.state} after {TESTED_WITHIN_S:.0f} s{why}; is a role that sends running? "
            "`webhooks deliveries` shows what becomes of it"
        ) from error
    return delivery


def _told(delivery: "Delivery") -> int:
    """Say what became of a delivery; 0 when it was delivered."""
    last = delivery.attempts[-1] if delivery.attempts else None
    answered = "" if last is None or last.status is None else f"answered {last.status} in {last.took_ms:,} ms"
    if delivery.state == "delivered":
        console.print(f"[green]✓[/] {escape(delivery.id)} is delivered: {answered}", highlight=False, soft_wrap=True)
        return 0
    reasons = [answered, delivery.error or "", "" if last is None else last.answer]
    why = "; ".join(filter(None, reasons)) or "no reason given"
    complain(one_line(f"{delivery.id} is {delivery.state}: {why}"))
    return 1
