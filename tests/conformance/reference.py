"""The pattern language once more, as plainly as it can be said and as slowly: what `quietzone_notification.patterns` is compared with.

Nothing here is shared with it. A pattern is spread into alternatives, an event into leaves, and every choice of leaves is tried.
"""

import ipaddress
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal

Json = object


@dataclass(frozen=True)
class Obj:
    pairs: tuple[tuple[str, Json], ...]


@dataclass(frozen=True)
class Leaf:
    path: str
    value: Json
    elements: dict[int, int]
    """Of each array around it, by a number of the array, the element that it is in."""


def reference_matches(pattern: str, event: str) -> bool:
    """Whether a valid pattern matches an event, both as JSON."""
    leaves = leaves_of(json.loads(event, parse_int=Decimal, parse_float=Decimal))
    spread = alternatives(json.loads(pattern, object_pairs_hook=lambda pairs: Obj(tuple(pairs)), parse_int=Decimal, parse_float=Decimal))
    return any(choose(sorted(one.items(), key=lambda item: item[0].encode("utf-16-be")), leaves, {}) for one in spread)


def alternatives(pattern: Json) -> list[dict[str, list[Json]]]:
    assert isinstance(pattern, Obj)
    return spread(pattern, (), [{}])


def spread(obj: Obj, way: tuple[str, ...], before: list[dict[str, list[Json]]]) -> list[dict[str, list[Json]]]:
    for key, value in obj.pairs:
        if key == "$or":
            assert isinstance(value, list)
            before = [after for each in value for after in spread(each, way, [dict(one) for one in before])]
        elif isinstance(value, Obj):
            before = spread(value, (*way, key), before)
        else:
            assert isinstance(value, list)
            before = [{**one, ".".join((*way, key)): value} for one in before]
    return before


def leaves_of(event: Json) -> list[Leaf]:
    found: list[Leaf] = []
    arrays = [0]

    def walk(value: Json, way: tuple[str, ...], elements: dict[int, int]) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                walk(below, (*way, key), elements)
        elif isinstance(value, list):
            arrays[0] += 1
            number = arrays[0]
            for index, below in enumerate(value):
                walk(below, way, {**elements, number: index} if isinstance(below, dict | list) else elements)
        else:
            found.append(Leaf(".".join(way), value, elements))

    walk(event, (), {})
    return found


def choose(fields: list[tuple[str, list[Json]]], leaves: list[Leaf], chosen: dict[int, int]) -> bool:
    if not fields:
        return True
    (path, members), rest = fields[0], fields[1:]
    fitting = [leaf for leaf in leaves if leaf.path == path and all(chosen.get(array, at) == at for array, at in leaf.elements.items())]
    if not fitting and Obj((("exists", False),)) in members and choose(rest, leaves, chosen):
        return True
    return any(
        choose(rest, leaves, {**chosen, **leaf.elements})
        for leaf in fitting
        if any(passes(member, leaf.value) for member in members if member != Obj((("exists", False),)))
    )


def passes(member: Json, value: Json) -> bool:
    if isinstance(member, Obj):
        ((operator, operand),) = member.pairs
        return expression(operator, operand, value)
    if isinstance(member, str) and (wanted := address(member)) is not None:
        return isinstance(value, str) and address(value) == wanted
    return same(member, value)


def same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and one == other


def expression(operator: str, operand: Json, value: Json) -> bool:
    match operator:
        case "exists":
            return operand is True
        case "numeric":
            assert isinstance(operand, list)
            return isinstance(value, Decimal) and comparable(value) and in_range(operand, value)
        case "anything-but":
            if isinstance(operand, Obj):
                ((inner, excluded),) = operand.pairs
                return not any(expression(inner, each, value) for each in (excluded if isinstance(excluded, list) else [excluded]))
            return not any(same(each, value) for each in (operand if isinstance(operand, list) else [operand]))
        case _:
            return isinstance(value, str) and on_text(operator, operand, value)


def on_text(operator: str, operand: Json, value: str) -> bool:
    if isinstance(operand, Obj):
        ((_, text),) = operand.pairs
        assert isinstance(text, str)
        return on_text(operator, text.lower(), value.lower())
    assert isinstance(operand, str)
    match operator:
        case "exactly":
            return value == operand
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return value.lower() == operand.lower()
        case "wildcard":
            return re.fullmatch(as_regex(operand), value, re.DOTALL) is not None
        case "cidr":
            return in_network(operand, value)
    raise AssertionError(operator)


def as_regex(wildcard: str) -> str:
    parts = re.findall(r"\\.|.", wildcard, re.DOTALL)
    return "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)


def comparable(number: Decimal) -> bool:
    return math.isfinite(float(number)) and Decimal(repr(float(number))) == number


def in_range(operand: list[Json], value: Decimal) -> bool:
    for operator, bound in zip(operand[::2], operand[1::2], strict=True):
        assert isinstance(bound, Decimal)
        if not {"=": value == bound, "<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}[str(operator)]:
            return False
    return True


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*", text, re.ASCII):
        return None
    try:
        read = ipaddress.ip_address(".".join(str(int(part)) for part in text.split(".")) if "." in text else text)
    except ValueError:
        return None
    return (read.ipv4_mapped or read) if isinstance(read, ipaddress.IPv6Address) else read


def in_network(cidr: str, text: str) -> bool:
    base, bits = cidr.split("/")
    inner, wanted = address(text), address(base)
    return (
        inner is not None
        and wanted is not None
        and inner.version == wanted.version
        and (int(inner) ^ int(wanted)) >> (inner.max_prefixlen - int(bits)) == 0
    )
