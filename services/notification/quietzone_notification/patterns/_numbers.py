"""JSON's numbers, as AWS's engine compares them: as IEEE doubles, if a double says them exactly enough.

A number is comparable if the shortest text of its double has its value (ComparableNumber of event-ruler 2.0). Any other one, such as
1e400 or one with 18 digits, equals only a number of the same value, and is in no range.
"""

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

_EXACT = 2**53
"""Whole numbers up to this are doubles without loss."""


@dataclass(frozen=True, slots=True)
class Uncomparable:
    """A number that no double says: only an equal one is equal to it."""

    number: int | Decimal | str


Number: TypeAlias = int | float | Uncomparable
"""A bool is none, whatever Python says."""


def read_number(text: str) -> int | float | Decimal:
    """A number of a JSON text: an `int` as it is, a `float` if that loses nothing, else a `Decimal`.

    Raises:
        ValueError: too many digits (Python reads 4,300), or an exponent that `Decimal` can't hold.
    """
    try:
        return int(text)
    except ValueError:
        if text.lstrip("-").isdigit():
            raise
    number = float(text)
    if repr(number) == text:
        return number
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError("its exponent is too large") from None
    return number if math.isfinite(number) and Decimal(repr(number)) == exact else exact


def comparable(number: float | Decimal) -> Number:
    """A number as it is compared: an `int` or a `float`, equal ones of which are equal, or `Uncomparable`."""
    if type(number) is int:
        return number if -_EXACT <= number <= _EXACT else _large(number)
    if isinstance(number, Decimal):
        return _decimal(number)
    return number if math.isfinite(number) else Uncomparable(repr(number))


def _large(number: int) -> Number:
    try:
        nearest = float(number)
    except OverflowError:
        return Uncomparable(number)
    return nearest if Decimal(repr(nearest)) == number else Uncomparable(number)


def _decimal(number: Decimal) -> Number:
    nearest = float(number)
    return nearest if math.isfinite(nearest) and Decimal(repr(nearest)) == number else Uncomparable(number)
