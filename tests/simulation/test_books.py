"""The books must say what is wrong: histories that never fail prove nothing otherwise."""

from collections import Counter

import pytest

from quietzone_qr.codes.domain import AccountId, Change, Code, CodeId, Destination, Draft, ScanBase, Slug, State, issue
from quietzone_qr.codes.texts import Title
from simulation.codebook import PAUSED, REDIRECT, UNAVAILABLE, UNKNOWN, Answer, Codebook, Sight, expected
from simulation.ledger import Disturbance, Ledger

KEY = ("account", "code")


def scanned(ledger: Ledger, *, answered_at: float = 1.0) -> None:
    scan = ledger.sent(KEY, "edge-1", answered_at - 0.1, is_person=True)
    ledger.redirected(scan, answered_at)


def test_a_scan_that_is_answered_and_not_counted_is_a_problem() -> None:
    ledger = Ledger(on_disk=False)
    scanned(ledger)

    assert ledger.check({}) == ["scan 1 of code was answered at 1.0000 s by edge-1 and isn't counted"]


def test_a_scan_that_is_counted_twice_is_a_problem() -> None:
    ledger = Ledger(on_disk=False)
    scanned(ledger)

    assert ledger.check({KEY: Counter({"s1.test": 2})}) == ["scan 1 of code is counted 2 times"]


def test_a_scan_that_nobody_made_is_a_problem() -> None:
    assert Ledger(on_disk=False).check({KEY: Counter({"s1.test": 1})}) == ["code has a scan that nobody made: s1.test"]


def test_a_scan_that_was_never_answered_may_be_counted_or_not() -> None:
    ledger = Ledger(on_disk=False)
    ledger.sent(KEY, "edge-1", 1.0, is_person=True)

    assert ledger.check({}) == ledger.check({KEY: Counter({"s1.test": 1})}) == []


def test_a_scan_that_was_not_recorded_must_not_be_counted() -> None:
    ledger = Ledger(on_disk=False)
    scan = ledger.sent(KEY, "edge-1", 1.0, is_person=True)
    ledger.unrecorded(scan.referrer)
    ledger.redirected(scan, 1.1)

    assert ledger.check({KEY: Counter({"s1.test": 1})}) == ["scan 1 of code is counted and wasn't accepted"]


@pytest.mark.parametrize(("on_disk", "crash_at", "excused"), [(False, 1.1, 1), (False, 2.0, 0), (True, 1.1, 0)])
def test_a_crashed_machine_excuses_what_its_acknowledgement_does(*, on_disk: bool, crash_at: float, excused: int) -> None:
    ledger = Ledger(on_disk=on_disk)
    scanned(ledger)

    assert ledger.machine_crashed({"edge-1"}, crash_at) == excused
    assert (ledger.check({}) == []) is bool(excused)


def test_an_edge_that_was_killed_before_it_could_flush_is_excused_when_its_machine_crashes_later() -> None:
    ledger = Ledger(on_disk=False)
    scanned(ledger)
    ledger.disturbed(Disturbance("edge-1", 1.1, 1.1, disk=False))

    assert ledger.machine_crashed({"edge-1"}, 9.0) == 1


def a_code(slug: str = "menu", code_id: str = "code") -> Code:
    draft = Draft(CodeId(code_id), AccountId("account"), None, Destination("https://example.com/1"), Title(""))
    return issue(draft, Slug(slug), ScanBase.parse("https://qz.test"), at_ms=1)


def moved(code: Code, number: int) -> Code:
    return code.changed(Change(destination=Destination(f"https://example.com/{number}")), 2)


def looked_at(*answers: Answer, forgetful: bool = False) -> list[str]:
    """What the book says of an edge that gave these answers one after the other, of a code that moved once."""
    book = Codebook(forgetful=forgetful)
    code = a_code()
    book.issued(code)
    after = moved(code, 2)
    book.changed(after)
    for at, answer in enumerate(answers):
        book.led("code", "edge-1#1", Sight(answer, at, at + 0.5))
    return book.check({"code": after})


FIRST, SECOND = Answer(REDIRECT, "https://example.com/1"), Answer(REDIRECT, "https://example.com/2")


def test_an_edge_that_follows_is_fine() -> None:
    assert looked_at(Answer(UNKNOWN), FIRST, Answer(PAUSED), FIRST, SECOND) == []


@pytest.mark.parametrize(
    "answers", [(SECOND, FIRST), (FIRST, Answer(UNKNOWN)), (FIRST, Answer(UNAVAILABLE)), (Answer(REDIRECT, "elsewhere"),)]
)
def test_an_edge_that_goes_back_forgets_or_leads_astray_is_a_problem(answers: tuple[Answer, ...]) -> None:
    assert len(looked_at(*answers)) == 1


def test_an_edge_with_little_room_may_have_to_look_a_code_up() -> None:
    assert looked_at(FIRST, Answer(UNAVAILABLE), forgetful=True) == []


def test_answers_that_were_under_way_together_may_cross() -> None:
    book = Codebook(forgetful=False)
    book.issued(a_code())
    book.changed(moved(a_code(), 2))
    book.led("code", "edge-1#1", Sight(SECOND, 1.0, 2.0))
    book.led("code", "edge-1#1", Sight(FIRST, 0.9, 2.1))

    assert book.check({"code": moved(a_code(), 2)}) == []


def test_a_slug_that_is_issued_twice_is_a_problem() -> None:
    book = Codebook(forgetful=False)
    book.issued(a_code())
    book.issued(a_code(code_id="other"))

    assert "slug menu was issued to code and to other" in book.check({"code": a_code(), "other": a_code(code_id="other")})


def test_a_change_that_was_acknowledged_and_is_gone_is_a_problem() -> None:
    book = Codebook(forgetful=False)
    book.issued(a_code())
    book.changed(moved(a_code(), 2))

    assert book.check({"code": a_code()}) != []


def test_a_code_that_is_back_after_its_deletion_is_a_problem() -> None:
    book = Codebook(forgetful=False)
    book.issued(a_code())
    book.changed(a_code().deleted(2))

    assert "code is back after it was deleted" in book.check({"code": a_code()})


def test_a_paused_code_should_say_so() -> None:
    assert expected(a_code().changed(Change(state=State.PAUSED), 2)) == Answer(PAUSED)
