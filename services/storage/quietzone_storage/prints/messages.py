"""What goes to the process that prints, and what comes back: MessagePack, one message each way."""

from dataclasses import dataclass

import msgspec

from quietzone_storage.assets.domain import Symbol
from quietzone_storage.prints.domain import Label, Layout

FEWER = "take fewer labels, and several prints"
"""What would do where a print is too much."""


@dataclass(frozen=True, slots=True)
class Job:
    """Labels with their symbols, in order; `layout` is of sheets, None for an archive."""

    title: str
    labels: tuple[Label, ...]
    symbols: tuple[Symbol, ...]
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The file, or why there is none."""

    data: bytes = b""
    refused: str = ""


encode = msgspec.msgpack.Encoder().encode
job_of = msgspec.msgpack.Decoder(Job).decode
result_of = msgspec.msgpack.Decoder(Result).decode
