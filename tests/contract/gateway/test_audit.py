"""The audit log over HTTP, with the work behind it: from a change through outbox, relay, bus and reaction."""

import asyncio
from pathlib import Path
from typing import Any

from contract.gateway.served import IDENTITY, Api, problem
from pydantic import TypeAdapter
from unit.gateway.identity.desk import Outbox

from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.work import Tools, build_work
from quietzone_gateway.rest.audit import ENTRY, EntryView
from quietzone_kit.bus import open_bus
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor


async def seen(api: Api, count: int) -> list[dict[str, Any]]:
    """The log, when it has so many entries."""
    async with asyncio.timeout(20):
        while len(items := (await api.send("GET", "/v1/audit")).json()["items"]) < count:
            await asyncio.sleep(0.02)
    return list(items)


async def test_what_was_changed_is_in_the_log_within_seconds(api: Api, tmp_path: Path) -> None:
    executor, clock, randomness = ThreadExecutor("bus", 2), SystemClock(), SystemRandomness()
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", clock=clock, executor=executor, randomness=randomness)
    app = App(drain_s=1)
    build_work(Tools(api.documents, bus, Direct(Outbox()), clock, randomness), IDENTITY).run(app)
    serving = asyncio.ensure_future(app.serve())
    await api.send("PATCH", "/v1/account", {"name": "Ours"})
    await api.send("POST", "/v1/keys", {"name": "till", "scopes": ["codes:read"]})

    items = await seen(api, 3)

    app.stop()
    await serving
    await bus.close()
    executor.close()
    assert {entry["action"] for entry in items} == {"key.created", "account.renamed"}
    assert [entry["after"] for entry in items if entry["action"] == "account.renamed"] == [{"name": "Ours"}]


async def test_wrong_filters_are_named(api: Api) -> None:
    assert problem(await api.send("GET", "/v1/audit?cursor=none"))[:3] == (400, "invalid-argument", ["cursor"])
    assert problem(await api.send("GET", "/v1/audit?subject=&who=x"))[:2] == (400, "invalid-argument")


def test_the_example_fits_the_model() -> None:
    TypeAdapter(EntryView).validate_python(ENTRY)
