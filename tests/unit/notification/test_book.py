"""Rules in memory: the highest revision counts, each account and bus for itself; what they ask for has ids that follow from the event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.notification.world import BORN_MS, OURS, THEIRS, derive, rule, webhook

from quietzone_notification.delivery.domain import NewDelivery
from quietzone_notification.events.domain import Event
from quietzone_notification.patterns import RuleSet, compile_pattern
from quietzone_notification.rules import book as book_
from quietzone_notification.rules.book import RuleBook
from quietzone_notification.rules.domain import Kind, Rule, Target
from quietzone_notification.rules.inputs import Input, InputKind


def book(*rules: Rule) -> RuleBook:
    made = RuleBook(derive)
    for each in rules:
        made.admit(each)
    return made


def event(event_id: str = "e1", *, account_id: str = OURS, bus: str = "default", detail: str = "{}") -> Event:
    return Event(event_id, account_id, bus, "shop", "Order", BORN_MS, (), detail)


def matching(held: RuleBook, of: Event | None = None) -> list[str]:
    return [matched.rule.rule_id for matched in held.matching(of or event(), now_ms=BORN_MS)]


def deliveries(held: RuleBook, of: Event | None = None, *, now_ms: int = BORN_MS) -> list[NewDelivery]:
    return [delivery for matched in held.matching(of or event(), now_ms=now_ms) for delivery in matched.deliveries]


def test_a_rule_sees_events_of_its_account_on_its_bus() -> None:
    held = book(rule("r1"), rule("r2", account_id=THEIRS), rule("r3", bus="orders"))

    assert matching(held) == ["r1"]
    assert matching(held, event(account_id=THEIRS)) == ["r2"]
    assert matching(held, event(bus="orders")) == ["r3"]


def test_rules_at_rest_match_nothing() -> None:
    assert matching(book(rule(enabled=False), rule("r2", deleted=True))) == []


@given(st.permutations([(1, True, False), (2, False, False), (3, True, False), (4, True, True)]))
def test_whatever_the_order_the_highest_revision_counts(order: list[tuple[int, bool, bool]]) -> None:
    held = book(*(rule(revision=revision, enabled=enabled, deleted=deleted) for revision, enabled, deleted in order))

    assert len(held) == 0


def test_of_deleted_rules_the_latest_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: making and deleting rules, for days."""
    monkeypatch.setattr(book_, "MAX_GONE", 5)
    held = book(*(rule(f"r{number}", revision=2, deleted=True) for number in range(8)))

    for number in range(8):
        held.admit(rule(f"r{number}"))

    assert matching(held) == ["r0", "r1", "r2"]


def test_a_changed_pattern_takes_the_place_of_the_one_before() -> None:
    held = book(rule(pattern='{"source": ["shop"]}'), rule(pattern='{"source": ["till"]}', revision=2))

    assert matching(held) == []


def test_a_rule_that_can_not_be_read_is_at_rest() -> None:
    held = book(rule())

    with pytest.raises(ValueError, match="quantum"):
        held.admit(rule(pattern='{"source": [{"quantum": 1}]}', revision=2))

    assert matching(held) == []


def test_a_delivery_says_why_and_whereto() -> None:
    target = Target("t", Kind.KAFKA, "orders", Input(InputKind.CONSTANT, '{"a":1}'), max_attempts=3, max_age_ms=60_000)

    (delivery,) = deliveries(book(rule(targets=(target,))))

    assert delivery == NewDelivery(
        id=derive("rule delivery", "e1", "r1", "t"),
        account_id=OURS,
        cause="rule:r1:t",
        event_id="e1",
        event_type="Order",
        kind="kafka",
        destination="out.ours.orders",
        body=b'{"a":1}',
        content_type="application/json",
        headers=(),
        max_attempts=3,
        max_age_ms=60_000,
        created_ms=BORN_MS,
    )


def test_a_repeated_event_asks_for_the_same_deliveries() -> None:
    held = book(rule(targets=(webhook("a"), webhook("b"))), rule("r2"))

    first, again = deliveries(held), deliveries(held, now_ms=BORN_MS + 5)

    assert [each.id for each in first] == [each.id for each in again]
    assert len({each.id for each in first}) == 3


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), unique=True, min_size=2, max_size=2))
def test_different_events_rules_or_targets_have_different_ids(parts: list[tuple[str, str, str]]) -> None:
    first, second = ((each if "\0" not in "".join(each) else ("x", "y", "z")) for each in parts)

    assert first == second or derive("rule delivery", *first) != derive("rule delivery", *second)


