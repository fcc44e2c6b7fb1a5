"""What a subscriber is told at once, in the form of what it asked for."""

from typing import Any

import pytest
from unit.gateway.live_world import MENU, NOON_MS, POSTER, code, event

from quietzone_gateway.graphql.live_types import CodeNews, MilestoneNews, ScanNews, TaskNews, news_of
from quietzone_gateway.live.backlog import MAX_WAITING, Backlog
from quietzone_gateway.live.domain import Delivery, Event, Kind, Removed, Reset, ScanCount, Summary, Told
from quietzone_gateway.live.protocol import Wanted
from quietzone_gateway.rest.code_shapes import CodeView
from quietzone_gateway.rpc import code_of

STEPS = (("a", 1), ("b", 2), ("a", 3))
FIELDS = CodeView.of(code_of(code())).model_dump(mode="json")


def told(kind: Kind, what: Told) -> Any:
    return news_of(Wanted(kinds=[kind]), Delivery(what, "", "here"))


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (Kind.CODE_CREATED, CodeNews(cursor="here", reset="slow", events=[])),
        (Kind.SCANNED, ScanNews(cursor="here", reset="slow", scans=[], counts=[])),
        (Kind.MILESTONE, MilestoneNews(cursor="here", reset="slow", milestones=[])),
        (Kind.TASK_PROGRESS, TaskNews(cursor="here", reset="slow", tasks=[])),
    ],
)
def test_who_missed_events_is_told_to_read_again(kind: Kind, form: object) -> None:
    assert told(kind, Reset("slow")) == form


def test_who_is_slow_is_told_each_codes_changes_together() -> None:
    changes = (event(Kind.CODE_UPDATED, 1, after=FIELDS), Removed("event-2", POSTER, NOON_MS))

    news = told(Kind.CODE_UPDATED, Summary({}, changes))

    assert [(one.kind.name, one.code_id, one.code and one.code.slug) for one in news.events] == [
        ("UPDATED", MENU, "menu"),
        ("REMOVED", POSTER, None),
    ]


def test_who_is_slow_is_told_how_many_scans_there_were() -> None:
    news = told(Kind.SCANNED, Summary({MENU: ScanCount(300, NOON_MS, NOON_MS + 5)}, ()))

    (count,) = news.counts
    assert (news.scans, count.code_id, count.scans, count.first_at, count.last_at) == ([], MENU, 300, NOON_MS, NOON_MS + 5)


def test_who_is_slow_is_told_each_codes_last_milestone() -> None:
    reached = Event(Kind.MILESTONE, "milestone:1", "first", MENU, NOON_MS, {"threshold": 500})

    assert [one.threshold for one in told(Kind.MILESTONE, Summary({}, (reached,))).milestones] == [500]


def test_who_is_slow_is_told_each_task_as_it_stands_last() -> None:
    backlog = Backlog(lambda _: "")
    for task, done in STEPS:
        fields = {"task": {"id": task, "kind": "export-data", "state": "running", "done": done, "total": 9, "error": None}}
        change = Event(Kind.TASK_PROGRESS, f"{task}.{done}", "first", "", NOON_MS, fields, task_id=task)
        for _ in range(MAX_WAITING):
            backlog.put(Delivery(change, "", "here"))
    summary = backlog.take()
    assert summary is not None

    assert [(one.task_id, one.done) for one in told(Kind.TASK_PROGRESS, summary.told).tasks] == [("b", 2), ("a", 3)]


def test_a_code_in_an_event_is_the_same_as_in_an_answer() -> None:
    shown = told(Kind.CODE_CREATED, event(Kind.CODE_CREATED, after=FIELDS)).events[0].code

    assert (shown.state.name, shown.created_at, shown.updated_at, shown.revision) == ("ACTIVE", NOON_MS, NOON_MS + 1, 1)
