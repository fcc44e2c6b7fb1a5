"""docs/api, made from the description: it is what the server says, and its examples work."""

import asyncio
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.client.addressed import Addressed
from contract.client.conftest import EXPORT_ID
from contract.client.test_operations import fits
from contract.gateway.served import CODE_ID, KEY, Api

import quietzone_client

MAKER = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "make_api.py"))
CALLS: dict[str, str] = MAKER["CALLS"]
FOLDER: Path = MAKER["API"]
CURLS = [
    (path.name, block)
    for path in sorted(FOLDER.glob("*.md"))
    for block in re.findall(r"```sh\n(?:KEY=.*\n)?(curl .*?)```", path.read_text("utf-8"), re.DOTALL)
]


async def described(api: Api) -> Any:
    return (await api.http.get("/openapi.json")).json()


async def test_the_pages_are_what_the_server_says(api: Api) -> None:
    made = MAKER["Reference"](await described(api)).pages()

    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == made, "run: make docs-api"


async def test_the_calls_of_the_client_ask_the_addresses_that_they_stand_at(served: Addressed, api: Api, tmp_path: Path) -> None:
    operations = {f"{method.upper()} {path}" for path, methods in (await described(api))["paths"].items() for method in methods}
    asked: list[str] = []

    def use() -> None:
        with httpx.Client() as plain, quietzone_client.Client(served.url, KEY, transport=Noting(plain, asked)) as client:
            for name, call in CALLS.items():
                key_id = client.keys.make("another", ["codes:read"]).id
                known = {"client": client, "code_id": CODE_ID, "export_id": EXPORT_ID, "key_id": key_id}
                asked.clear()
                exec(f"{MAKER['IMPORTS']}\n{call.replace('scans.csv', str(tmp_path / 'scans.csv'))}", known)  # noqa: S102 - our own words
                assert any(fits(name, request, operations) for request in asked), (name, asked)

    await asyncio.to_thread(use)


class Noting(httpx.BaseTransport):
    """Sends by another client, and notes what."""

    def __init__(self, http: httpx.Client, asked: list[str]) -> None:
        self._http = http
        self._asked = asked

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._asked.append(f"{request.method} {request.url.path}")
        return self._http.send(request, stream=True)


def test_there_is_a_command_for_each_address() -> None:
    assert len(CURLS) == (FOLDER / "openapi.yaml").read_text("utf-8").count("operationId:") + 1


@pytest.mark.parametrize(("page", "command"), CURLS, ids=lambda text: text.split("\n")[0][:60])
async def test_the_commands_are_understood(api: Api, page: str, command: str) -> None:
    words = shlex.split(command.replace("\\\n", ""))[1:]
    method, url, headers, body = "GET", "", {}, None
    while words:
        match word := words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value.replace("$KEY", KEY)
            case "-d" | "--data-binary":
                body = words.pop(0)
            case "-o":
                words.pop(0)
            case _:
                url = word.removeprefix(MAKER["SERVER"])

    answer = await api.http.request(method, url, headers=headers, content=body)

    assert answer.status_code not in (400, 405, 415, 500), (page, answer.text)
    assert "nothing at this address" not in answer.text
