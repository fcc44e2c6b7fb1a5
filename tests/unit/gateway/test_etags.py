"""Entity tags: what names an answer, as it is or compressed."""

import pytest

from quietzone_gateway.rest.etags import MatchesNothing, expected_revision, named


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ('"3"', '"3"'),
        ('W/"3"', '"3"'),
        ('"3-gzip"', '"3-gzip"'),
        ('"2", "3-gzip", "3"', '"3-gzip"'),
        ("*", '"3"'),
        ('"2-gzip"', None),
        ('"3-br"', None),
        ("3", None),
        (None, None),
    ],
)
def test_what_a_client_has_is_named_by_its_own_tag(header: str | None, tag: str | None) -> None:
    assert named(header, "3") == tag


@pytest.mark.parametrize(("header", "revision"), [('"3"', 3), ('"3-gzip"', 3), ("*", None), (None, None)])
def test_either_tag_demands_a_revision(header: str | None, revision: int | None) -> None:
    assert expected_revision(header) == revision


@pytest.mark.parametrize("header", ['W/"3"', 'W/"3-gzip"', '"-gzip"', '"3-gzip-gzip"', '"menu"'])
def test_other_tags_demand_what_never_is(header: str) -> None:
    with pytest.raises(MatchesNothing):
        expected_revision(header)
