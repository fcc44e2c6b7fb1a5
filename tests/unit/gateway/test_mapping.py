import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_gateway.rest.mapping import InvalidMapping, Template, mapped, mapped_headers, read_mappings

ADDRESSES = [("POST", "/v1/codes"), ("GET", "/v1/codes/{code_id}")]
BODY = {"data": {"url": "https://example.com", "tags": ["a", "b"]}}
CONTEXT = {"requestId": "r1", "quota.left": 7}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$body", BODY),
        ("$body.data.url", "https://example.com"),
        ("$body.data.tags.1", "b"),
        ("$body.data.tags.2", None),
        ("$body.none.of.it", None),
        ("$context.requestId", "r1"),
        ("$$body", "$body"),
        ("plain", "plain"),
        ({"a": ["$context.quota.left", 1]}, {"a": [7, 1]}),
    ],
)
def test_a_reference_becomes_what_it_leads_to(template: Any, expected: Any) -> None:
    assert mapped(template, BODY, CONTEXT) == expected


@given(JSON)
def test_a_body_that_nothing_is_said_about_stays_as_it_is(body: Any) -> None:
    assert mapped(Template().body, body, CONTEXT) == body


def test_headers_are_texts_and_those_that_lead_nowhere_are_left_out() -> None:
    template = Template(headers={"X-Left": "$context.quota.left", "X-User": "$context.authorizer.userId", "X-Url": "$body.data.url"})

    assert mapped_headers(template, BODY, CONTEXT) == {"X-Left": "7", "X-Url": "https://example.com"}


@given(st.text())
def test_a_header_can_not_be_split_by_what_was_sent(text: str) -> None:
    [value] = mapped_headers(Template(headers={"X-Sent": "$body"}), text, CONTEXT).values()

    assert value.isprintable()
    assert value.isascii()


def rules(folder: Path, *content: dict[str, Any]) -> Path:
    path = folder / "mappings.json"
    path.write_text(json.dumps(content))
    return path


def test_a_rule_is_found_by_its_address(tmp_path: Path) -> None:
    found = read_mappings(rules(tmp_path, {"method": "POST", "path": "/v1/codes", "request": {"body": "$body.data"}}), ADDRESSES)

    assert found.of("POST", "/v1/codes") is not None
    assert found.of("GET", "/v1/codes/{code_id}") is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"method": "POST", "path": "/v1/nothing"}, "there is no POST /v1/nothing"),
        ({"method": "POST", "path": "/v1/codes", "request": {"body": "$boddy"}}, "leads nowhere"),
        ({"method": "POST", "path": "/v1/codes", "response": {"body": {"a": ["$context.secret"]}}}, "leads nowhere"),
        ({"method": "POST", "path": "/v1/codes", "response": {"headers": {"X Y": "a"}}}, "no name of a header"),
        ({"method": "POST", "path": "/v1/codes", "answer": {}}, "Extra inputs"),
    ],
)
def test_a_rule_that_can_not_be_used_is_named(tmp_path: Path, rule: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidMapping, match=said):
        read_mappings(rules(tmp_path, rule), ADDRESSES)


def test_two_rules_for_one_address_are_refused(tmp_path: Path) -> None:
    rule = {"method": "POST", "path": "/v1/codes"}

    with pytest.raises(InvalidMapping, match="two rules"):
        read_mappings(rules(tmp_path, rule, rule), ADDRESSES)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match=r"nothing\.json can't be read"):
        read_mappings(tmp_path / "nothing.json", ADDRESSES)