def test_mail_of_a_text_comes_without_its_quotes() -> None:
    text = Input(InputKind.TEMPLATE, '"Order <n>:\\n\\"<n>\\""', {"n": "$.detail.n"})

    (delivery,) = deliveries(book(rule(targets=(Target("t", Kind.MAIL, "a@b.example", text),))), event(detail='{"n": 7}'))

    assert (delivery.body, delivery.content_type) == (b'Order 7:\n"7"', "text/plain; charset=utf-8")


def test_a_template_that_grows_too_large_fails_alone() -> None:
    large = Input(InputKind.TEMPLATE, "[" + ",".join(["<t>"] * 10) + "]", {"t": "$.detail.t"})
    held = book(rule(targets=(webhook("a", input=large), webhook("b"))))

    (matched,) = held.matching(event(detail=json.dumps({"t": "x" * 100_000})), now_ms=BORN_MS)

    assert [delivery.cause for delivery in matched.deliveries] == ["rule:r1:b"]
    assert matched.failed[0].startswith("a: ")


def test_an_event_that_grows_too_large_as_json_fails_alone() -> None:
    many_quotes = ('"' * 2_000,) * 90
    of = Event("e1", OURS, "default", "shop", "Order", BORN_MS, many_quotes, "{}")
    small = webhook("b", input=Input(InputKind.PATH, "$.source"))

    (matched,) = book(rule(targets=(webhook("a"), small))).matching(of, now_ms=BORN_MS)

    assert [delivery.cause for delivery in matched.deliveries] == ["rule:r1:b"]


SCANS = '{"source": ["quietzone.tracking"]}'


@pytest.mark.parametrize(
    ("pattern", "menu", "other"),
    [
        (SCANS, True, True),
        ('{"source": [{"prefix": "quietzone."}], "detail": {"country": ["DE"]}}', True, True),
        ('{"detail": {"qrId": ["menu"]}}', True, False),
        ('{"detail-type": ["QR Code Scanned"], "detail": {"qrId": [{"anything-but": ["menu"]}]}}', False, True),
        ('{"$or": [{"source": ["shop"]}, {"detail": {"qrId": ["menu"], "country": ["DE"]}}]}', True, False),
        ('{"source": ["shop"]}', False, False),
        ('{"detail-type": ["QR Code Created"]}', False, False),
        ('{"detail": {"qrId": [{"exists": false}]}}', False, False),
        ('{"account": ["theirs"]}', False, False),
    ],
)
def test_scans_are_unpacked_only_for_codes_that_some_rule_can_match(pattern: str, menu: bool, other: bool) -> None:
    held = book(rule(pattern=pattern))

    assert (held.may_match_scans(OURS, "menu"), held.may_match_scans(OURS, "other")) == (menu, other)
    assert not held.may_match_scans(THEIRS, "menu")


def test_a_rule_that_comes_or_goes_changes_which_scans_are_unpacked() -> None:
    held = book()
    before = held.may_match_scans(OURS, "menu")
    held.admit(rule(pattern=SCANS))
    meanwhile = held.may_match_scans(OURS, "menu")
    held.admit(rule(pattern=SCANS, revision=2, enabled=False))

    assert (before, meanwhile, held.may_match_scans(OURS, "menu")) == (False, True, False)


def test_rules_of_other_buses_see_no_scans() -> None:
    assert not book(rule(pattern=SCANS, bus="orders")).may_match_scans(OURS, "menu")


leaves = st.sampled_from(['["a"]', '["b"]', '[{"exists": false}]', '[{"exists": true}]', '[{"anything-but": ["a"]}]', '[{"prefix": "a"}]'])
texts = st.sampled_from(["a", "b", "ab"])
objects = st.dictionaries(st.sampled_from(["x", "y"]), leaves, min_size=1).map(
    lambda fields: "{" + ", ".join(f'"{name}": {leaf}' for name, leaf in fields.items()) + "}"
)
patterns = objects | st.tuples(objects, objects).map(lambda both: '{"$or": [' + ", ".join(both) + "]}")


@given(patterns, texts, st.one_of(st.none(), texts))
def test_what_matches_matches_by_what_was_known_of_it(text: str, x: str, y: str | None) -> None:
    pattern = compile_pattern(text)
    rules: RuleSet[str] = RuleSet()
    rules.add("r", pattern.only({"x"}))
    whole: dict[str, object] = {"x": x} if y is None else {"x": x, "y": y}

    could = pattern.only({"x"}).matches({"x": x})

    assert could or not pattern.matches(whole)
    assert bool(rules.matching({"x": x})) == could


def test_what_is_about_other_paths_only_is_matched_by_everything() -> None:
    assert compile_pattern('{"y": ["a"]}').only({"x"}).matches({})
