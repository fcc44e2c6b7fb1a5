"""What is in a message's headers is what was given, and nothing else, whatever somebody writes into his subject or his name."""

import email
import email.policy
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quietzone_kit.mail import (
    MAX_ATTACHED_BYTES,
    MAX_ATTACHMENTS,
    MAX_NAME,
    MAX_SUBJECT,
    MAX_UNSUBSCRIBE_URL,
    Attachment,
    InvalidAddress,
    Mail,
    check_address,
    header_text,
    is_header_text,
)
from quietzone_kit.mail._message import bytes_of

SENDER = "Quietzone <codes@example.com>"
MAIL = Mail("ada@example.com", "Hello", "Hello\n", "<p>Hello</p>", "id-1", at_ms=1_772_445_600_000)
NAMES = ["From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "MIME-Version", "Content-Type"]

TRICKS = [
    "Hello\r\nBcc: eve@example.com",
    "Hello\nBcc: eve@example.com",
    "Hello\r\n\r\n<script>",
    "Hello\x0bBcc: eve@example.com",
    "Hello\x85Bcc: eve@example.com",
    "Hello\u2028Bcc: eve@example.com",
    "Hello\u560aBcc: eve@example.com",  # whose last byte is a line's end
    "=?utf-8?q?Hello=0D=0ABcc=3A_eve=40example=2Ecom?=",
    "=?utf-8?b?SGVsbG8NCkJjYzogZXZlQGV4YW1wbGUuY29t?=",
    '"eve@example.com" <eve@example.com>, ada',
    "\u202eeve\u202c",
    "(((((",
    '\\"\\\\',
    "x" * 190,
    "ä" * 190,
    "🙂" * 60,
]


def received(mail: Mail) -> EmailMessage:
    return email.message_from_bytes(bytes_of(mail, SENDER), policy=email.policy.default)  # type: ignore[return-value]


def lines(message: EmailMessage) -> dict[str, str]:
    """Headers as they came, unread."""
    return dict(message.raw_items())


def name_in(line: str) -> str:
    """The name before an address. email's own reader leaves spaces between encoded words, against RFC 2047, 6.2."""
    phrase = line.rpartition(" <")[0]
    return str(make_header(decode_header(phrase))) if phrase.startswith("=?") else parseaddr(f"{phrase} <a@b.co>")[0]


def any_text(tricks: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(max_size=80),
        st.sampled_from(tricks),
        st.lists(st.sampled_from([*tricks, "\r", "\n", "=", "?", ":", "<", ">", ",", ";", '"', "@", " ", "a", "ü"]), max_size=6).map(
            "".join
        ),
    )


@settings(deadline=None)
@given(any_text(TRICKS), any_text(TRICKS))
@example("=?", "=?")
def test_no_subject_and_no_name_adds_a_header_or_a_sender(subject: str, name: str) -> None:
    subject, name = header_text(subject, MAX_SUBJECT) or "-", header_text(name, MAX_NAME)

    message = received(Mail(MAIL.to, subject, MAIL.text, MAIL.html, MAIL.message_id, name, at_ms=MAIL.at_ms))

    assert list(message.keys()) == NAMES
    assert str(message["Subject"]) == subject
    (sender,) = message["From"].addresses
    assert sender.addr_spec == "codes@example.com"
    assert name_in(lines(message)["From"]) == (name or "Quietzone")
    assert str(message["To"]) == MAIL.to
    assert message.get_body(("plain",)) is not None


@settings(deadline=None)
@given(any_text(TRICKS))
def test_a_subject_is_taken_as_it_is_or_refused(subject: str) -> None:
    if subject and is_header_text(subject, MAX_SUBJECT):
        assert Mail(MAIL.to, subject, "", "", "id").subject == subject
    else:
        with pytest.raises(ValueError, match="subject"):
            Mail(MAIL.to, subject, "", "", "id")


@settings(deadline=None)
@given(st.one_of(st.emails(), any_text(TRICKS)))
@example("..a@example.com")
@example("a" * 64 + "@" + "b" * 63 + ".example.com")
def test_an_address_is_the_only_one_of_its_message_or_is_refused(address: str) -> None:
    try:
        check_address(address)
    except InvalidAddress:
        return
    message = received(Mail(address, "Hello", "Hello", "", "id", reply_to=address, at_ms=1))

    assert list(message.keys()) == ["From", "To", "Reply-To", *NAMES[2:]]
    assert (lines(message)["To"], lines(message)["Reply-To"]) == (address, address)


@settings(deadline=None)
@given(any_text(["https://q.example/u?token=" + "x" * 800, *TRICKS]))
def test_a_url_to_unsubscribe_at_stands_in_one_line_or_is_refused(text: str) -> None:
    try:
        mail = Mail("ada@example.com", "Hello", "Hello", "", "id", unsubscribe_url=text if text.startswith("http") else f"https://{text}")
    except ValueError:
        return

    assert f"\r\nList-Unsubscribe: <{mail.unsubscribe_url}>\r\n".encode() in bytes_of(mail, SENDER)
    assert max(map(len, bytes_of(mail, SENDER).split(b"\r\n"))) <= 998


def test_the_longest_url_to_unsubscribe_at_fits_its_line() -> None:
    url = "https://q.example/?t=".ljust(MAX_UNSUBSCRIBE_URL, "x")

    lines = bytes_of(Mail("ada@example.com", "Hello", "", "", "id", unsubscribe_url=url), SENDER).split(b"\r\n")

    assert max(map(len, lines)) <= 998


def test_one_click_is_offered_by_https_alone() -> None:
    urls = {"https://q.example/u": "List-Unsubscribe=One-Click", "http://localhost:8000/u": None}

    assert {url: received(Mail("a@b.co", "s", "", "", "id", unsubscribe_url=url))["List-Unsubscribe-Post"] for url in urls} == urls


@pytest.mark.parametrize(
    "url", ["ftp://q.example", "https://q.example/<x>", "https://q.example/a b", "https://" + "x" * 900, "javascript:1"]
)
def test_a_url_to_unsubscribe_at_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="unsubscribe"):
        Mail("ada@example.com", "Hello", "", "", "id", unsubscribe_url=url)


