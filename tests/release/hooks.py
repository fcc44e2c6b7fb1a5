"""Events that a rule sends to a webhook all the while: a program's own, changes of codes, and scans of one; each that was taken arrives."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from release.cluster import Failed, until
from release.flow import Calls, beside
from release.proof import Proof
from release.sink import PLACE, Sink
from release.traffic import Traffic

PUTS_A_SECOND = 1
SOURCE, PROBING = "proof.counter", "proof.probe"
SCANNED = "QR Code Scanned"
AWAY = "ServiceUnavailable"
"""The code of an entry that the bus, which is cut off for a while, didn't take."""
PROBE_EVERY_S = 0.5
ARRIVED_WITHIN_S = 60.0
"""For the last webhooks: a sender that was lost is missed after 5 s, and what failed once is tried again after as long."""
REPEATED, UNDER_WAY = 0.001, 5
"""Of webhooks that come again (docs/webhooks.md); and how many a killed sender had under way at most, which go out again."""


@dataclass(slots=True)
class Hook:
    """A program that puts events by ids of its own, each until it is taken."""

    calls: Calls
    sink: Sink
    taken: set[str] = field(default_factory=set)
    """Ids of events."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Of entries that weren't taken, by code."""

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Put until the end of the block."""
        with beside(self._put):
            yield

    def put(self, source: str, number: int) -> str | None:
        """The id of the event with this number, when it was taken."""
        entry = {"source": source, "detail_type": "Counted", "detail": {"number": number}, "id": f"{source}-{number}"}
        answer = self.calls.ask("POST", "/v1/events", {"entries": [entry]})
        if answer is None:
            return None
        (result,) = answer.json["entries"]
        event_id: str | None = result["event_id"]
        if event_id is None:
            self.refusals[result["error_code"]] += 1
        return event_id

    def _put(self, stopped: threading.Event) -> None:
        number = 0
        while not stopped.wait(1 / PUTS_A_SECOND):
            if event_id := self.put(SOURCE, number):
                self.taken.add(event_id)
                number += 1


def begin_hook(proof: Proof, traffic: Traffic) -> Hook:
    """An endpoint, and a rule that holds."""
    assert proof.sink is not None
    made = proof.ask("POST", "/v1/webhooks", {"url": f"http://{PLACE}/hook"})
    proof.sink.secret = made["secret"]
    changed, scanned = [code["id"] for code in traffic.codes], traffic.codes[-1]["id"]
    pattern = {
        "$or": [
            {"source": [SOURCE, PROBING]},
            {"detail-type": ["QR Code Changed"], "detail": {"qrId": changed}},
            {"detail-type": [SCANNED], "detail": {"qrId": [scanned]}},
        ]
    }
    target = {"id": "sink", "kind": "webhook", "destination": made["id"]}
    proof.ask("PUT", "/v1/event-buses/default/rules/all-that-is-counted", {"pattern": pattern, "targets": [target]})
    hook, numbers = Hook(Calls(proof.api), proof.sink), itertools.count()
    with beside(lambda stopped: _probe(hook, numbers, stopped)):
        until(lambda: bool(hook.sink.arrived()), "a webhook arrives")
    return hook


def _probe(hook: Hook, numbers: Iterator[int], stopped: threading.Event) -> None:
    while not stopped.wait(PROBE_EVERY_S):
        hook.put(PROBING, next(numbers))


def expect_arrived(proof: Proof, hook: Hook, traffic: Traffic) -> None:
    """Each event that was taken, each change that was answered and each scan that got its redirect is there, by one webhook."""
    owed, slug = hook.taken | traffic.changes, traffic.codes[-1]["slug"]
    redirected, sent = traffic.scans.answered[slug], traffic.scans.sent[slug]

    def scans() -> int:
        return sum(event.kind == SCANNED for event in hook.sink.arrived().values())

    with proof.timed("the last webhooks"), suppress(Failed):  # what is missing then is told below
        until(lambda: owed <= hook.sink.arrived().keys() and scans() >= redirected, "all webhooks", within_s=ARRIVED_WITHIN_S)
    arrived, scanned = hook.sink.arrived(), scans()
    missing = sorted(owed - arrived.keys())
    again = f"put again under their ids: {dict(hook.refusals) or 'none'}"
    proof.expect(f"answers to PutEvents: {dict(hook.calls.answers)}; {again}", holds=hook.refusals.keys() <= {AWAY})
    proof.expect(f"{hook.calls.failed} of them failed {hook.calls.failures[:3] or ''}", holds=hook.calls.failed == 0)
    said = f"webhooks of {len(hook.taken)} own events, {len(traffic.changes)} changes and {scanned} scans"
    enough = hook.calls.answers.total() >= traffic.flowed_s * PUTS_A_SECOND / 2 and bool(traffic.changes)
    proof.expect(f"{said}; slowest {hook.sink.slowest_s:.1f} s", holds=enough)
    lost = len(missing) + max(0, redirected - scanned)
    proof.expect(f"{lost} lost within {ARRIVED_WITHIN_S:.0f} s {missing[:3] or ''}", holds=lost == 0)
    proof.expect(f"{max(0, scanned - sent)} scans told that weren't sent", holds=scanned <= sent)
    _expect_once(proof, hook.sink)


def _expect_once(proof: Proof, sink: Sink) -> None:
    arrived = sink.arrived()
    twofold = [name for name, event in arrived.items() if len(event.webhooks) > 1]
    repeats = sum(event.webhooks.total() - len(event.webhooks) for event in arrived.values())
    said = f"{repeats} of {len(arrived)} webhooks came again, under their ids ({repeats / len(arrived):.2%}, aim {REPEATED:.1%})"
    proof.expect(said, holds=repeats <= max(UNDER_WAY, REPEATED * len(arrived)))
    proof.expect(f"{len(twofold)} events under several ids {twofold[:3] or ''}", holds=not twofold)
    proof.expect(f"{len(sink.strange)} that can't be verified or went astray {sink.strange[:3] or ''}", holds=not sink.strange)
