"""When a tour is content with reconcile."""

from dataclasses import replace

from quietzone_cli.tour.steps import has_arrived
from quietzone_client import Reconciliation

FIRST = Reconciliation(accepted=10, forwarded=10, applied=9, stored=9, lost=0, unrecorded=0, sources=(), problems=())


def test_numbers_that_meet_have_arrived() -> None:
    assert has_arrived(FIRST, replace(FIRST, stored=10))


def test_what_is_under_way_has_not_arrived() -> None:
    assert not has_arrived(FIRST, FIRST)


def test_while_others_scan_it_is_enough_that_what_was_accepted_first_is_stored() -> None:
    assert has_arrived(FIRST, replace(FIRST, accepted=50, forwarded=45, stored=10))
    assert not has_arrived(FIRST, replace(FIRST, accepted=50, forwarded=45, stored=9))
