"""What a delivery is on a stream, and whose stream a topic is."""

import pytest
from unit.notification.streams.world import BORN_MS, OURS, delivery
from unit.notification.world import derive, rule

from quietzone_kit.bus import Record
from quietzone_kit.events import event_of
from quietzone_notification.events.domain import Event
from quietzone_notification.rules.book import RuleBook
from quietzone_notification.rules.domain import Kind, Target, kafka_topic
from quietzone_notification.streams.domain import headers_of, is_of, key_of


def keys_of(*resources: str) -> list[str]:
    """The keys of what a rule with a Kafka target makes of events that are about these."""
    book = RuleBook(derive)
    book.admit(rule(targets=(Target("t", Kind.KAFKA, "orders"),)))
    event = Event("e1", OURS, "default", "shop", "Order", BORN_MS, resources, "{}")
    (matched,) = book.matching(event, now_ms=BORN_MS)
    return [key_of(delivery(new.id, headers=new.headers, event_id=new.event_id)) for new in matched.deliveries]


def test_a_record_is_an_event_whose_id_is_the_delivery_s() -> None:
    sent = delivery("d1")

    event = event_of(Record("out.ours.orders", 0, 0, 0, key_of(sent), sent.body, headers_of(sent)))

    assert (event.id, event.type, event.source, event.subject) == ("d1", "Bestellung", "/quietzone/notification", "code:7")
    assert (event.time_ms, event.data) == (BORN_MS, b'{"n": 1}')


def test_a_record_says_what_it_is_and_why_it_was_sent() -> None:
    said = dict(headers_of(delivery("d1")))

    assert (said["content-type"], said["ce_cause"], said["ce_eventid"]) == (b"application/json", b"rule:r1:t1", b"e1")


def test_the_key_is_what_an_event_is_about() -> None:
    assert keys_of("code:7", "code:8") == ["code:7"]


def test_an_event_about_nothing_is_known_by_its_own_id() -> None:
    assert keys_of() == ["e1"]


def test_what_can_not_be_a_key_gives_one_that_stays_the_same() -> None:
    first, again, other = keys_of("Straße 1"), keys_of("Straße 1"), keys_of("Straße 2")

    assert first == again != other


def test_a_delivery_of_an_older_release_has_the_event_s_id_as_key() -> None:
    assert key_of(delivery(headers=())) == "e1"


@pytest.mark.parametrize(
    ("account_id", "name", "is_ours"),
    [
        ("ours", kafka_topic("ours", "orders"), True),
        ("ours", kafka_topic("theirs", "orders"), False),
        ("ours", "out.ours.a.b", False),
        ("ours", "qr.code.v1", False),
    ],
)
def test_a_topic_is_of_the_account_that_it_names(account_id: str, name: str, is_ours: bool) -> None:
    assert is_of(account_id, name) is is_ours
