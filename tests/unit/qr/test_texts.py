import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_qr.codes.texts import InvalidFolder, InvalidTag, parse_folder, parse_tag, parse_tags, title_key

WORDS = st.text(st.characters(codec="utf-8"), max_size=60)


def test_a_tag_is_kept_in_lower_case_without_white_space_at_its_ends() -> None:
    assert parse_tag("  Straße IM Ort ") == "straße im ort"


def test_tags_are_a_set_in_order() -> None:
    assert parse_tags(["b", "A", "a", "B "]) == ("a", "b")


def test_tags_that_are_composed_otherwise_are_one() -> None:
    assert parse_tags(["caf\u00e9", "cafe\u0301"]) == ("caf\u00e9",)


@pytest.mark.parametrize("tag", ["", "  ", "x" * 51, "a\nb", "a\u202eb", "a\u2028b"])
def test_what_can_not_be_a_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidTag):
        parse_tag(tag)


def test_a_code_has_at_most_20_tags_however_often_each_is_named() -> None:
    tags = [f"tag-{number:02}" for number in range(20)]

    assert len(parse_tags([*tags, *tags])) == 20
    with pytest.raises(InvalidTag, match="at most 20 tags, these are 21"):
        parse_tags([*tags, "one more"])


@given(WORDS)
def test_a_tag_that_was_checked_is_one(text: str) -> None:
    try:
        tag = parse_tag(text)
    except InvalidTag:
        return
    assert parse_tag(tag) == tag


@pytest.mark.parametrize(
    ("text", "folder"),
    [("", ""), ("/", ""), ("Menus", "Menus"), ("/Menus/2026/", "Menus/2026"), (" a / b ", "a/b"), ("e\u0301", "\u00e9")],
)
def test_a_folder_is_kept_without_what_says_nothing(text: str, folder: str) -> None:
    assert parse_folder(text) == folder


@pytest.mark.parametrize("text", ["a//b", "a/ /b", "x" * 201, "a\tb/c\x00"])
def test_what_can_not_be_a_folder_is_refused(text: str) -> None:
    with pytest.raises(InvalidFolder):
        parse_folder(text)


@given(WORDS)
def test_a_folder_that_was_checked_is_one(text: str) -> None:
    try:
        folder = parse_folder(text)
    except InvalidFolder:
        return
    assert parse_folder(folder) == folder


@given(WORDS)
def test_titles_that_differ_in_case_or_composition_are_sorted_as_one(text: str) -> None:
    assert title_key(unicodedata.normalize("NFD", text)) == title_key(text) == title_key(title_key(text))
