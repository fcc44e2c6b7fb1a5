"""The README's examples do what they say."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from contract.client.addressed import Addressed
from contract.client.test_tail import order
from contract.gateway.live_served import serving
from contract.gateway.served import CODE_ID, KEY, Api
from contract.gateway.test_auth import ADA, mailed, post
from unit.gateway.live_world import code, until

from quietzone_client.webhooks import sign

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"
EXAMPLES = re.findall(r"^## ([^\n]+)\n|^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    """The blocks of Python, each by the heading above it."""
    found, heading = [], "Begin"
    for title, text in EXAMPLES:
        heading = title or heading
        if text:
            found.append(pytest.param(text, id=heading))
    return found


@pytest.mark.parametrize("text", examples())
async def test_an_example_of_the_readme_runs(
    served: Addressed, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "example"}
    here = text.replace("http://localhost:8000", served.url).replace("qz_your_key", KEY)

    await asyncio.to_thread(exec, compile(here, README, "exec"), names)  # a thread, since the API has this one's loop

    if "receive" in names:
        headers = sign(b"{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook_id="m", at_s=int(names["time"].time()))
        assert (names["receive"](b"{}", headers), names["receive"](b"{} ", headers)) == (204, 400)
    assert "Traceback" not in capsys.readouterr().err


async def test_the_examples_of_people_sign_in_and_go_on(api: Api, served: Addressed, tmp_path: Path) -> None:
    assert (await post(api, "sign-up", ADA | {"name": "Ada"})).status_code == 202
    assert await mailed(api)
    [text] = [example.values[0] for example in examples() if example.id == "People instead of keys"]
    names: dict[str, Any] = {}
    exec(compile(text.replace("http://localhost:8000", served.url), README, "exec"), names)  # noqa: S102 - our own

    def use() -> list[str]:
        with names["sign_in"](*ADA.values(), tmp_path / "token") as first, names["go_on"](tmp_path / "token") as second:
            return [first.codes.get(CODE_ID).id, second.codes.get(CODE_ID).id]

    assert await asyncio.to_thread(use) == [CODE_ID] * 2


async def test_the_live_examples_tell_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    [text] = [example.values[0] for example in examples() if example.id == "Live"]
    names: dict[str, Any] = {}
    async with serving() as served:
        here = text.replace("http://localhost:8000", f"http://127.0.0.1:{served.http.port}").replace("qz_your_key", "secret")
        exec(compile(here, README, "exec"), names)  # noqa: S102 - our own
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(names[name]()) for name in ("watch", "watch_in_turns")]
            await until(lambda: sum(len(one.subscriptions) for one in served.live.registry.connections()) == 2)
            await served.services.created()
            await served.services.changed(2, before=code(1, tags=["menu"]), tags=["menu"])
            said = ""
            while "codeCreated" not in said or "codeUpdated" not in said:
                said += capsys.readouterr().out
                await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()


async def test_the_example_of_watching_tells_what_comes(capsys: pytest.CaptureFixture[str]) -> None:
    [text] = [example.values[0] for example in examples() if example.id == "Watching events"]
    names: dict[str, Any] = {}
    async with serving() as served:
        here = text.replace("http://localhost:8000", f"http://127.0.0.1:{served.http.port}").replace("qz_your_key", "secret")
        exec(compile(here, README, "exec"), names)  # noqa: S102 - our own
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(names["look_on"]())
            await until(lambda: served.tails.open == 1)
            await served.tails.told.put(order(7))
            said = ""
            while "{'order': 7}" not in said:
                said += capsys.readouterr().out
                await asyncio.sleep(0.001)
            looking.cancel()


def test_the_readme_has_examples() -> None:
    assert len(examples()) >= 8
