"""Tests of one value, one class for each operator of the language.

A value is a `str`, a `bool`, `None` or a `Number` (`normal` makes it so). Two tests that are equal hold for the same values.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Protocol, TypeAlias

from quietzone_notification.patterns._addresses import Address, Network, masked, read_address
from quietzone_notification.patterns._errors import InvalidEvent
from quietzone_notification.patterns._numbers import Number, Uncomparable, comparable
from quietzone_notification.patterns._wildcards import wildcard_matches

Value: TypeAlias = str | bool | Number | None


class Test(Protocol):
    """What a value has to be. `str` of it is its JSON."""

    def matches(self, value: Value) -> bool:
        """Whether it is."""
        ...


def normal(value: object) -> Value:
    """A leaf of an event as tests take it.

    Raises:
        InvalidEvent: JSON has no such value.
    """
    if isinstance(value, str) or value is None or value is True or value is False:
        return value
    if isinstance(value, int | float | Decimal):
        return comparable(value)
    raise InvalidEvent(f"JSON has no {type(value).__name__}")


def fold(text: str) -> str:
    """A text without its case, character by character (Unicode's simple case folding): as long as before, so that beginnings stay."""
    return text.lower() if text.isascii() else "".join(map(_fold_one, text))


@lru_cache(4_096)  # of the characters that a bus sees; others are folded again
def _fold_one(character: str) -> str:
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character


@dataclass(frozen=True, slots=True)
class Text:
    """Exactly this text."""

    text: str

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return value == self.text

    def __str__(self) -> str:
        return shown(self.text)


@dataclass(frozen=True, slots=True)
class Equals:
    """A number, however it is written."""

    number: Number

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return value == self.number and type(value) is not bool

    def __str__(self) -> str:
        return shown(self.number)


@dataclass(frozen=True, slots=True)
class Literal:
    """True, false or null. Apart from numbers: Python takes true for 1."""

    value: bool | None

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return value is self.value

    def __str__(self) -> str:
        return shown(self.value)


@dataclass(frozen=True, slots=True)
class AddressIs:
    """An exact value that is an IP address: any way to write it."""

    address: Address
    written: str = field(compare=False)

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return isinstance(value, str) and read_address(value) == self.address

    def __str__(self) -> str:
        return shown(self.written)


@dataclass(frozen=True, slots=True)
class Cidr:
    """An IP address of a network."""

    network: Network
    written: str = field(compare=False)

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        address = read_address(value) if isinstance(value, str) else None
        return address is not None and address.bits == self.network.bits and masked(address, self.network.prefix) == self.network.number

    def __str__(self) -> str:
        return shown({"cidr": self.written})


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text that begins so."""

    text: str

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return isinstance(value, str) and value.startswith(self.text)

    def __str__(self) -> str:
        return shown({"prefix": self.text})


@dataclass(frozen=True, slots=True)
class Suffix:
    """A text that ends so."""

    text: str

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return isinstance(value, str) and value.endswith(self.text)

    def __str__(self) -> str:
        return shown({"suffix": self.text})


@dataclass(frozen=True, slots=True)
class Folded:
    """A text of which `part` (all of it, its prefix, its suffix) is this, whatever its case."""

    part: str
    text: str
    written: str = field(compare=False)

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        if not isinstance(value, str):
            return False
        if self.part == "all":
            return fold(value) == self.text
        return fold(value).startswith(self.text) if self.part == "prefix" else fold(value).endswith(self.text)

    def __str__(self) -> str:
        form: object = {"equals-ignore-case": self.written}
        return shown(form if self.part == "all" else {self.part: form})


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text that is the pieces with anything between them."""

    pieces: tuple[str, ...]
    written: str = field(compare=False)

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return isinstance(value, str) and wildcard_matches(self.pieces, value)

    def __str__(self) -> str:
        return shown({"wildcard": self.written})


@dataclass(frozen=True, slots=True)
class Range:
    """A comparable number from `low` to `high`, both included: an open end is the next double."""

    low: float
    high: float
    written: str = field(compare=False)

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return type(value) in (int, float) and self.low <= value <= self.high  # type: ignore[operator]

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Exists:
    """Any value, null too."""

    def matches(self, value: Value) -> bool:  # noqa: ARG002 - whatever it is
        """As the protocol's."""
        return True

    def __str__(self) -> str:
        return shown({"exists": True})


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """A value, of whatever kind, that is none of `values` and for which none of `tests` holds."""

    values: frozenset[str | Number]
    tests: tuple[Test, ...]
    written: str = field(compare=False)

    def excludes(self, value: Value) -> bool:
        """Whether a value is one of those that it mustn't be."""
        return value in self.values and type(value) is not bool

    def matches(self, value: Value) -> bool:
        """As the protocol's."""
        return not self.excludes(value) and not any(test.matches(value) for test in self.tests)

    def __str__(self) -> str:
        return self.written


def shown(value: object) -> str:
    """A value as JSON writes it."""
    if isinstance(value, Uncomparable):
        return str(value.number)
    return json.dumps(value, ensure_ascii=False, default=str)
