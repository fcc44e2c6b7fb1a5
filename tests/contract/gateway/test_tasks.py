"""Tasks of all parts by REST and GraphQL: one list, in one order, whichever part has them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from contract.gateway.asking import ask
from contract.gateway.served import Api, Noon, Servicers, problem, running
from ports import Hands

from quietzone_gateway.rest.tasks import TASK, TaskView
from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import EXPORTS_READ, EXPORTS_WRITE
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from quietzone_kit.tasks import TASKS, NewTask, Task, Tasks, _tasks
from quietzone_kit.tasks.service import Shown, TaskService

KINDS = ("export-data", "process-image", "generate-report")
NOBODYS = "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b40"


class Desk:
    """The API over three stores of tasks."""

    def __init__(self, api: Api, stores: list[Tasks], clock: Hands) -> None:
        self.api = api
        self.stores = stores
        self.clock = clock

    async def add(self, part: int, account_id: str = "first", **payload: Any) -> Task:
        self.clock.seconds += 1
        return await self.stores[part].add(NewTask(account_id, KINDS[part], payload))

    async def hidden(self, part: int) -> None:
        """One of a kind that accounts don't see."""
        self.clock.seconds += 1
        await self.stores[part].add(NewTask("first", "upkeep"))

    async def get(self, path: str) -> Any:
        answer = await self.api.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def shown(part: int) -> Shown:
    return Shown(read_scope=EXPORTS_READ, write_scope=EXPORTS_WRITE) if part == 0 else Shown()


async def store(opened: AsyncExitStack, executor: ThreadExecutor) -> Documents:
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=SystemRandomness())
    opened.push_async_callback(documents.close)
    await documents.ensure(TASKS)
    return documents


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as opened:
        executor, clock = ThreadExecutor("tasks", 2), Hands(since_ms=Noon().now_ms() - 1_000_000)
        opened.callback(executor.close)
        stores = [Tasks(await store(opened, executor), clock, SystemRandomness()) for _ in KINDS]
        services = [
            TaskService(tasks, {KINDS[part]: shown(part)}, lambda: deadline(5, Unavailable, "away")) for part, tasks in enumerate(stores)
        ]
        api = await opened.enter_async_context(running(tmp_path, Servicers(tasks=(services[0], services[1], services[2]))))
        yield Desk(api, stores, clock)


async def test_the_example_is_as_the_model_has_it() -> None:
    assert TaskView.model_validate(TASK).model_dump(mode="json") == TASK


async def test_tasks_of_all_parts_are_one_list_that_pages_bring_once(desk: Desk) -> None:
    added = [await desk.add(number % 3) for number in range(7)]
    await desk.add(0, "another")
    found, cursor = [], ""
    while True:
        page = await desk.get(f"/v1/tasks?limit=2{cursor}")
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert found == [task.task_id for task in reversed(added)]


