"""What clients say over graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md)."""

import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from quietzone_gateway.rest.shapes import Input, Text

SUBPROTOCOL = "graphql-transport-ws"

Payload: TypeAlias = dict[str, Any] | None
OperationId: TypeAlias = Annotated[Text, StringConstraints(min_length=1, max_length=64)]


class Malformed(Exception):
    """What was said is no message of the protocol."""


class _Message(Input):
    model_config = ConfigDict(extra="ignore")  # the protocol may grow


class InitMessage(_Message):
    """The first one: who is there, unless a header has said so."""

    type: Literal["connection_init"]
    payload: Payload = None


class PingMessage(_Message):
    """Is anybody there?"""

    type: Literal["ping"]
    payload: Payload = None


class PongMessage(_Message):
    """The answer to ours."""

    type: Literal["pong"]
    payload: Payload = None


class Document(_Message):
    """What is to be run."""

    query: Text
    operation_name: Text | None = Field(default=None, alias="operationName")
    variables: Payload = None


class SubscribeMessage(_Message):
    """Begin an operation; `id` is the client's own name for it."""

    type: Literal["subscribe"]
    id: OperationId
    payload: Document


class CompleteMessage(_Message):
    """End an operation."""

    type: Literal["complete"]
    id: OperationId


Message: TypeAlias = InitMessage | PingMessage | PongMessage | SubscribeMessage | CompleteMessage

_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def message_in(text: str | None) -> Message:
    """The message in a frame.

    Raises:
        Malformed: it is none.
    """
    if text is None:
        raise Malformed("binary; send JSON as text")
    try:
        said = json.loads(text)
        json.dumps(said, ensure_ascii=False).encode()  # half characters can't be passed on
        return _MESSAGES.validate_python(said)
    except ValidationError as error:
        raise Malformed("no message of graphql-transport-ws") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON in UTF-8, or nested too deeply") from error


def said(kind: str, operation_id: str | None = None, payload: object = None) -> str:
    """A message."""
    message: dict[str, object] = {"type": kind}
    if operation_id is not None:
        message = {"id": operation_id, **message}
    if payload is not None:
        message["payload"] = payload
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
