import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.ids import SHORT_ALPHABET
from quietzone_qr.codes.domain import DRAWN_SLUG, RESERVED, InvalidSlug, draw_slug, parse_slug

SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"


@given(st.text(SYMBOLS, min_size=3, max_size=64).filter(lambda text: text.lower() not in RESERVED))
def test_a_fitting_slug_stays_as_it_was_chosen(text: str) -> None:
    assert parse_slug(text) == text


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    fits = 3 <= len(text) <= 64 and set(text) <= set(SYMBOLS) and text.lower() not in RESERVED

    try:
        parse_slug(text)
    except InvalidSlug:
        assert not fits
    else:
        assert fits


@given(st.text(SHORT_ALPHABET, min_size=DRAWN_SLUG, max_size=DRAWN_SLUG))
def test_a_drawn_slug_would_have_been_accepted_as_chosen(drawn: str) -> None:
    slug = draw_slug(lambda length: drawn[:length])

    assert parse_slug(slug) == slug == drawn


def test_a_reserved_draw_is_refused() -> None:
    with pytest.raises(InvalidSlug, match="reserved"):
        draw_slug(lambda _length: "metrics")


@pytest.mark.parametrize("slug", ["metrics", "Metrics", "HEALTH", "api", "favicon"])
def test_a_reserved_name_is_refused_however_it_is_cased(slug: str) -> None:
    with pytest.raises(InvalidSlug, match="is reserved for the scan host itself; choose another"):
        parse_slug(slug)


@pytest.mark.parametrize("slug", ["robots.txt", "favicon.ico", ".well-known"])
def test_files_that_a_host_serves_are_no_slugs(slug: str) -> None:
    with pytest.raises(InvalidSlug, match=r"'\.' can't be in a slug; use 0-9, A-Z, a-z, _ and -"):
        parse_slug(slug)


@pytest.mark.parametrize("slug", ["", "ab", "a" * 65])
def test_a_slug_that_is_too_short_or_long_is_refused_with_its_length(slug: str) -> None:
    with pytest.raises(InvalidSlug, match=f"3 to 64 characters, this one has {len(slug)}"):
        parse_slug(slug)


@pytest.mark.parametrize("slug", ["a/b", "a b", "a%2", "menü", "a\nb", "abc\n", "\u0430\u0430\u0430", "١٢٣"])
def test_a_slug_with_another_character_is_refused(slug: str) -> None:
    with pytest.raises(InvalidSlug, match="can't be in a slug"):
        parse_slug(slug)
