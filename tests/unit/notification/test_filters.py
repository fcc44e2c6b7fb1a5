"""SNS's filter policies. Refusals are those that SNS itself gave (recorded by LocalStack's tests)."""

import json

import pytest

from quietzone_notification.filters import InvalidFilter, compile_filter

Attributes = dict[str, dict[str, object]]


def matches(policy: object, attributes: Attributes) -> bool:
    return compile_filter(json.dumps(policy)).matches(attributes, "")


def matches_body(policy: object, body: object) -> bool:
    return compile_filter(json.dumps(policy), "MessageBody").matches({}, json.dumps(body))


def refusal(policy: object, scope: str = "MessageAttributes") -> str:
    with pytest.raises(InvalidFilter) as refused:
        compile_filter(policy if isinstance(policy, str) else json.dumps(policy), scope)
    return str(refused.value).split("\n")[0]


def text(value: str) -> dict[str, object]:
    return {"DataType": "String", "StringValue": value}


def number(value: str) -> dict[str, object]:
    return {"DataType": "Number", "StringValue": value}


def array(value: str) -> dict[str, object]:
    return {"DataType": "String.Array", "StringValue": value}


def test_all_names_of_a_policy_have_to_match() -> None:
    policy = {"store": ["example_corp"], "price": [{"numeric": [">=", 100]}]}

    assert matches(policy, {"store": text("example_corp"), "price": number("210.75"), "more": text("x")})
    assert not matches(policy, {"store": text("example_corp")})
    assert not matches(policy, {"store": text("example_corp"), "price": number("99.9")})


def test_a_number_matches_however_it_is_written() -> None:
    assert matches({"price": [{"numeric": ["=", 301.5]}]}, {"price": number("3.015e2")})
    assert matches({"price": [301.5]}, {"price": number("301.50")})


def test_a_text_is_no_number_and_no_boolean() -> None:
    assert not matches({"price": [5]}, {"price": text("5")})
    assert not matches({"on": [True]}, {"on": text("true")})


def test_one_value_of_an_array_is_enough() -> None:
    interests = array('["soccer", "rugby", 5, true, null]')

    assert matches({"i": ["rugby", "tennis"]}, {"i": interests})
    assert matches({"i": [5.0]}, {"i": interests})
    assert matches({"i": [True]}, {"i": interests})
    assert matches({"i": [None]}, {"i": interests})
    assert matches({"i": [{"anything-but": ["rugby"]}]}, {"i": interests})
    assert not matches({"i": [{"anything-but": ["rugby"]}]}, {"i": array('["rugby"]')})


def test_what_is_not_there_is_asked_of_messages_with_attributes_only() -> None:
    assert matches({"a": [{"exists": False}]}, {"b": {"Type": "String", "Value": "x"}})
    assert not matches({"a": [{"exists": False}]}, {})


@pytest.mark.parametrize(
    "attribute",
    [
        {"DataType": "Binary", "BinaryValue": b"x"},
        {"DataType": "Number", "StringValue": "five"},
        {"DataType": "Number", "StringValue": "NaN"},
        {"DataType": "String.Array", "StringValue": '{"a":1}'},
        {"DataType": "String.Array", "StringValue": "[" * 5_000},
        {"DataType": "Colour", "StringValue": "x"},
        {"StringValue": "x"},
        {},
    ],
)
def test_an_attribute_that_says_nothing_is_as_if_it_were_not_there(attribute: dict[str, object]) -> None:
    assert matches({"a": [{"exists": False}]}, {"a": attribute})
    assert not matches({"a": [{"exists": True}]}, {"a": attribute})


def test_attributes_come_as_publishers_and_as_subscribers_write_them() -> None:
    assert matches({"a": ["x"]}, {"a": {"Type": "String", "Value": "x"}})
    assert matches({"a": [5]}, {"a": {"Type": "Number.int", "Value": 5}})


def test_alternatives_may_be_of_different_names() -> None:
    policy = {"source": ["s"], "$or": [{"a": ["1"]}, {"b": ["2"]}]}

    assert matches(policy, {"source": text("s"), "b": text("2")})
    assert not matches(policy, {"source": text("s")})


