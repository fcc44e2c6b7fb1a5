"""Structured logs on stderr."""

import ipaddress
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from opentelemetry import trace

# structlog imports rich where that is installed, for tracebacks that we never draw: 5 MB and 45 ms of each process.
_rich: Any = sys.modules.get("rich")
sys.modules["rich"] = _rich
import structlog  # noqa: E402
from structlog.typing import EventDict, FilteringBoundLogger, Processor  # noqa: E402

from quietzone_kit.telemetry._metrics import release  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "text"]

QUIET_S = 30.0
"""Between two lines that say the same: a person who looks reads the newest, and an outage of a day makes 3,000 lines."""

MAX_ALIKE = 10
"""Things that one kind of trouble is told of in QUIET_S, such as sources or letters; of more the next line says how many there were."""

MAX_REMEMBERED = 500
"""Kinds; above it all are forgotten, and each may be said once more. Some libraries build texts that never come again."""

_WHY = ("reason", "reasons", "error")
"""Fields of ours that say why something failed."""

_DIGITS = re.compile(r"\d+")
_SECRET_FIELDS = re.compile(r"(^|_)(api_key|key|secret|password|passwd|token|authorization|cookie|credential)s?$")
_SECRET_TEXT = re.compile(r"\bqz_[0-9A-Za-z_-]{8,}|\bwhsec_[0-9A-Za-z+/=]{8,}|(?<=://)[^/@\s:]*:[^@\s/]+(?=@)")
_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:])")


def logger(name: str) -> FilteringBoundLogger:
    """A logger: `log.info("code created", code_id=…)`. The message is a constant, what varies are fields."""
    return cast("FilteringBoundLogger", structlog.get_logger(module=name))


def configure_logs(part: str, role: str, *, level: Level = "info", style: Format = "auto") -> None:
    """Send this process's logs, and those of libraries, to stderr; `auto` means text on a terminal and JSON elsewhere.

    docs/logs.md says what a line holds.
    """
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _add_fields(part=part, role=role, release=release()),
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_error,
        mask_fields,
    ]
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if text
        else [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(default=str)]
    )
    always = {"part": part, "role": role, "release": release()}
    _configure([Repetitions(), *shared, *render], number, None if text else always)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    handler.addFilter(LibraryRepetitions())
    # Libraries tell at `info` what only their authors want to know.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def _configure(processors: list[Processor], number: int, always: Mapping[str, str] | None = None) -> None:
    """`always` is what every line has, when lines are JSON."""
    _now.number, _now.always = number, always
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,  # tests exchange stderr; a line costs 60 µs, finding its logger 2
    )


@dataclass(slots=True)
class _Configured:
    """How lines are written now."""

    number: int = logging.WARNING
    always: Mapping[str, str] | None = None


_now = _Configured()
_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)


class OftenSaid:
    """A line of level `info` that is said for every request: what doesn't vary is rendered once, which leaves a sixth of what a line costs.

    It is said outside of spans, and none of its fields has a secret's name.
    """

    def __init__(self, name: str, message: str, **fields: str | int) -> None:
        """The line as `logger(name).info(message, **fields)` would write it."""
        self._name = name
        self._message = message
        self._fields = fields
        self._rendered: tuple[Mapping[str, str] | None, str] = (None, "")

    def say(self, **fields: str | float) -> None:
        """Write it, with what varies."""
        always = _now.always
        if _now.number > logging.INFO:
            return
        if always is None:
            logger(self._name).info(self._message, **self._fields, **fields)
            return
        if self._rendered[0] is not always:
            line = {"message": self._message, "level": "info", **always, "module": self._name, **self._fields}
            self._rendered = (always, json.dumps(line)[:-1])
        varies = {name: mask(value) if isinstance(value, str) else value for name, value in fields.items()}
        stamp = _stamp(None, "info", {})["timestamp"]
        sys.stderr.write(f'{self._rendered[1]}, "timestamp": "{stamp}", {json.dumps(varies)[1:]}\n')


