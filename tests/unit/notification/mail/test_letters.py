"""Whatever a delivery holds becomes a mail, or is said to be none."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quietzone_kit.mail import MAX_SUBJECT, Mail, header_text
from quietzone_kit.mail._message import bytes_of
from quietzone_notification.delivery.domain import Delivery, taken
from quietzone_notification.mail.brands.domain import Brand, Looks
from quietzone_notification.mail.kinds import KINDS
from quietzone_notification.mail.letters import CUT, MAX_SHOWN, InvalidLetter, Letter, delivery_of, letter_of, read_data
from quietzone_notification.mail.templates.domain import NotRendered, house, render

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
BRAND = Brand("north", Looks("Menus", "#aa0000", "https://menus.example/logo.png", "Menus Ltd", "", "https://menus.example"))


def delivery(cause: str = "rule:r1:t", body: bytes = b"{}", headers: tuple[tuple[str, str], ...] = ()) -> Delivery:
    return Delivery("d1", "north", cause, "e1", "Order", "mail", "ada@example.com", body, "application/json", headers, 10, None, 1, 1)


def sent(letter: Letter) -> bytes:
    """The mail of a letter, as it goes over the line."""
    source = house(letter.template)
    assert source is not None
    made = render(source, letter.data, BRAND, unsubscribe_url="https://q.example/u?token=x")
    return bytes_of(Mail("ada@example.com", header_text(made.subject, MAX_SUBJECT) or "-", made.text, made.html, "id"), "codes@example.com")


@given(JSON, st.sampled_from(["rule:r1:t", "subscription:s1", "reaction:confirm-subscription", "reaction:milestone"]))
@example({"a": "\ud800"}, "rule:r1:t")
@example({"a": "\x00\r\n.\r\n"}, "subscription:s1")
@settings(deadline=None)
def test_any_json_becomes_a_mail(value: object, cause: str) -> None:
    assert sent(letter_of(delivery(cause, json.dumps(value).encode()))).isascii()


@given(st.binary(max_size=200), st.sampled_from(["rule:r1:t", "subscription:s1", "reaction:confirm-subscription"]))
@settings(deadline=None)
def test_any_bytes_become_a_mail(body: bytes, cause: str) -> None:
    assert sent(letter_of(delivery(cause, body))).isascii()


@given(JSON)
@settings(deadline=None)
def test_any_data_fills_a_notice_or_is_said_not_to(value: object) -> None:
    letter = Letter("notices", "notice", {"subject": "s", "paragraphs": value})

    try:
        assert sent(letter)
    except NotRendered as error:
        assert error.place in ("text", "html")  # noqa: PT017 - one of two outcomes


def test_an_event_that_is_too_long_is_cut_and_one_that_is_not_is_not() -> None:
    long, short = (letter_of(delivery(body=json.dumps({"a": "x" * n}).encode())).data["text"] for n in (MAX_SHOWN, 10))

    assert (str(long).endswith(CUT), str(short).endswith(CUT)) == (True, False)


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "null", "{", '{"a": ' + "[" * 40 + "]" * 40 + "}", '{"a": ' + "[" * 100_000, '{"a":' + "1" * 5_000 + "}"]
)
def test_what_fills_no_template_is_refused(text: str) -> None:
    with pytest.raises(InvalidLetter):
        read_data(text)


def test_json_that_is_too_deep_for_templates_is_shown_as_text() -> None:
    letter = letter_of(delivery(body=b"[" * 1_000 + b"]" * 1_000))

    assert (letter.data["value"], letter.data["text"]) == (None, "[" * 1_000 + "]" * 1_000)


@pytest.mark.parametrize("kind", ["created", "security"])
def test_a_mail_that_another_part_sends_is_the_letter_that_it_was(kind: str) -> None:
    letter = Letter(kind, "notice", {"subject": "s", "paragraphs": ["ü"]})

    assert letter_of(taken(delivery_of("d1", "north", "ada@example.com", letter, created_ms=1), 1)) == letter


@pytest.mark.parametrize("kind", ["confirmation", "events", "messages", "nothing"])
def test_no_header_makes_a_mail_of_a_kind_that_its_cause_alone_tells(kind: str) -> None:
    letter = letter_of(delivery("reaction:x", b"{}", (("x-mail-kind", kind), ("x-mail-template", "notice"))))

    assert letter.kind == "notices"
    assert letter.kind in KINDS
