"""docs/graphql.md: its examples are run, and its bounds are those of the code."""

import re
from pathlib import Path

import pytest
from contract.gateway.asking import ask
from contract.gateway.graphql_socket import connected
from contract.gateway.live_served import serving
from contract.gateway.served import Api
from contract.gateway.test_graphql_generated import answer_everything

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.graphql import context, limits
from quietzone_gateway.graphql.settings import GraphqlSettings, Limits
from quietzone_kit.settings import variable

PAGE = (Path(__file__).parents[3] / "docs" / "graphql.md").read_text("utf-8")
EXAMPLES = re.findall(r"```graphql\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if not example.startswith("subscription")])
async def test_an_example_is_answered_without_an_error(api: Api, example: str) -> None:
    answer_everything(api)
    outcome = code_service_pb2.CodeOutcome(code=api.services.answers["GetCode"](None).code)
    api.services.answer("BatchCreateCodes", code_service_pb2.BatchCreateCodesResponse(outcomes=[outcome] * 2))

    assert (await ask(api, example)).errors == []


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.startswith("subscription")])
async def test_an_example_of_a_subscription_is_told_what_happens(example: str) -> None:
    async with serving() as served, connected(served) as socket:
        await socket.subscribe(example)
        await socket.settled()
        await served.services.changed(2)

        assert (await socket.news())["events"][0]["kind"] == "UPDATED"


def test_there_is_an_example_of_each_kind() -> None:
    kinds = [re.split(r"\W", example)[0] for example in EXAMPLES]

    assert kinds == ["query", "", "mutation", "query", "mutation", "query", "query", "mutation", "query", "query", "subscription"]


def test_the_bounds_on_the_page_are_those_of_the_code() -> None:
    bounds = Limits()
    table = PAGE.partition("## Bounds")[2].partition("## Subscribe")[0]
    told = [
        f"| {bounds.depth} |",
        f"| {bounds.complexity:,} |",
        f"| {bounds.aliases} |",
        f"| {limits.MAX_ROOT_FIELDS}; {limits.MAX_OPERATIONS}; {limits.MAX_DIRECTIVES} |",
        f"{limits.MAX_DOCUMENT_CHARACTERS // 1024} KiB, {limits.MAX_TOKENS:,} tokens, {limits.MAX_COMMENTS} comments",
        f"{limits.MAX_SELECTIONS:,} fields",
        f"| {context.MAX_POINTS:,} |",
        *(f"`{variable(field)}`" for field in GraphqlSettings.model_fields),
    ]

    assert [bound for bound in told if bound not in table] == []
