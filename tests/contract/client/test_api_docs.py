"""docs/api, made from the description: it is what the server says, and its examples work."""

import asyncio
import re
import runpy
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.client.addressed import Addressed
from contract.client.conftest import EXPORT_ID
from contract.client.test_operations import fits
from contract.gateway.served import CODE_ID, KEY, Api
from pydantic import BaseModel

import quietzone_client
from quietzone_gateway.rest.tail import TAIL

MAKER = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "make_api.py"))
CALLS: dict[str, str] = MAKER["CALLS"]
FOLDER: Path = MAKER["API"]
CURLS = [
    (path.name, block)
    for path in sorted(FOLDER.glob("*.md"))
    for block in re.findall(r"```sh\n(?:KEY=.*\n)?(curl .*?)```", path.read_text("utf-8"), re.DOTALL)
]

HERE = [(page, command) for page, command in CURLS if TAIL not in command]
"""Those that come to the API; a tail is answered before (contract/gateway/test_live_tail)."""


async def described(api: Api) -> Any:
    return (await api.http.get("/openapi.json")).json()


async def test_the_pages_are_what_the_server_says(api: Api) -> None:
    made = MAKER["Reference"](await described(api)).pages()

    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == made, "run: make docs-api"


async def test_the_calls_of_the_client_ask_the_addresses_that_they_stand_at(served: Addressed, api: Api, tmp_path: Path) -> None:
    operations = {f"{method.upper()} {path}" for path, methods in (await described(api))["paths"].items() for method in methods}
    asked: list[str] = []
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")

    def use() -> None:
        with httpx.Client() as plain, quietzone_client.Client(served.url, KEY, transport=Noting(plain, asked)) as client:
            for name, call in CALLS.items():
                key_id = client.keys.make("another", ["codes:read"]).id
                known: dict[str, Any] = dict.fromkeys(
                    ("code_id", "asset_id", "webhook_id", "subscription_id", "delivery_id", "device_id", "task_id"), CODE_ID
                )
                known |= {"client": client, "export_id": EXPORT_ID, "key_id": key_id, "token": "c0ffee00" * 8}
                asked.clear()
                exec(f"{MAKER['IMPORTS']}\n{_in(tmp_path, call)}", known)  # noqa: S102 - our own words
                assert any(fits(name, request, operations) for request in asked), (name, asked)

    await asyncio.to_thread(use)


def _in(folder: Path, call: str) -> str:
    """A call whose files are in a folder."""
    return call.replace("scans.csv", str(folder / "scans.csv")).replace('Path("logo.png")', f'Path("{folder}/logo.png")')


class Noting(httpx.BaseTransport):
    """Sends by another client, and notes what."""

    def __init__(self, http: httpx.Client, asked: list[str]) -> None:
        self._http = http
        self._asked = asked

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._asked.append(f"{request.method} {request.url.path}")
        return self._http.send(request, stream=True)


SHAPES = """
    account analytics assets audit auth authoriser code_shapes deliveries devices events exports flags health keys me members operations
    operator plans reconcile rules topics usage webhooks
"""


def models() -> Iterator[type[BaseModel]]:
    """All shapes of the API that have examples."""
    for module in SHAPES.split():
        for found in vars(import_module(f"quietzone_gateway.rest.{module}")).values():
            if isinstance(found, type) and issubclass(found, BaseModel) and "json_schema_extra" in found.model_config:
                yield found


@pytest.mark.parametrize("model", sorted(set(models()), key=lambda model: model.__name__))
def test_the_examples_of_shapes_are_what_they_are_examples_of(model: type[BaseModel]) -> None:
    extra = model.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    for example in extra.get("examples", ()):  # type: ignore[union-attr] # a list
        model.model_validate(example)


def test_every_answer_in_json_has_an_example() -> None:
    pages = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.md"))

    assert re.findall(r"(\*\*2\d\d\*\*: \[.*)\n\n(?!```json)", pages) == []


def test_there_is_a_command_for_each_address() -> None:
    assert len(CURLS) == (FOLDER / "openapi.yaml").read_text("utf-8").count("operationId:") + 1


@pytest.mark.parametrize(("page", "command"), HERE, ids=lambda text: text.split("\n")[0][:60])
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
