from hypothesis import given
from hypothesis import strategies as st
from newer import FIELD, dropped, marked

from quietzone_kit.documents import Value
from quietzone_kit.documents.unknown import NOTHING, Unknown

values = st.recursive(
    st.integers(0, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(bodies)
def test_what_is_written_as_it_was_known_keeps_all_that_is_unknown(body: dict[str, Value]) -> None:
    stored = marked(body)

    assert Unknown.of(stored, known=body).beside(body) == stored


@given(bodies, bodies)
def test_whatever_is_written_next_drops_nothing_where_something_is_left(body: dict[str, Value], following: dict[str, Value]) -> None:
    stored = marked(body)

    after = Unknown.of(stored, known=body).beside(following)

    assert dropped(stored, after) == []


@given(bodies, bodies)
def test_a_body_without_unknown_fields_is_written_as_it_is(body: dict[str, Value], following: dict[str, Value]) -> None:
    unknown = Unknown.of(body, known=body)

    assert (bool(unknown), unknown.beside(following)) == (False, following)


def test_a_known_field_that_is_taken_away_does_not_come_back() -> None:
    unknown = Unknown.of({"id": "a", "since": 1, FIELD: 1}, known={"id": "a", "since": 1})

    assert unknown.beside({"id": "a"}) == {"id": "a", FIELD: 1}


def test_what_goes_takes_its_unknown_fields_along() -> None:
    known: dict[str, Value] = {"sources": {"one": {"n": 1}, "two": {"n": 2}}}
    stored: dict[str, Value] = {"sources": {"one": {"n": 1, FIELD: 1}, "two": {"n": 2, FIELD: 2}}}

    assert Unknown.of(stored, known).beside({"sources": {"two": {"n": 3}}}) == {"sources": {"two": {"n": 3, FIELD: 2}}}


def test_an_element_is_known_again_wherever_it_stands() -> None:
    known: dict[str, Value] = {"list": [{"n": 1}, {"n": 2}]}
    stored: dict[str, Value] = {"list": [{"n": 1, FIELD: 1}, {"n": 2, FIELD: 2}]}

    assert Unknown.of(stored, known).beside({"list": [{"n": 2}, {"n": 3}]}) == {"list": [{"n": 2, FIELD: 2}, {"n": 3}]}


def test_nothing_is_beside_a_body_as_if_it_were_not() -> None:
    assert NOTHING.beside({"id": "a"}) == {"id": "a"}
