"""Requests with fields that this release doesn't know."""

from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from quietzone_kit.errors import FieldViolation, InvalidInput


def refuse_unknown_fields(request: Message) -> None:
    """Refuse a request that asks for more than this release understands: doing half of it would look like success.

    Raises:
        InvalidInput: names each unknown field by its number and the path to it.
    """
    found = [FieldViolation(path, "this release knows no such field; use the contract of its version") for path in _unknown(request, "")]
    if found:
        raise InvalidInput(*found)


def _unknown(message: Message, path: str) -> Iterator[str]:
    unknown = UnknownFieldSet(message)
    for index in range(len(unknown)):
        yield f"{path}#{unknown[index].field_number}"
    for descriptor, value in message.ListFields():
        if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
            for place, part in _parts(value):
                yield from _unknown(part, f"{path}{descriptor.name}{place}.")


def _parts(value: object) -> Iterator[tuple[str, Message]]:
    """The messages in a field of messages: itself, a map's values, or a list's items, each with its place."""
    if isinstance(value, Message):
        yield "", value
    elif isinstance(value, Mapping):
        yield from ((f"[{key}]", item) for key, item in value.items() if isinstance(item, Message))
    elif isinstance(value, Sequence):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
