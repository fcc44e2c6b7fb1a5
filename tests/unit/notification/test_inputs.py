"""What targets get: whole events, constants, parts, templates; what comes out is JSON, whatever the event holds."""

import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_notification.events.domain import Event
from quietzone_notification.patterns import read_event
from quietzone_notification.rules.inputs import (
    HEAD,
    INGESTED,
    MAX_OUTPUT_BYTES,
    RULE_ID,
    RULE_NAME,
    WHOLE,
    About,
    Input,
    InputKind,
    InvalidInput,
    TooLarge,
    compile_input,
)
from quietzone_notification.rules.paths import ABSENT, InvalidPath, parse_path

ABOUT = About("r1", "orders", 1_772_445_601_002)
DETAIL = '{"state": "paid", "sum": 12.5, "big": 12345678901234567890.5, "note": "a \\"b\\"\\n", "items": [{"n": 1}, {"n": 2}], "ok": false}'

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3), max_leaves=8)


def event(detail: str = DETAIL) -> Event:
    return Event("e1", "ours", "default", "shop", "Order", 1_772_445_600_000, ("order:7",), detail)


def made(wanted: Input, of: Event | None = None) -> str:
    of = of or event()
    return compile_input(wanted)(of, of.tree(), ABOUT)


def template(text: str, **paths: str) -> Input:
    return Input(InputKind.TEMPLATE, text, paths)


def test_the_whole_event_is_what_eventbridge_sends() -> None:
    assert json.loads(made(Input())) == {
        "version": "0",
        "id": "e1",
        "detail-type": "Order",
        "source": "shop",
        "account": "ours",
        "time": "2026-03-02T10:00:00.000Z",
        "resources": ["order:7"],
        "detail": json.loads(DETAIL),
    }


def test_numbers_keep_the_digits_that_no_double_has() -> None:
    assert '"big": 12345678901234567890.5' in made(Input())
    assert made(Input(InputKind.PATH, "$.detail.big")) == "12345678901234567890.5"
    assert made(template('{"b": <b>}', b="$.detail.big")) == '{"b": 12345678901234567890.5}'


def test_a_constant_is_sent_as_it_is() -> None:
    assert made(Input(InputKind.CONSTANT, '{ "a" : 1.0 }')) == '{ "a" : 1.0 }'


@pytest.mark.parametrize(
    ("path", "gives"),
    [
        ("$", None),
        ("$.source", "shop"),
        ("$.detail-type", "Order"),
        ("$.resources[0]", "order:7"),
        ("$.detail.items[1].n", 2),
        ("$.detail.items[*].n", [1, 2]),
        ("$.detail.items[*].m", []),
        ("$.detail.items[0].*", [1]),
        ("$.detail.ok", False),
        ("$.detail.state.more", ABSENT),
        ("$.detail.items[2]", ABSENT),
        ("$.detail.items.n", ABSENT),
    ],
)
def test_a_path_leads_where_jsonpath_says(path: str, gives: object) -> None:
    tree = event().tree()

    assert parse_path(path).of(tree) == (tree if path == "$" else gives)


@pytest.mark.parametrize(
    "path", ["", "detail", "$detail", "$.", "$..a", "$.a[", "$.a[-1]", "$.a['b']", "$.a[?(@.b)]", "$.a b", "$" + ".a" * 200]
)
def test_what_eventbridge_has_not_is_no_path(path: str) -> None:
    with pytest.raises(InvalidPath):
        parse_path(path)


def test_a_path_that_leads_nowhere_gives_null() -> None:
    assert made(Input(InputKind.PATH, "$.detail.nothing")) == "null"


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ('{"s": <s>}', '{"s": "paid"}'),
        ('{"s": "<s>"}', '{"s": "paid"}'),
        ('"<s> is <sum>"', '"paid is 12.5"'),
        ('{"i": <i>}', '{"i": [{"n":1},{"n":2}]}'),
        ('"<i>"', r'"[{\"n\":1},{\"n\":2}]"'),
        ('"<note>"', r'"a \"b\"\n"'),
        ('{"x": <x>, "y": "<x>"}', '{"x": "", "y": ""}'),
        ('{"ok": <ok>, "t": "<ok>"}', '{"ok": false, "t": "false"}'),
        ('"a < b, \\"<s>\\""', '"a < b, \\"paid\\""'),
        ('["<s>", <s>]', '["paid", "paid"]'),
        (f'{{"r": <{RULE_ID}>, "n": "<{RULE_NAME}>", "t": <{INGESTED}>}}', '{"r": "r1", "n": "orders", "t": "2026-03-02T10:00:01.002Z"}'),
    ],
)
def test_a_template_is_filled_in(text: str, gives: str) -> None:
    paths = {"s": "$.detail.state", "sum": "$.detail.sum", "i": "$.detail.items", "note": "$.detail.note", "x": "$.no", "ok": "$.detail.ok"}

    assert made(Input(InputKind.TEMPLATE, text, paths)) == gives