def test_a_message_says_when_it_was_made_and_that_a_program_has_made_it() -> None:
    message = received(MAIL)

    assert str(message["Date"]) == "Mon, 02 Mar 2026 10:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_message_has_no_byte_that_a_server_may_refuse() -> None:
    raw = bytes_of(Mail("ada@example.com", "Grüße", "ä" * 2_000, "<p>🙂</p>" * 300, "id", "Käthe"), SENDER)

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_files_that_go_with_a_message_come_as_they_were() -> None:
    files = (Attachment("week.pdf", "application/pdf", bytes(range(256))), Attachment("codes.csv", "text/csv", b"a,b\r\n"))

    message = received(replace(MAIL, attachments=files))

    found = [(part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in message.iter_attachments()]
    assert found == [(file.name, file.media_type, file.data) for file in files]


def test_a_message_with_files_still_has_its_text_and_its_html() -> None:
    message = received(replace(MAIL, attachments=(Attachment("week.pdf", "application/pdf", b"%PDF"),)))

    plain, html = message.get_body(("plain",)), message.get_body(("html",))

    assert plain is not None
    assert html is not None
    assert (plain.get_content().strip(), html.get_content().strip()) == ("Hello", "<p>Hello</p>")


@pytest.mark.parametrize("name", ["", ".", "../x", "a b", 'a"b', "ä.pdf", "a\r\nBcc: eve@example.com", "x" * 101])
def test_a_file_whose_name_could_be_taken_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="attached"):
        Attachment(name, "application/pdf", b"")


@pytest.mark.parametrize("files", [[b""] * (MAX_ATTACHMENTS + 1), [b"x" * MAX_ATTACHED_BYTES, b"x"]])
def test_more_than_a_mail_carries_is_refused(files: list[bytes]) -> None:
    with pytest.raises(ValueError, match="go with a message"):
        replace(MAIL, attachments=tuple(Attachment("a.bin", "application/octet-stream", data) for data in files))