def test_a_body_is_matched_as_json() -> None:
    policy = {"store": ["x"], "items": {"name": ["tea"], "size": [2]}}

    assert matches_body(policy, {"store": "x", "items": [{"name": "tea", "size": 2}]})
    assert not matches_body(policy, {"store": "x", "items": [{"name": "tea"}, {"size": 2}]})


@pytest.mark.parametrize("body", ["", "not json", "[1]", '"x"', "[" * 100_000, "{" + '"a":1,' * 60_000 + '"b":1}'])
def test_a_body_that_is_no_json_object_within_bounds_never_matches(body: str) -> None:
    assert not compile_filter('{"a":[{"exists":false}]}', "MessageBody").matches({}, body)


def test_a_body_that_was_read_already_is_taken_as_it_is() -> None:
    assert compile_filter('{"a":[1]}', "MessageBody").matches({}, {"a": 1})


def test_the_scope_says_what_is_looked_at() -> None:
    policy = '{"a":["x"]}'

    assert not compile_filter(policy, "MessageBody").matches({"a": text("x")}, '{"a":"y"}')
    assert not compile_filter(policy, "MessageAttributes").matches({"a": text("y")}, '{"a":"x"}')


def test_an_empty_policy_lets_everything_through() -> None:
    assert matches({}, {})
    assert compile_filter("{}", "MessageBody").matches({}, "not json")


