"""What of a delivery fills a template. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_notification.delivery.domain import MAX_BODY_BYTES, Delivery, NewDelivery
from quietzone_notification.mail.kinds import (
    CONFIRMATION,
    EVENTS,
    KIND_HEADER,
    KINDS,
    REPORT_HEADER,
    SENDABLE,
    TEMPLATE_HEADER,
    kind_of,
)

JSON = "application/json"
MAX_DATA_BYTES = 65_536
"""Of what fills a template: a mail of more than 100 kB is cut off by those who show it."""
MAX_DEPTH = 32  # Python's own reader of JSON gives up at some hundreds
MAX_SHOWN = 40_000
"""Characters of an event that a mail shows; of a longer one it shows the beginning, and says so."""
CUT = "\n… (the rest is left out: a mail has no room for it)"

Data = dict[str, object]


class InvalidLetter(ValueError):
    """No mail can be made of this: says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be: its kind, the name of its template, and what that is filled with. `report` names what goes with it, if anything."""

    kind: str
    template: str
    data: Data
    report: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is the house's own: without an account's branding and templates, which could lead what it holds elsewhere."""
        return KINDS[self.kind].is_ours


def letter_of(delivery: Delivery) -> Letter:
    """The letter that a delivery is.

    Raises:
        InvalidLetter: its body isn't what its headers say.
    """
    kind, headers = kind_of(delivery), dict(delivery.headers)
    template = headers.get(TEMPLATE_HEADER)
    if template is not None and kind in SENDABLE:
        data = read_data(delivery.body.decode("utf-8", "replace"), most=MAX_BODY_BYTES)
        return Letter(kind, template, data, headers.get(REPORT_HEADER, ""))
    text = delivery.body.decode("utf-8", "replace")
    if kind == CONFIRMATION:
        return Letter(kind, "confirmation", {"subject": headers.get("x-subject", ""), "paragraphs": _paragraphs(text)})
    value = _value(text)
    shown = text if value is None or not isinstance(value, dict | list) else json.dumps(value, indent=2, ensure_ascii=False)
    told: Data = {"text": _cut(shown), "value": value, "type": delivery.event_type, "id": delivery.event_id}
    if kind == EVENTS:
        return Letter(kind, "event", told)
    return Letter(kind, "message", told | {"subject": headers.get("x-subject", "")})


def delivery_of(delivery_id: str, account_id: str, to: str, letter: Letter, *, created_ms: int) -> NewDelivery:
    """The delivery of a mail that isn't a topic's or a rule's."""
    report = ((REPORT_HEADER, letter.report),) if letter.report else ()
    return NewDelivery(
        id=delivery_id,
        account_id=account_id,
        cause=f"mail:{letter.kind}",
        event_id=delivery_id,
        event_type="Mail",
        kind="mail",
        destination=to,
        body=json.dumps(letter.data, ensure_ascii=False).encode(),
        content_type=JSON,
        headers=((KIND_HEADER, letter.kind), (TEMPLATE_HEADER, letter.template), *report),
        max_attempts=None,
        max_age_ms=None,
        created_ms=created_ms,
    )


def read_data(text: str, *, most: int = MAX_DATA_BYTES) -> Data:
    """What fills a template.

    Raises:
        InvalidLetter: it is too large, too deep or no JSON object.
    """
    if len(text.encode("utf-8", "replace")) > most:
        raise InvalidLetter(f"at most {most:,} bytes")
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidLetter("write it as a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidLetter("write it as a JSON object")
    if _is_deeper(value, MAX_DEPTH):
        raise InvalidLetter(f"more than {MAX_DEPTH} objects and lists within each other")
    return value


def _value(text: str) -> object:
    """What a text says as JSON; None when it says nothing that templates could go through."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if _is_deeper(value, MAX_DEPTH) else value


def _is_deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [each for outer in level for each in _within(outer)]
        if not level:
            return False
    return True


def _within(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + CUT


def _paragraphs(text: str) -> list[object]:
    """Paragraphs of a text of ours; a line that is a URL is a link of its own."""
    found: list[object] = []
    for block in text.split("\n\n"):
        for line in filter(None, block.splitlines()):
            is_link = line.startswith(("https://", "http://")) and " " not in line
            found.append({"text": line, "is_link": is_link})
    return found
