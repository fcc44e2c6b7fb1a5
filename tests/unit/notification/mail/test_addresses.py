"""What is known of an address, and what follows from it."""

import pytest

from quietzone_notification.mail.addresses.domain import ALL, Reason, addressee_id, unknown
from quietzone_notification.mail.kinds import KINDS, OPTIONAL

ADA = unknown("north", "ada@example.com")


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_of_which_nothing_was_said_gets_all(kind: str) -> None:
    assert ADA.refusal(kind) is None


@pytest.mark.parametrize("reason", [Reason.BOUNCED, Reason.COMPLAINED, Reason.BY_HAND])
def test_who_is_suppressed_for_all_gets_none(reason: Reason) -> None:
    addressee = ADA.suppressed(ALL, reason, 1)

    assert [kind for kind in KINDS if addressee.refusal(kind) is None] == []


def test_who_has_left_all_gets_what_is_the_house_s_own() -> None:
    addressee = ADA.suppressed(ALL, Reason.UNSUBSCRIBED, 1)

    assert {kind for kind in KINDS if addressee.refusal(kind) is None} == set(KINDS) - set(OPTIONAL)


def test_who_has_left_a_kind_gets_the_others() -> None:
    addressee = ADA.suppressed("events", Reason.UNSUBSCRIBED, 1)

    assert {kind for kind in KINDS if addressee.refusal(kind)} == {"events"}


def test_the_first_suppression_of_a_kind_stays() -> None:
    addressee = ADA.suppressed(ALL, Reason.BOUNCED, 1, "550")

    assert addressee.suppressed(ALL, Reason.BY_HAND, 2, "other") is addressee


def test_what_a_server_said_is_kept_in_one_line() -> None:
    (kept,) = ADA.suppressed(ALL, Reason.BOUNCED, 1, "550 no\r\nsuch\0user" + "x" * 300).suppressions

    assert kept.detail.startswith("550 no  such user")
    assert len(kept.detail) == 200


@pytest.mark.parametrize("reason", [Reason.BOUNCED, Reason.COMPLAINED, Reason.BY_HAND])
@pytest.mark.parametrize("kind", [ALL, "events"])
def test_a_wish_lifts_nothing_but_what_the_person_has_said(kind: str, reason: Reason) -> None:
    addressee = ADA.suppressed(kind, reason, 1).preferring(dict.fromkeys(OPTIONAL, True))

    assert addressee.refusal("events")


def test_a_kind_that_is_not_wanted_again_stays_left() -> None:
    addressee = ADA.suppressed("events", Reason.UNSUBSCRIBED, 1).preferring({"created": True, "events": False})

    assert addressee.refusal("events")


def test_letters_of_any_case_are_one_address_of_an_account() -> None:
    assert addressee_id("north", "Ada@Example.com") == addressee_id("north", "ada@example.com") != addressee_id("south", "ada@example.com")