@dataclass(slots=True)
class _Told:
    """A kind of trouble: when a row of it began, of which things it was told since, and how many lines were kept back."""

    at: float
    things: set[str]
    kept_back: int = 0


class _Quiet:
    """Lets a kind of trouble be told once in QUIET_S of each thing that it happens to."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[Hashable, _Told] = {}

    def lets(self, kind: Hashable, thing: str = "") -> int | None:
        """None when it is to be kept back; else how many of its kind were, since the last row of them."""
        now, told = self._clock(), self._told.get(kind)
        if told is not None and now - told.at < QUIET_S:
            if thing not in told.things and len(told.things) < MAX_ALIKE:
                told.things.add(thing)
                return 0
            told.kept_back += 1
            return None
        if len(self._told) >= MAX_REMEMBERED:
            self._told.clear()
        self._told[kind] = _Told(now, {thing})
        return 0 if told is None else told.kept_back


class Repetitions:
    """A processor that lets warnings and errors of ours say the same once in QUIET_S: a bus that is away fails each attempt anew.

    The same are lines of one module with one message, the same exception and the same reason but for numbers (attempts, ports, offsets).
    Of those, each that names another thing in a text field (a source, a topic) is let through, up to MAX_ALIKE.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = _Quiet(clock)

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        """The line, with how many were kept back before it; raises DropEvent."""
        if method not in {"warning", "error", "exception", "critical"}:
            return event
        error = _given_error(event)
        why = _DIGITS.sub("#", "|".join(str(event.get(name, "")) for name in _WHY) + f"|{error}")
        kind = (event.get("module"), event.get("event"), type(error), why)
        thing = "|".join(f"{name}={value}" for name, value in sorted(event.items()) if isinstance(value, str) and name not in _WHY)
        kept_back = self._quiet.lets(kind, thing)
        if kept_back is None:
            raise structlog.DropEvent
        return {**event, "repeated": kept_back} if kept_back else event


class LibraryRepetitions(logging.Filter):
    """The same for libraries: aiokafka tells ten times a second that a broker is away. The same is a message before its arguments."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._quiet = _Quiet(clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let it through."""
        kept_back = self._quiet.lets((record.name, record.msg))
        if kept_back:
            record.msg, record.args = f"{record.getMessage()} (and {kept_back} times more since the last such line)", None
        return kept_back is not None


def mask(text: str) -> str:
    """A text for people without secrets, and without the end of every address but this machine's own."""
    return _ADDRESS.sub(_shorten, _SECRET_TEXT.sub("***", text))


def mask_fields(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The same for a line's fields; those with a secret's name say nothing."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: str, value: object) -> object:
    if _SECRET_FIELDS.search(name):
        return "***"
    return mask(value) if isinstance(value, str) else value


def _shorten(match: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(match.group())
    except ValueError:
        return match.group()
    if address.is_loopback or address.is_unspecified:
        return match.group()
    # What GDPR guidance on web analytics calls anonymised: a /24 or a /48 stays.
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _add_fields(**fields: str) -> Callable[[Any, str, EventDict], EventDict]:
    def add(_logger: object, _method: str, event: EventDict) -> EventDict:
        event.update(fields)
        return event

    return add


def _add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _add_error(_logger: object, _method: str, event: EventDict) -> EventDict:
    error = _given_error(event)
    event.pop("exc_info", None)
    if error is not None:
        event["error_name"] = type(error).__name__
        event["error_message"] = str(error)
        event["error_stack"] = "".join(traceback.format_exception(error))
    return event


def _given_error(event: MutableMapping[str, Any]) -> BaseException | None:
    given = event.get("exc_info")
    error = given[1] if isinstance(given, tuple) else sys.exception() if given is True else given
    return error if isinstance(error, BaseException) else None


# For tests and commands, which never call `configure_logs`: structlog's own default spends seconds on drawing a traceback.
_configure([structlog.processors.add_log_level, _add_error, mask_fields, structlog.dev.ConsoleRenderer(colors=False)], logging.WARNING)
