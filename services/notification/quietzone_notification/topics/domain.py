"""Topics, subscriptions and messages, with SNS's numbers where it has some. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import Enum

from quietzone_notification.events.domain import rfc3339
from quietzone_notification.rules.domain import Kind

MAX_TOPICS = 1_000  # of an account; SNS has 100,000, which nobody with one installation needs
MAX_SUBSCRIPTIONS = 1_000  # of a topic: a message becomes as many deliveries before its publisher gets his answer, some 2 s of work
MAX_NAME = 100  # with the account's 64 characters it makes a document's key, which has 200
MAX_DISPLAY_NAME = 100  # SNS's
MAX_MESSAGE_BYTES = 262_144  # SNS's 256 KB, with attributes
MAX_SUBJECT = 100  # SNS's
MAX_ATTRIBUTES = 10  # SNS's with raw delivery
MAX_ATTRIBUTE_NAME = 256  # SNS's
MAX_REQUEST_ID = 128
TOKEN_BYTES = 32
CONFIRM_WITHIN_MS = 172_800_000
"""Two days, as SNS: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"""
MAX_ASKED = (
    3  # mails to one address within that time, whatever an account does: some ask again in good faith, a stranger has asked for none
)
MAX_ASKED_BY_ACCOUNT = 1_000  # such mails within that time, to whomever: SNS lets 5,000 wait for an answer

_NAME = re.compile(rf"[0-9A-Za-z_-]{{1,{MAX_NAME}}}")
_ATTRIBUTE_NAME = re.compile(r"(?!(?i:AWS|Amazon)\.)[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*")
_TYPE = re.compile(r"String\.Array|(String|Number|Binary)(\.[0-9A-Za-z_.-]{1,200})?")


class InvalidMessage(ValueError):
    """A message, or something of one, that isn't taken: says what would do."""


class State(Enum):
    """Where a subscription stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


class Scope(Enum):
    """What a filter policy looks at."""

    ATTRIBUTES = "MessageAttributes"
    BODY = "MessageBody"


@dataclass(frozen=True, slots=True)
class Topic:
    """What messages are published to. `slot` is its place among those of the account, from 0."""

    account_id: str
    name: str
    display_name: str
    created_at_ms: int
    slot: int


@dataclass(frozen=True, slots=True)
class Options:
    """What a subscription wants; `filter_policy` empty: all messages."""

    filter_policy: str = ""
    filter_scope: Scope = Scope.ATTRIBUTES
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets a topic's messages, and which. `token_digest` is of the token that confirms it: the token itself is kept nowhere."""

    subscription_id: str
    account_id: str
    topic: str
    kind: Kind
    destination: str
    state: State
    created_at_ms: int
    slot: int
    options: Options = field(default_factory=Options)
    token_digest: str = ""
    expires_at_ms: int | None = None
    """When one that is pending goes."""

    def has_lapsed(self, at_ms: int) -> bool:
        """Whether nobody has confirmed it in time."""
        return self.state is State.PENDING and (self.expires_at_ms or 0) <= at_ms


@dataclass(frozen=True, slots=True)
class Asking:
    """How many mails have asked addresses for an account since a moment."""

    account_id: str
    since_ms: int
    number: int

    def once_more(self, at_ms: int) -> "Asking | None":
        """With one more; None: there were as many as there may be within the time that a confirmation has."""
        if at_ms - self.since_ms >= CONFIRM_WITHIN_MS:
            return Asking(self.account_id, at_ms, 1)
        return replace(self, number=self.number + 1) if self.number < MAX_ASKED_BY_ACCOUNT else None


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that is said beside a message; of Binary the value is base64."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is published."""

    message_id: str
    account_id: str
    topic: str
    text: str
    subject: str
    attributes: Mapping[str, Attribute]
    at_ms: int

    def for_filters(self) -> dict[str, Mapping[str, object]]:
        """Its attributes as filter policies look at them."""
        return {name: {"Type": attribute.type, "Value": attribute.value} for name, attribute in self.attributes.items()}

    def wrapped(self, subscription_id: str) -> str:
        """SNS's JSON form. It is signed as every webhook is, so that it carries no signature within."""
        body: dict[str, object] = {
            "Type": "Notification",
            "MessageId": self.message_id,
            "TopicArn": f"topic:{self.account_id}:{self.topic}",
            "SubscriptionArn": f"subscription:{self.account_id}:{subscription_id}",
            "Message": self.text,
            "Timestamp": rfc3339(self.at_ms),
        }
        if self.subject:
            body["Subject"] = self.subject
        if self.attributes:
            body["MessageAttributes"] = self.for_filters()
        return json.dumps(body, ensure_ascii=False)


def is_name(text: str) -> bool:
    """Whether a topic can have this name."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """A topic's name.

    Raises:
        InvalidMessage: says what would do.
    """
    if not is_name(text):
        raise InvalidMessage(f"use 1 to {MAX_NAME} characters of 0-9 A-Z a-z _ -")
    return text


def check_display_name(text: str) -> str:
    """What mails of a topic are from.

    Raises:
        InvalidMessage: it is too long, or has characters that don't show: a line's end would begin a header.
    """
    if len(text) > MAX_DISPLAY_NAME or not text.isprintable():
        raise InvalidMessage(f"a display name has at most {MAX_DISPLAY_NAME} printable characters")
    return text


def check_subject(text: str) -> str:
    """A message's subject.

    Raises:
        InvalidMessage: it is too long, or has other characters than printable ASCII: a line's end would begin a header.
    """
    if len(text) > MAX_SUBJECT or not text.isprintable() or not text.isascii():
        raise InvalidMessage(f"a subject has at most {MAX_SUBJECT} printable ASCII characters")
    return text


def check_attributes(attributes: Mapping[str, Attribute]) -> None:
    """See that these can be said beside a message.

    Raises:
        InvalidMessage: says which can't, and why.
    """
    if len(attributes) > MAX_ATTRIBUTES:
        raise InvalidMessage(f"a message has at most {MAX_ATTRIBUTES} attributes, this one has {len(attributes)}")
    for name, attribute in attributes.items():
        if len(name) > MAX_ATTRIBUTE_NAME or not _ATTRIBUTE_NAME.fullmatch(name):
            raise InvalidMessage(f"{name!r:.80}: a name has 1 to {MAX_ATTRIBUTE_NAME} of 0-9 A-Z a-z _ - and single dots within")
        if not _TYPE.fullmatch(attribute.type):
            raise InvalidMessage(f"{name}: its type is String, String.Array, Number or Binary, perhaps with a label, such as Number.int")
        if problem := _problem(attribute):
            raise InvalidMessage(f"{name}: {problem}")


def check_size(text: str, attributes: Mapping[str, Attribute]) -> None:
    """See that a message isn't more than one takes.

    Raises:
        InvalidMessage: it is, or is empty.
    """
    texts = [text, *(part for name, each in attributes.items() for part in (name, each.type, each.value))]
    size = sum(len(part.encode()) for part in texts)
    if not text or size > MAX_MESSAGE_BYTES:
        raise InvalidMessage(f"a message has 1 to {MAX_MESSAGE_BYTES:,} bytes with its attributes, this one has {size:,}")


def _problem(attribute: Attribute) -> str:
    kind = attribute.type.partition(".")[0]
    if not attribute.value:
        return "a value isn't empty"
    if kind == "Number":
        return "" if _is_number(attribute.value) else "its value is no number"
    if kind == "Binary":
        return "" if _is_base64(attribute.value) else "its value isn't base64"
    return "" if attribute.type != "String.Array" or _is_array(attribute.value) else "its value is no JSON array"


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_array(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False