FLAT_152 = {
    "source": ["1", "2", "3", "4"],
    "$or": [
        {"metricName": ["1", "2", "3", "4", "5", "6"]},
        {"metricType": ["1", "2", "3", "4"], "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4]}]},
    ],
}
FLAT_150 = {
    "source": ["1", "2", "3"],
    "$or": [
        {"metricName": ["1", "2", "3", "4", "5", "6"]},
        {"metricType": ["1", "2", "3", "4"], "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4, 5, 6, 7]}]},
    ],
}
NESTED_160 = {
    "$or": [{"metricName": ["1", "2", "3"]}, {"namespace": ["1", "2"]}],
    "detail": {"scope": ["1", "2"], "$or": [{"source": ["1"]}, {"type": ["1", "2", "3"]}]},
}
NESTED_216 = {"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}, "f": [1, 2, 3]}
TOO_COMPLEX = "Invalid parameter: FilterPolicy: Filter policy is too complex"


@pytest.mark.parametrize(
    ("policy", "scope"),
    [
        ({"k": [str(each) for each in range(151)]}, "MessageAttributes"),
        ({"a": [str(each) for each in range(100)], "b": ["1", "2"]}, "MessageAttributes"),
        (FLAT_152, "MessageAttributes"),
        (NESTED_160, "MessageBody"),
        (NESTED_216, "MessageBody"),
        ({"$or": [{"a": [1]}, {"b": [1]}], "x": list(range(80))}, "MessageBody"),
    ],
)
def test_more_than_150_combinations_are_refused(policy: object, scope: str) -> None:
    assert refusal(policy, scope) == TOO_COMPLEX


def test_150_combinations_are_taken() -> None:
    assert matches(FLAT_150, {"source": text("1"), "metricName": text("6")})
    assert matches({"k": [str(each) for each in range(150)]}, {"k": text("149")})
    assert matches_body({"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}}, {"a": {"b": {"c": 4}}, "d": {"e": 1}})


def test_alternatives_that_multiply_are_too_complex() -> None:
    two = '"$or":[{"a":[1]},{"b":[2]}]'

    assert refusal("{" + ",".join([two] * 12) + "}") == TOO_COMPLEX


def test_more_than_five_keys_are_refused() -> None:
    reason = "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"

    assert refusal({str(each): ["x"] for each in range(6)}) == reason
    assert matches_body({"a": {str(each): ["x"] for each in range(6)}}, {"a": dict.fromkeys(map(str, range(6)), "x")})


def test_names_below_names_are_refused_for_attributes() -> None:
    reason = "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"

    assert refusal({"a": {"b": ["x"]}}) == reason
    assert refusal({"$or": [{"a": ["x"]}, {"b": {"c": ["x"]}}]}) == reason


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"key_a": "value_one"}, '"key_a" must be an object or an array'),
        ({"key": []}, "Empty arrays are not allowed"),
        ({"key": [["value"]]}, "Match value must be String, number, true, false, or null"),
        ({"key": [{"wrong-operator": True}]}, "Unrecognized match type wrong-operator"),
        ({"key": [{"wildcard": "a*"}]}, "Unrecognized match type wildcard"),
        ({"key": [{"suffix": "value", "prefix": "value2"}]}, "Only one key allowed in match expression"),
        ({"key": [{"suffix": 100}]}, "suffix match pattern must be a string"),
        ({"key": [{"suffix": ["test", "test2"]}]}, "suffix match pattern must be a string"),
        ({"key": [{"prefix": {"equals-ignore-case": "x"}}]}, "prefix match pattern must be a string"),
        ({"key": {"suffix": "value"}}, '"suffix" must be an object or an array'),
        ({"key": [{"cidr": "bad-filter"}]}, "Malformed CIDR, one '/' required"),
        ({"key": [{"cidr": "bad-filter/64"}]}, "Nonstandard IP address: bad-filter"),
        ({"key": [{"cidr": "bad-/64filter"}]}, "Malformed CIDR, mask bits must be an integer"),
        ({"key": [{"cidr": "xx.11.xx/8"}]}, "Nonstandard IP address: xx.11.xx"),
        ({"key": [{"numeric": []}]}, "Invalid member in numeric match: ]"),
        ({"key": [{"numeric": ["operator"]}]}, "Unrecognized numeric range operator: operator"),
        ({"key": [{"numeric": [1, "<="]}]}, "Invalid member in numeric match: 1"),
        ({"key": [{"numeric": ["=", "000"]}]}, "Value of equals must be numeric"),
        ({"key": [{"numeric": [">="]}]}, "Value of >= must be numeric"),
        ({"key": [{"numeric": ["<", 100, ">", 10]}]}, "Too many elements in numeric expression"),
        ({"key": [{"numeric": [">=", 1, ">", 2]}]}, "Bad numeric range operator: >"),
        ({"key": [{"numeric": [">", 3, "<", 1]}]}, "Bottom must be less than top"),
        ({"key": [{"numeric": [">", 20, "<="]}]}, "Value of <= must be numeric"),
        ({"key": [{"numeric": [">", 20, 30]}]}, "Bad value in numeric range: 30"),
        ({"key": [{"numeric": [">", 20, "test"]}]}, "Bad numeric range operator: test"),
        ({"key": [{"numeric": [">", 20, "<", 30, "<", 50]}]}, "Too many terms in numeric range expression"),
        ({"key": [{"exists": None}]}, "exists match pattern must be either true or false."),
        ({"key": [{"exists": "no"}]}, "exists match pattern must be either true or false."),
        ({"key": [{"anything-but": {"wrong-operator": None}}]}, "Unsupported anything-but pattern: wrong-operator"),
        ({"key": [{"anything-but": {"suffix": "test"}}]}, "Unsupported anything-but pattern: suffix"),
        ("[]", "Filter is not an object"),
        ('{"a"', "failed to parse JSON."),
    ],
)
def test_a_policy_is_refused_in_the_words_of_sns(policy: object, reason: str) -> None:
    assert refusal(policy, "MessageBody") == f"Invalid parameter: FilterPolicy: {reason}"


def test_an_unknown_scope_is_refused() -> None:
    assert refusal({}, "RandomValue") == (
        "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes"
    )


def test_a_refusal_says_where() -> None:
    with pytest.raises(InvalidFilter) as refused:
        compile_filter('{"a":["x",{"prefix":5}]}')

    assert refused.value.path == "a[1]"
    assert str(refused.value).endswith("\n at a[1]")


def test_a_policy_beyond_256_kb_is_refused() -> None:
    assert "262,144 bytes" in refusal({"a": ["x" * 262_144]})


def test_a_deeply_nested_policy_is_refused() -> None:
    assert "nested too deeply" in refusal('{"a":' * 900 + "[1]" + "}" * 900, "MessageBody")
