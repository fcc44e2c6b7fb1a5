"""PDFs: sums first, then all rows, as text that can be found."""

import io

import pypdf
import pytest
from unit.analytics.printed.read import pages, row

from quietzone_analytics.printed.paper import A_PAGE, LETTER, MARGIN, MOST_CODES, WIDTH, make_pdf

ABOUT = {"from": "2026-03-01", "zone": "Europe/Berlin"}


def test_the_first_page_tells_the_question_and_the_sums() -> None:
    first = pages(make_pdf([row(1_200), row(34), row(34)], ABOUT))[0]

    assert all(text in first for text in ("Europe/Berlin", "1,268 scans", "code-1200", "1,200", "68")), first


def test_every_row_stands_once_below_a_head() -> None:
    rows = [row(number) for number in range(1, 2 * A_PAGE + 2)]

    found = pages(make_pdf(rows, ABOUT))

    assert len(found) == 4
    for each in rows:
        assert sum(page.split().count(each.code_id) for page in found[1:]) == 1, each.code_id
    assert all("visitor_days" in page and f"{number} / 4" in page for number, page in enumerate(found[1:], start=2))


def test_of_many_codes_the_most_scanned_are_summed_and_the_others_counted() -> None:
    first = pages(make_pdf([row(number) for number in range(MOST_CODES + 5)], ABOUT))[0]

    assert "and 5 more" in first
    assert f"code-{MOST_CODES + 4} " in first
    assert "code-4 " not in first


def test_what_is_not_known_is_left_empty() -> None:
    assert "None" not in "".join(pages(make_pdf([row(1, bots=None, previews=None, visitor_days=None)], ABOUT)))


@pytest.mark.parametrize("text", ["(a)) Tj (", "\\", "a\\(b", "<41>", "#{}%[]", "Zürich"])
def test_what_is_told_is_shown_as_it_is(text: str) -> None:
    found = pages(make_pdf([row(1, code_id=text)], {"from": text}))

    assert text in found[0]
    assert text in found[1]


def test_ids_of_any_length_stay_on_their_page() -> None:
    found = pypdf.PdfReader(io.BytesIO(make_pdf([row(1, code_id="a" * 200)], ABOUT))).pages[1]
    sizes = set[float]()
    found.extract_text(visitor_text=lambda text, _cm, _tm, _font, size: sizes.add(size) if "aaa" in text else None)

    assert max(sizes) * LETTER * 200 < WIDTH - 2 * MARGIN


@pytest.mark.parametrize("number", [0, 9_876_543_210, 2**63])
def test_numbers_stand_beside_their_id_however_long_both_are(number: int) -> None:
    rows = [row(at, code_id=f"{at:061}-ab", bots=number, previews=number, visitor_days=number) for at in range(2 * A_PAGE)]

    lines = [line.split() for page in pages(make_pdf(rows, ABOUT))[1:] for line in page.splitlines() if "-ab" in line]

    assert [(line[0], *line[-4:]) for line in lines] == [(each.code_id, f"{each.scans:,}", *[f"{number:,}"] * 3) for each in rows]


def test_without_rows_there_is_one_page() -> None:
    assert len(pages(make_pdf([], ABOUT))) == 1


def test_the_same_rows_are_the_same_bytes() -> None:
    assert make_pdf([row(1)], ABOUT) == make_pdf([row(1)], ABOUT)
