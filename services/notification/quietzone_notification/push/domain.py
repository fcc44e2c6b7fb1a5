"""Devices that are pushed to, and where a push goes. Pure."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

MAX_DEVICES = 1_000
"""Of an account: a message to a topic becomes as many deliveries within one attempt, some 2 s of work."""
MAX_DEVICES_OF_PERSON = 20
"""Phones, tablets and browsers that somebody uses, and those that he doesn't any more until a provider says so."""
MAX_TOPICS = 10
"""Of a device: each is an entry of an index, written whenever an app registers again."""
SHOWN = 4
"""Characters of a token's end that are told, so that somebody finds his device in a list."""

_PERSON = re.compile(r"[0-9A-Za-z._@+-]{1,64}")
_TOPIC = re.compile(r"[0-9A-Za-z_-]{1,64}")
_DESTINATION = re.compile(rf"person:{_PERSON.pattern}|topic:{_TOPIC.pattern}")


class Platform(Enum):
    """Whose devices; the value is stored."""

    FCM = "fcm"
    APNS = "apns"


_TOKENS = {
    # https://firebase.google.com/docs/cloud-messaging/manage-tokens: of no fixed length, some 150 characters today
    Platform.FCM: (re.compile(r"[0-9A-Za-z_:.%-]{20,1024}"), "20 to 1,024 characters of 0-9 A-Z a-z _ : . % -"),
    # https://developer.apple.com/documentation/usernotifications: "don't hard-code a size"; 32 bytes today
    Platform.APNS: (re.compile(r"(?:[0-9A-Fa-f]{2}){32,200}"), "64 to 400 hexadecimal digits"),
}


@dataclass(frozen=True, slots=True)
class Device:
    """One app on one device of a person. Its token is sealed for its id; `token_digest` finds it again, `token_end` is for people.

    `slot` is its place among the account's, `person_slot` among the person's, each from 0. `provider_ref` is what a provider calls it,
    if that is anything but the token.
    """

    device_id: str
    account_id: str
    person: str
    person_slot: int
    platform: Platform
    sealed_token: str
    token_digest: str
    token_end: str
    topics: tuple[str, ...]
    slot: int
    created_ms: int
    seen_ms: int
    provider_ref: str = ""

    def seen(self, person: str, person_slot: int, topics: tuple[str, ...], sealed_token: str, at_ms: int) -> "Device":
        """The device as its app has registered it again. The provider is told again too: it may have given it up meanwhile."""
        whose = replace(self, person=person, person_slot=person_slot, topics=topics)
        return replace(whose, sealed_token=sealed_token, seen_ms=at_ms, provider_ref="")


def digest_of(platform: Platform, token: str) -> str:
    """What finds a token again without telling it: a token has far more chance in it than anybody can try."""
    return hashlib.sha256(f"{platform.value}\0{token}".encode()).hexdigest()


def check_person(text: str) -> str:
    """Who has a device, by the account's own names; raises ValueError, which says what would do."""
    if not _PERSON.fullmatch(text):
        raise ValueError("use 1 to 64 characters of 0-9 A-Z a-z . _ @ + -")
    return text


def check_topics(names: Iterable[str]) -> tuple[str, ...]:
    """What a device wants to hear of, each once; raises ValueError, which says what would do."""
    topics = tuple(sorted(set(names)))
    if len(topics) > MAX_TOPICS or not all(_TOPIC.fullmatch(topic) for topic in topics):
        raise ValueError(f"at most {MAX_TOPICS} topics, each of 1 to 64 characters of 0-9 A-Z a-z _ -")
    return topics


def check_token(platform: Platform, token: str) -> str:
    """A token as a platform gives it to an app; raises ValueError, which says what would do and doesn't repeat it."""
    wanted, said = _TOKENS[platform]
    if not wanted.fullmatch(token):
        raise ValueError(f"a token of {platform.value} has {said}")
    return token


def check_push_destination(text: str) -> str:
    """Where an account may have pushes sent; raises ValueError, which says what would do."""
    if not _DESTINATION.fullmatch(text):
        raise ValueError("push goes to person:<person> or topic:<topic>, as devices were registered")
    return text
