"""What goes to a process that decodes, and what comes back: MessagePack, one message each way."""

from dataclasses import dataclass

import msgspec

from quietzone_storage.variants.domain import Form


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made of an image."""

    variant: str
    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Job:
    """An image; with `only_look` nothing is made of it, with `form` that file alone."""

    data: bytes
    media_type: str
    only_look: bool = False
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Its size in pixels and the files that were made of it, or why it can't be decoded."""

    width: int = 0
    height: int = 0
    files: tuple[Made, ...] = ()
    refused: str = ""


encode = msgspec.msgpack.Encoder().encode
job_of = msgspec.msgpack.Decoder(Job).decode
result_of = msgspec.msgpack.Decoder(Result).decode
