"""Server-sent events as bytes arrive (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6); pure."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from quietzone_client._errors import UnexpectedAnswer

MAX_BLOCK_CHARACTERS = 4 * 1024 * 1024
"""Of one event: a summary has 250 KB at most."""

_END = re.compile(r"\r\n|\n|\r(?!\Z)")  # a CR at the end may be half an end


@dataclass(frozen=True, slots=True)
class Block:
    """An event; `last_id` is the newest id that was seen until then. One without data tells nobody anything but its id."""

    event: str
    data: str
    last_id: str


class Blocks:
    """Takes bytes in, gives blocks out."""

    def __init__(self, last_id: str = "") -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._event = ""
        self._data: list[str] = []
        self._last_id = last_id
        self._size = 0

    def feed(self, part: bytes) -> Iterator[Block]:
        """The blocks that end with `part`.

        Raises:
            UnexpectedAnswer: one never ends.
        """
        text = self._rest + self._decoder.decode(part)
        at = 0
        for end in _END.finditer(text):
            line, at = text[at : end.start()], end.end()
            if line:
                self._take(line)
            else:
                yield self._dispatched()
        self._rest = text[at:]
        if self._size + len(self._rest) > MAX_BLOCK_CHARACTERS:
            raise UnexpectedAnswer(f"an event of more than {MAX_BLOCK_CHARACTERS:,} characters")

    def _take(self, line: str) -> None:
        self._size += len(line)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._last_id = value

    def _dispatched(self) -> Block:
        block = Block(self._event or "message", "\n".join(self._data), self._last_id)
        self._event, self._data, self._size = "", [], 0
        return block
