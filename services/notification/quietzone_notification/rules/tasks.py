"""Durable tasks of rules: matching the rest of a batch of scans that makes too many deliveries to be done with at once."""

from collections.abc import Mapping
from typing import cast

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import Again, Done, Kind, NewTask, Progress, Task, Tell
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.domain import Outbound
from quietzone_notification.events.domain import DEFAULT_BUS
from quietzone_notification.events.scans import scans_in, seq_of
from quietzone_notification.rules.book import RuleBook
from quietzone_notification.rules.domain import MAX_RULES
from quietzone_notification.rules.handing import Handing
from quietzone_notification.rules.numbers import RuleNumbers
from quietzone_notification.rules.repository import Rules

MATCH = "match-scans"
WITHIN_S = 600.0  # a run, which makes some 10,000 deliveries: 30 s on the slowest store that was seen
OF_RUN = 10_000  # deliveries of a run, before others have a turn
AT_ONCE_MS = 1_000

log = logger(__name__)


def task_of(account_id: str, batch: scan_pb2.ScanBatch) -> NewTask:
    """The task that matches these scans of an account; of the same scans it is the same one."""
    key = f"{batch.source_id}:{batch.first_seq}-{batch.last_seq}:{len(batch.scans)}"
    return NewTask(account_id, MATCH, {"batch": batch.SerializeToString()}, dedup_key=key)


class MatchScans:
    """Handler of MATCH: by the rules that the account has when it runs."""

    def __init__(self, rules: Rules, outbound: Outbound, numbers: RuleNumbers, clock: Clock) -> None:
        self._rules = rules
        self._outbound = outbound
        self._numbers = numbers
        self._clock = clock

    async def run(self, task: Task, tell: Tell) -> Done | Again:
        """See `quietzone_kit.tasks.Handler`. What a run that broke off has handed on has the same ids when it is made again."""
        book = await self._book(task.account_id)
        handing = Handing(self._outbound, self._numbers, self._clock)
        batch = scan_pb2.ScanBatch.FromString(cast("bytes", task.payload["batch"]))
        next_seq, made = cast("int", (task.result or {}).get("next", 0)), 0
        for one in scans_in(batch, book.may_match_scans):
            if seq_of(one) < next_seq:
                continue
            if made >= OF_RUN:
                await handing.end()
                return Again(after_ms=AT_ONCE_MS, result={"next": seq_of(one)})
            made += await handing.match(book, one) or 0
            tell(Progress(made))
        await handing.end()
        return Done({})

    async def _book(self, account_id: str) -> RuleBook:
        book = RuleBook(derived_id)
        for rule in (await self._rules.page(account_id, DEFAULT_BUS, limit=MAX_RULES)).rules:
            try:
                book.admit(rule)
            except ValueError as error:
                log.warning("a rule can't be used by this release", rule=rule.rule_id, reason=str(error))
        return book


def kinds(rules: Rules, outbound: Outbound, numbers: RuleNumbers, clock: Clock) -> Mapping[str, Kind]:
    """All kinds of rules' tasks, for a worker."""
    return {MATCH: Kind(MatchScans(rules, outbound, numbers, clock), within_s=WITHIN_S)}
