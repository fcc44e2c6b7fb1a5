"""What owners are told, how much of it by mails of their own, and how the rest is told together. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quietzone_notification.mail.kinds import CREATED, MILESTONE, NOTICES
from quietzone_notification.mail.letters import Data, Letter
from quietzone_notification.reports.domain import title_of

CONSUMER = "notification-news"
"""The group that reads what is told of, one consumer a topic."""

HOUR_MS = 3_600_000

AN_HOUR = 20
"""Mails of a kind about single things that an account gets within an hour. Who makes codes by hand makes fewer; an import of 10,000 becomes
these and one that tells of the others.
"""
NAMED = 10
"""Things that the one mail names."""
MAX_LINE = 200
"""Characters of what it says of each."""
MAX_TOGETHER = 100_000
"""That one mail counts: an hour's largest import. What is beyond is told with the next."""
LATE_MS = 7 * 24 * HOUR_MS
"""What is older when its event comes is told of never: a delivery is known for seven days, and so is a task; beyond, what comes again would
be told again.
"""
KEPT_MS = LATE_MS + 2 * 24 * HOUR_MS
"""How long it is known what was told: as long as its event may come again, and the end of the hour in which that is told."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that owners are told: `news_id` follows from the event. `data` fills the template that is called as the kind, a notice has
    a `subject` and a `text` there; `line` says the same in one line.
    """

    news_id: str
    account_id: str
    kind: str
    at_ms: int
    data: Data
    line: str

    @property
    def hour(self) -> int:
        """The hour that it counts in, from 1970 on: that of the event, so that one which comes again counts where it did."""
        return self.at_ms // HOUR_MS

    def letter(self, name: str, link: str) -> Letter:
        """The mail to somebody."""
        if self.kind == NOTICES:
            paragraphs = [f"Hello {name}, {self.data['text']}"]
            return Letter(NOTICES, "notice", {"subject": self.data["subject"], "paragraphs": paragraphs, "link": link})
        return Letter(self.kind, self.kind, self.data | {"name": name, "link": link})


def created(news_id: str, account_id: str, at_ms: int, *, title: str, destination: str) -> News:
    """A code is new."""
    shown = title_of(title)
    data: Data = {"title": shown, "destination": destination, "created": moment_of(at_ms)}
    return News(news_id, account_id, CREATED, at_ms, data, f"{shown}: {destination}"[:MAX_LINE])


def crossed(news_id: str, account_id: str, at_ms: int, *, title: str, threshold: int) -> News:
    """A code's scans have crossed a number."""
    shown = title_of(title)
    data: Data = {"title": shown, "milestone": threshold, "reached": moment_of(at_ms)}
    return News(news_id, account_id, MILESTONE, at_ms, data, f"{shown}: {threshold:,} scans"[:MAX_LINE])


def disabled(news_id: str, account_id: str, at_ms: int, *, called: str, why: str) -> News:
    """An endpoint of webhooks is disabled."""
    text = (
        f"the webhook {called} is disabled: {why}. What waited for it is given up, and it is sent nothing until it is enabled again; what "
        "was given up can be sent then."
    )
    subject = f"Webhook disabled: {called}"
    return News(news_id, account_id, NOTICES, at_ms, {"subject": subject, "text": text}, subject[:MAX_LINE])


def used(news_id: str, account_id: str, at_ms: int, *, quota: str, percent: int, number: int, limit: int) -> News:
    """So much of a quota is used; `quota` names it, as `write requests of 2026-11`."""
    subject = f"{percent} % used: {quota}"
    text = f"your account has used {number:,} of the {limit:,} {quota} that its plan allows."
    return News(news_id, account_id, NOTICES, at_ms, {"subject": subject, "text": text}, subject[:MAX_LINE])


def together(kind: str, number: int, lines: Sequence[str], *, name: str, link: str) -> Letter:
    """The mail that tells of many; `lines` are of the first."""
    codes = "code" if number == 1 else "codes"
    subject, happened = {
        CREATED: (f"{number:,} more QR {codes} created", f"{number:,} more {codes} of your account were created"),
        MILESTONE: (f"{number:,} more milestones reached", f"codes of your account have reached {number:,} more milestones"),
    }.get(kind, (f"{number:,} more notices", f"there are {number:,} more notices about your account"))
    left = number - len(lines)
    begins = f"Hello {name}, {happened} than we write a mail each about."
    paragraphs = [begins, *lines, *([f"And {left:,} more."] if left else [])]
    return Letter(kind, "notice", {"subject": subject, "paragraphs": paragraphs, "link": link})


def moment_of(time_ms: int) -> str:
    """A moment for people, as 2 March 2026, 10:00 UTC."""
    moment = datetime.fromtimestamp(time_ms // 1_000, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
