"""Events as rules see them, and what somebody may put on a bus. Pure.

The JSON form is EventBridge's: `version`, `id`, `detail-type`, `source`, `account`, `time`, `resources`, `detail`. `detail` stays the text
that it came as, so that a number keeps its digits from whoever put it to whoever gets it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quietzone_notification.patterns import InvalidEvent, read_event

DEFAULT_BUS = "default"
"""Every account has it; the house's own events come to it."""

MAX_ENTRIES = 10  # of a request, as PutEvents: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
MAX_ENTRY_BYTES = 262_144  # 256 KB: what EventBridge took until 2026; a webhook's receiver, SNS and Kafka take it whole
MAX_REQUEST_BYTES = 1_048_576  # 1 MB: what EventBridge takes since January 2026, of all entries together
TIME_BYTES = 14
"""What a time counts for. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html"""

MAX_SOURCE = 256
MAX_DETAIL_TYPE = 128  # both EventBridge's
MAX_RESOURCES = 100  # each is an entry of what a pattern looks through; nobody names as many
MAX_RESOURCE = 2_048
MAX_ID = 128  # of whoever puts: room for two UUIDs and a word
MAX_TIME_MS = 253_402_300_799_999  # the end of 9999: no later year has four digits

RESERVED = "quietzone."
"""What sources of the house begin with, as AWS's with `aws.`."""


class InvalidEntry(ValueError):
    """An entry that isn't taken: `code` as PutEvents has it, and what would do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an account on one of its buses. `detail` is the text of a JSON object."""

    id: str
    account_id: str
    bus: str
    source: str
    detail_type: str
    time_ms: int
    resources: tuple[str, ...]
    detail: str

    def head(self) -> dict[str, object]:
        """What it has beside `detail`, as its JSON form has it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account_id,
            "time": rfc3339(self.time_ms),
            "resources": list(self.resources),
        }

    def text(self) -> str:
        """Its JSON form."""
        return f'{json.dumps(self.head(), ensure_ascii=False)[:-1]}, "detail": {self.detail}}}'

    def tree(self) -> dict[str, object]:
        """Its JSON form as patterns and paths look through it.

        Raises:
            InvalidEvent: `detail` isn't a JSON object within bounds.
        """
        return {**self.head(), "detail": read_event(self.detail)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wants to put, unchecked. `id` None: the entry has none; with one, the same again is the same event.

    `time_ms` None means now, an empty `bus` the account's default.
    """

    source: str
    detail_type: str
    detail: str
    resources: tuple[str, ...] = ()
    bus: str = ""
    time_ms: int | None = None
    id: str | None = None

    @property
    def size(self) -> int:
        """Bytes, as EventBridge counts them."""
        texts = (self.source, self.detail_type, self.detail, *self.resources)
        return (0 if self.time_ms is None else TIME_BYTES) + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def check_entry(entry: Entry) -> None:
    """See that an entry can be put; its bus is another matter.

    Raises:
        InvalidEntry: with the code that PutEvents has for it.
    """
    _check_text("Source", entry.source, MAX_SOURCE)
    _check_text("DetailType", entry.detail_type, MAX_DETAIL_TYPE)
    if entry.source.startswith(RESERVED):
        raise InvalidEntry("NotAuthorizedForSource", f"sources that begin with {RESERVED} are the house's own; take another")
    if entry.size > MAX_ENTRY_BYTES:
        raise InvalidEntry("InvalidArgument", f"the entry has {entry.size:,} bytes; the most is {MAX_ENTRY_BYTES:,}")
    _check_rest(entry)
    try:
        read_event(entry.detail)
    except InvalidEvent as error:
        raise InvalidEntry("MalformedDetail", str(error).replace("the event", "Detail")) from None


def check_request(entries: Sequence[Entry]) -> None:
    """See that a request isn't more than one takes.

    Raises:
        ValueError: it has no entry, too many, or too large ones.
    """
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise ValueError(f"1 to {MAX_ENTRIES} entries are put at once, these are {len(entries)}")
    size = sum(entry.size for entry in entries)
    if size > MAX_REQUEST_BYTES:
        raise ValueError(f"the entries have {size:,} bytes together; the most is {MAX_REQUEST_BYTES:,}")


def rfc3339(time_ms: int) -> str:
    """A moment as events say it, with milliseconds."""
    return f"{datetime.fromtimestamp(time_ms // 1_000, UTC):%Y-%m-%dT%H:%M:%S}.{time_ms % 1_000:03d}Z"


def _check_text(name: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most or not text.isprintable():
        raise InvalidEntry("InvalidArgument", f"{name} has 1 to {most} printable characters")


def _check_rest(entry: Entry) -> None:
    if len(entry.resources) > MAX_RESOURCES or not all(1 <= len(each) <= MAX_RESOURCE and each.isprintable() for each in entry.resources):
        raise InvalidEntry("InvalidArgument", f"Resources are at most {MAX_RESOURCES}, each of 1 to {MAX_RESOURCE:,} printable characters")
    if entry.id is not None and not (1 <= len(entry.id) <= MAX_ID and entry.id.isprintable()):
        raise InvalidEntry("InvalidArgument", f"an id has 1 to {MAX_ID} printable characters")
    if entry.time_ms is not None and not 0 <= entry.time_ms <= MAX_TIME_MS:
        raise InvalidEntry("InvalidArgument", f"Time is from 0 to {MAX_TIME_MS} ms after 1970")