def test_reserved_variables_hold_the_event_with_and_without_its_detail() -> None:
    of = event()

    told = json.loads(made(template(f'{{"head": <{HEAD}>, "whole": <{WHOLE}>}}')))

    assert told == {"head": of.head(), "whole": json.loads(of.text())}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (template("<a> is", a="$.a"), "isn't JSON"),
        (template('{"a": <b>}', a="$.a"), "<b> is none"),
        (template('{"<a>": 1}', a="$.a"), "name of a field"),
        (template('{"x<a>" : 1}', a="$.a"), "name of a field"),
        (template("{<a>: 1}", a="$.a"), "isn't JSON"),
        (template('"<aws.events.event>"'), "reserved are"),
        (template('"<b>bold</b>"'), "u003c"),
        (template('"<a>"', a="a"), "begins with"),
        (Input(InputKind.TEMPLATE, "1", {"a.b": "$.a"}), "variable's name"),
        (Input(InputKind.TEMPLATE, "1", {f"v{n}": "$" for n in range(101)}), "100 variables"),
        (Input(InputKind.TEMPLATE, ""), "1 to 8,192"),
        (Input(InputKind.CONSTANT, " " * 8_193), "1 to 8,192"),
        (Input(InputKind.CONSTANT, "hello"), "isn't JSON"),
        (Input(InputKind.CONSTANT, "[" * 8_000), "isn't JSON"),
        (Input(InputKind.PATH, "detail"), "begins with"),
    ],
)
def test_what_can_never_be_made_is_refused(wanted: Input, says: str) -> None:
    with pytest.raises(InvalidInput, match=says.replace("<", ".")):
        compile_input(wanted)


def test_a_template_that_names_a_large_value_a_thousand_times_fills_no_memory() -> None:
    large = event(json.dumps({"text": "x" * 200_000}))

    with pytest.raises(TooLarge, match=f"{MAX_OUTPUT_BYTES:,}"):
        made(template("[" + ",".join(["<t>"] * 1_000) + "]", t="$.detail.text"), large)


def test_a_template_of_a_hundred_large_variables_fills_no_memory() -> None:
    large = event(json.dumps({"text": "x" * 200_000}))
    names = [f"v{number}" for number in range(100)]
    make = compile_input(template("[" + ",".join(f"<{name}>" for name in names) + "]", **dict.fromkeys(names, "$.detail")))
    tree = large.tree()

    tracemalloc.start()
    with pytest.raises(TooLarge):
        make(large, tree, ABOUT)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 8 * MAX_OUTPUT_BYTES


@given(values)
def test_a_value_that_stands_for_itself_comes_out_as_it_is(value: Any) -> None:
    of = event(json.dumps({"v": value}))

    assert read_event('{"v": ' + made(template("<v>", v="$.detail.v"), of) + "}") == {"v": of.tree()["detail"]["v"]}  # type: ignore[index]


@given(st.text(), values)
def test_no_event_breaks_out_of_the_quotes_of_a_template(text: str, value: Any) -> None:
    """The attack: an event's text that ends the string, and adds fields of its own."""
    of = event(json.dumps({"t": text, "v": value}))

    told = json.loads(made(template('{"a": "<t>-<v>", "b": 1}', t="$.detail.t", v="$.detail.v"), of))

    assert set(told) == {"a", "b"}
    assert told["a"].startswith(f"{text}-")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_number_stays_a_number(number: Decimal) -> None:
    of = event(f'{{"n": {number}}}')

    assert Decimal(made(Input(InputKind.PATH, "$.detail.n"), of)) == number
