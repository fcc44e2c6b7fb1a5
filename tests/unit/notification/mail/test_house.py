"""The house's own templates say what they are filled with, in both forms, and survive whatever that is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietzone_kit.mail import MAX_SUBJECT, header_text
from quietzone_notification.mail.brands.domain import Brand
from quietzone_notification.mail.kinds import CREATED, MILESTONE
from quietzone_notification.mail.letters import Letter
from quietzone_notification.mail.templates.domain import Rendered, house, render
from quietzone_notification.mail.templates.house import NAMES
from quietzone_notification.reactions.domain import created, crossed, together
from quietzone_notification.reports.domain import CodeScans, Sum, Week, report_of

AT_MS = 1_772_445_600_000
LINK = "https://console.example/dashboard"


def filled(letter: Letter) -> Rendered:
    source = house(letter.template)
    assert source is not None
    return render(source, letter.data, Brand("ours"), unsubscribe_url="https://q.example/u?token=x")


def of_created(title: str = "Menu", name: str = "Ada", link: str = LINK) -> Letter:
    return created("n1", "ours", AT_MS, title=title, destination="https://example.com/?a=1&b=2").letter(name, link)


def of_milestone(title: str = "Menu", name: str = "Ada", link: str = LINK) -> Letter:
    return crossed("n1", "ours", AT_MS, title=title, threshold=1_200).letter(name, link)


def of_week(title: str = "Menu", name: str = "Ada", link: str = LINK) -> Letter:
    found = Sum()
    for number in range(12):
        found.add(CodeScans(f"c{number}", (1_000 + number,) * 7))
    report = report_of("Ours", Week(AT_MS // 86_400_000 * 86_400_000), found, {"c11": title}, before=0)
    return Letter("weekly-summary", "weekly-summary", report.data() | {"name": name, "link": link})


def of_newcomer(title: str = "", name: str = "Ada", link: str = LINK) -> Letter:  # noqa: ARG001 - as the others
    return Letter("welcome", "welcome", {"name": name, "link": link})


def of_many(title: str = "Menu", name: str = "Ada", link: str = LINK) -> Letter:
    return together(CREATED, 12, [f"{title}: https://example.com"], name=name, link=link)


def of_account(title: str = "", name: str = "Ada", link: str = LINK) -> Letter:
    """As the gateway has them sent."""
    lead = {"link": link, "button": "Choose a new password"} if link else {}
    return Letter("security", "notice", {"subject": "Your password was changed", "paragraphs": [f"Hello {name},", title], **lead})


LETTERS = {
    "created": of_created,
    "milestone": of_milestone,
    "weekly-summary": of_week,
    "welcome": of_newcomer,
    "many": of_many,
    "account": of_account,
}


def test_the_mail_of_a_new_code_says_what_was_made() -> None:
    made = filled(of_created())

    assert made.subject == "QR Code Created Successfully!"
    for text in (made.text, made.html.replace("&amp;", "&")):
        assert all(word in text for word in ("Hello Ada", "Menu", "https://example.com/?a=1&b=2", "2 March 2026, 10:00 UTC", LINK))


def test_the_mail_of_a_milestone_says_which_and_of_what() -> None:
    made = filled(of_milestone())

    assert made.subject == "Menu: 1,200 scans"
    for text in (made.text, made.html):
        assert all(word in text for word in ("Hello Ada", "Menu", "1,200 times", "2 March 2026, 10:00 UTC", LINK))


def test_the_mail_of_a_week_has_its_days_and_its_codes() -> None:
    made = filled(of_week())

    assert made.subject == "Your week: 84,462 scans"
    for text in (made.text, made.html):
        assert all(word in text for word in ("Hello Ada", "Ours", "Mon 2 Mar", "Sun 8 Mar", "Menu", "7,077", "And 2 more.", LINK))


def test_one_scan_is_one() -> None:
    found = Sum()
    found.add(CodeScans("c1", (1, 0, 0, 0, 0, 0, 0)))
    data = report_of("Ours", Week(0), found, {}, before=0).data() | {"name": "Ada", "link": ""}

    made = filled(Letter("weekly-summary", "weekly-summary", data))

    assert made.subject == "Your week: 1 scan"
    assert "scanned 1 time from" in made.text


def test_one_more_code_is_one() -> None:
    assert together(CREATED, 1, ["Menu: x"], name="Ada", link="").data["subject"] == "1 more QR code created"


def test_many_milestones_are_told_in_one_mail() -> None:
    made = filled(together(MILESTONE, 12, ["Menu: 1,200 scans"], name="Ada", link=LINK))

    assert made.subject == "12 more milestones reached"
    assert "Menu: 1,200 scans\n" in made.text
    assert "And 11 more." in made.text


@pytest.mark.parametrize("name", LETTERS)
def test_without_a_page_to_lead_to_a_mail_leads_nowhere(name: str) -> None:
    made = filled(LETTERS[name](link=""))

    assert "console.example" not in made.text + made.html
    assert "dashboard" not in made.text + made.html


@pytest.mark.parametrize("name", LETTERS)
@settings(max_examples=30, deadline=None)
@given(title=st.text(max_size=200), person=st.text(max_size=100))
def test_whatever_codes_and_people_are_called_a_mail_is_made_of_it(name: str, title: str, person: str) -> None:
    made = filled(LETTERS[name](title, person))

    assert "<script" not in made.html.lower()
    assert header_text(made.subject, MAX_SUBJECT)


def test_a_notice_with_a_button_has_the_link_in_words_too() -> None:
    made = filled(of_account(title="It was you, we hope."))

    assert f"Choose a new password:\n{LINK}\n" in made.text
    assert f'<a href="{LINK}"' in made.html
    assert ">Choose a new password</a>" in made.html
    assert f">{LINK}</p>" in made.html


def test_a_notice_without_a_button_is_as_it_was() -> None:
    made = filled(Letter("notices", "notice", {"subject": "s", "paragraphs": ["One."], "link": LINK}))

    assert made.text.startswith(f"One.\n\n{LINK}\n")
    assert f">{LINK}</a>" in made.html


def test_each_template_has_its_texts() -> None:
    assert [name for name in NAMES if house(name) is None] == []
