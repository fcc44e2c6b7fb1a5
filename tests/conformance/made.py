"""Patterns and events made by chance, of few words, so that they often meet."""

import json
import random  # noqa: TID251 - seeded
from collections.abc import Callable

WORDS = ("a", "b", "ab", "abc", "ABC", "Abc", "bca", "aab", "a*b", "x.y", "ÄÖ", "äö", "z" * 30, '"a"', "\\", "1", "true")
TEXTS = ("", *WORDS, "10.0.0.1", "10.0.0.255", "::1", "0:0::1")
KEYS = ("a", "b", "c", "a.b", "b.c", "d", "", "$x")
UNCOMPARABLE = ("1e400", "27.8078079216940921", "9007199254740993")
NUMBERS = ("0", "-0", "1", "1.0", "1e0", "10", "1.5", "-1", "3.0e2", "300", "1e-320", "0.1", "1" + "0" * 23, *UNCOMPARABLE)
NETWORKS = ("10.0.0.0/8", "10.0.0.0/25", "::/64", "::1/127", "0.0.0.0/0", "10.0.0.0/31")
WILDCARDS = ("*", "a*", "*a", "*b*", "a*c", "a\\*b", "*a*b*", "", "ab", "\\\\", "*b*c", "a*b*c")

Form = Callable[[], str]

DAMAGES = ("", *'{}[]",:*\\$01e-.', '"$or"', "null", "\u0000", "\ud800", "[" * 70)


class Maker:
    """Makes the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def pattern(self) -> str:
        return self._object(3)

    def event(self) -> str:
        return self._event_object(4)

    def spoilt(self, text: str) -> str:
        """With some characters changed, so that it's hardly ever valid."""
        pick = self._chance
        for _ in range(pick.randint(1, 3)):
            at = pick.randint(0, len(text))
            text = text[:at] + pick.choice(DAMAGES) + text[at + pick.randint(0, 3) :]
        return text

    def _object(self, depth: int, *, in_or: bool = False) -> str:
        pick = self._chance
        members = []
        for _ in range(pick.choice((1, 1, 2, 2, 3))):
            kind = pick.random()
            if depth and kind < 0.12:
                inner = ",".join(self._object(depth - 1, in_or=True) for _ in range(pick.randint(2, 3)))
                members.append(f'"$or":[{inner}]')
            elif depth and kind < 0.4:
                members.append(f"{self._key()}:{self._object(depth - 1, in_or=in_or)}")
            else:
                members.append(f"{self._key()}:[{','.join(self._member() for _ in range(pick.choice((1, 1, 2, 3))))}]")
        return "{" + ",".join(members) + "}"

    def _key(self) -> str:
        return json.dumps(self._chance.choice(("a", "a", "b", "b", *KEYS)))

    def _text(self) -> str:
        return json.dumps(self._chance.choice(TEXTS))

    def _filled(self) -> str:
        return json.dumps(self._chance.choice(TEXTS[1:]))

    def _literal(self) -> str:
        return self._chance.choice(("true", "false", "null"))

    def _member(self) -> str:
        forms: tuple[Form, ...] = (
            self._text,
            self._text,
            lambda: self._chance.choice(NUMBERS),
            self._literal,
            lambda: f'{{"exists":{self._chance.choice(("true", "false", "false"))}}}',
            lambda: f'{{"prefix":{self._text()}}}',
            lambda: f'{{"suffix":{self._text()}}}',
            lambda: f'{{"exactly":{self._text()}}}',
            lambda: f'{{"equals-ignore-case":{self._text()}}}',
            lambda: f'{{"{self._chance.choice(("prefix", "suffix"))}":{{"equals-ignore-case":{self._text()}}}}}',
            lambda: f'{{"wildcard":{json.dumps(self._chance.choice(WILDCARDS))}}}',
            lambda: f'{{"cidr":"{self._chance.choice(NETWORKS)}"}}',
            lambda: f'{{"numeric":{self._range()}}}',
            lambda: f'{{"anything-but":{self._anything_but()}}}',
            lambda: f'{{"anything-but":{self._anything_but()}}}',
        )
        return self._chance.choice(forms)()

    def _range(self) -> str:
        pick = self._chance
        if pick.random() < 0.6:
            return f'["{pick.choice(("=", "<", "<=", ">", ">="))}",{pick.choice(("0", "1", "1.5", "-1", "300", "1e-320"))}]'
        low, high = sorted(pick.sample((-5, 0, 1, 2, 300, 1_000), 2))
        return f'["{pick.choice((">", ">="))}",{low},"{pick.choice(("<", "<="))}",{high}]'

    def _anything_but(self) -> str:
        pick = self._chance
        kind = pick.random()
        if kind < 0.3:
            return self._text() if kind < 0.15 else f"[{self._text()},{self._text()}]"
        if kind < 0.5:
            return "1" if kind < 0.4 else "[0,300,1.5]"
        operator = pick.choice(("prefix", "suffix", "equals-ignore-case", "wildcard"))
        text: Form = (lambda: json.dumps(pick.choice(WILDCARDS))) if operator == "wildcard" else self._filled
        return f'{{"{operator}":{text() if kind < 0.75 else f"[{text()},{text()}]"}}}'

    def _event_object(self, depth: int) -> str:
        pick = self._chance
        keys = pick.sample(KEYS, pick.randint(0, 4))
        return "{" + ",".join(f"{json.dumps(key)}:{self._value(depth)}" for key in keys) + "}"

    def _value(self, depth: int) -> str:
        kind = self._chance.random()
        if depth and kind < 0.3:
            return self._event_object(depth - 1)
        if depth and kind < 0.55:
            return f"[{','.join(self._value(depth - 1) for _ in range(self._chance.choice((0, 1, 2, 2, 3))))}]"
        if kind < 0.8:
            return self._text()
        return self._chance.choice(NUMBERS) if kind < 0.93 else self._literal()