async def test_a_list_of_few_among_many_is_looked_through_in_parts_and_misses_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tasks, "MOST_LOOKED_AT", 3)
    rare = []
    for number in range(20):
        await desk.add(number % 2)
        if number % 7 == 3:
            rare.append((await desk.add(2)).task_id)
    for _ in range(12):
        await desk.hidden(2)

    found, pages, cursor = [], 0, ""
    while True:
        page = await desk.get(f"/v1/tasks?limit=1&type={KINDS[2]}{cursor}")
        found += [item["id"] for item in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert found == list(reversed(rare))
    assert pages > 4
    asked = f'{{ tasks(first: 1, type: "{KINDS[2]}") {{ edges {{ cursor }} pageInfo {{ hasNextPage endCursor }} }} }}'
    page = (await ask(desk.api, asked)).data["tasks"]
    assert (page["edges"], page["pageInfo"]["hasNextPage"], bool(page["pageInfo"]["endCursor"])) == ([], True, True)


async def test_a_task_is_found_whichever_part_has_it(desk: Desk) -> None:
    for part, kind in enumerate(KINDS):
        task = await desk.add(part, week_ms=1_772_409_600_000, share=0.5)

        found = await desk.get(f"/v1/tasks/{task.task_id}")

        assert (found["type"], found["state"], found["payload"]) == (kind, "waiting", {"week_ms": 1_772_409_600_000, "share": 0.5})
        assert isinstance(found["payload"]["week_ms"], int)


async def test_a_task_is_ended_and_run_again(desk: Desk) -> None:
    task = await desk.add(1)

    ended = await desk.api.send("POST", f"/v1/tasks/{task.task_id}/cancel")
    again = await desk.api.send("POST", f"/v1/tasks/{task.task_id}/redrive")

    assert (ended.json()["state"], again.json()["state"]) == ("cancelled", "waiting")


async def test_what_is_done_is_not_run_again_nor_ended(desk: Desk) -> None:
    task = await desk.add(1)
    await desk.api.send("POST", f"/v1/tasks/{task.task_id}/cancel")

    assert problem(await desk.api.send("POST", f"/v1/tasks/{NOBODYS}/redrive"))[0] == 404
    assert (await desk.api.send("POST", f"/v1/tasks/{task.task_id}/cancel")).json()["state"] == "cancelled"


async def test_a_task_of_another_account_is_not_found(desk: Desk) -> None:
    task = await desk.add(2, "another")

    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/redrive")):
        assert problem(await desk.api.send(method, f"/v1/tasks/{task.task_id}{path}"))[0] == 404


async def test_a_list_can_be_of_one_state_or_type(desk: Desk) -> None:
    first, second = await desk.add(0), await desk.add(1)
    await desk.api.send("POST", f"/v1/tasks/{first.task_id}/cancel")

    assert [item["id"] for item in (await desk.get("/v1/tasks?state=cancelled"))["items"]] == [first.task_id]
    assert [item["id"] for item in (await desk.get("/v1/tasks?type=process-image"))["items"]] == [second.task_id]


@pytest.mark.parametrize(("query", "field"), [("cursor=x", "cursor"), ("limit=0", "limit"), ("state=lost", "state")])
async def test_what_a_list_cant_be_is_named(desk: Desk, query: str, field: str) -> None:
    assert problem(await desk.api.send("GET", f"/v1/tasks?{query}")) == (400, "invalid-argument", [field])


async def test_while_a_part_is_away_that_is_said_and_no_shorter_list_is_shown(desk: Desk) -> None:
    await desk.add(0)
    await desk.api.servers[2].stop(0)

    assert (await desk.api.send("GET", "/v1/tasks")).status_code == 503


async def test_graphql_lists_shows_ends_and_runs_tasks_again(desk: Desk) -> None:
    tasks = [await desk.add(part, n=part) for part in range(3)]
    found = await ask(
        desk.api,
        f"""{{
          task(id: "{tasks[1].task_id}") {{ type payload }}
          tasks(first: 2) {{ edges {{ node {{ id }} cursor }} pageInfo {{ hasNextPage endCursor }} }}
        }}""",
    )
    page = found.data["tasks"]
    rest = await ask(desk.api, f'{{ tasks(first: 2, after: "{page["pageInfo"]["endCursor"]}") {{ edges {{ node {{ id }} }} }} }}')
    changed = await ask(
        desk.api,
        f"""mutation {{
          cancelTask(id: "{tasks[0].task_id}") {{ state }}
          redriveTask(id: "{tasks[0].task_id}") {{ state }}
        }}""",
    )

    assert found.data["task"] == {"type": "process-image", "payload": {"n": 1}}
    assert [edge["node"]["id"] for edge in (*page["edges"], *rest.data["tasks"]["edges"])] == [task.task_id for task in reversed(tasks)]
    assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]) == (True, page["edges"][-1]["cursor"])
    assert changed.data == {"cancelTask": {"state": "CANCELLED"}, "redriveTask": {"state": "WAITING"}}
