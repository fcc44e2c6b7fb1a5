"""How many events a second of CPU are matched against many rules, and how that depends on how many rules there are.

Events are as the bus carries them, parsed already; rules are a mix of what people write, each account's for its own codes, and then sets of
one operator alone. An event matches as many rules in every set (its own account's few), so that only the looking grows. Rounds take the
sizes in turn, so that noise hits all of them; medians count.

    nice python bench/rules.py [--seconds 1.0] [--rounds 5]
"""

import argparse
import gc
import json
import random  # noqa: TID251 - seeded data
import statistics
import sys
import time
from collections.abc import Callable

from quietzone_notification.patterns import RuleSet, compile_pattern

SIZES = (10, 100, 1_000, 10_000)
AIM = 20_000  # events a CPU-second with 1,000 rules
MOST = 1.5  # times as long with 10,000 rules as with 10
EVENTS = 1_000  # as many for each size, since a processor's cache holds few: else it would count too
COUNTRIES = ("DE", "AT", "CH", "FR", "IT", "NL", "PL", "US")
DEVICES = ("phone", "tablet", "desktop")


def scan(number: int, chance: random.Random) -> dict[str, object]:
    """A scan as rules see it."""
    return {
        "version": "0",
        "id": f"019a0b2e-{number:012x}",
        "detail-type": "QR Code Scanned",
        "source": "quietzone.tracking",
        "account": f"account-{number % 1_000}",
        "time": "2026-11-22T05:23:49Z",
        "region": "eu",
        "resources": [f"code/{number}"],
        "detail": {
            "qrId": f"code-{number:07}",
            "slug": f"menu-{number:07}",
            "scanAt": "2026-11-22T05:23:48.120Z",
            "country": chance.choice(COUNTRIES),
            "device": chance.choice(DEVICES),
            "network": f"10.{number // 256 % 256}.{number % 256}.0",
            "path": f"/shop/{number:07}/table",
            "count": number,
            "class": {"person": True, "bot": False},
        },
    }


Rule = Callable[[int], dict[str, object]]


def detail(**fields: object) -> dict[str, object]:
    return {"source": ["quietzone.tracking"], "detail-type": ["QR Code Scanned"], "detail": fields}


KINDS: dict[str, Rule] = {
    "exact": lambda n: detail(qrId=[f"code-{n:07}", f"code-{n:07}-old"]),
    "prefix": lambda n: detail(path=[{"prefix": f"/shop/{n:07}/"}]),
    "suffix": lambda n: detail(slug=[{"suffix": f"menu-{n:07}"}]),
    "ignore case": lambda n: detail(slug=[{"equals-ignore-case": f"MENU-{n:07}"}]),
    "wildcard": lambda n: detail(path=[{"wildcard": f"*/{n:07}/*"}]),
    "numeric": lambda n: detail(count=[{"numeric": [">", n - 0.5, "<=", n + 0.25]}]),
    "cidr": lambda n: detail(network=[{"cidr": f"10.{n // 256 % 256}.{n % 256}.0/24"}]),
    "anything-but": lambda n: detail(qrId=[f"code-{n:07}"], country=[{"anything-but": ["XX", "YY"]}]),
    "exists": lambda n: detail(qrId=[f"code-{n:07}"], device=[{"exists": True}], campaign=[{"exists": False}]),
    "$or": lambda n: {
        "source": ["quietzone.tracking"],
        "$or": [{"detail": {"qrId": [f"code-{n:07}"]}}, {"detail": {"slug": [f"other-{n:07}"]}}],
    },
}


def mixed(number: int) -> dict[str, object]:
    """Every kind in turn."""
    return list(KINDS.values())[number % len(KINDS)](number)


def rules_of(make: Rule, size: int) -> RuleSet[int]:
    rules: RuleSet[int] = RuleSet()
    for number in range(size):
        rules.add(number, compile_pattern(json.dumps(make(number))))
    return rules


def cost_us(rules: RuleSet[int], events: list[dict[str, object]], seconds: float) -> float:
    """CPU time of an event."""
    matching = rules.matching
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for event in events:
            matching(event)
        done += len(events)
    return spent / done * 1e6


def check(name: str, rules: RuleSet[int], events: list[dict[str, object]]) -> None:
    matched = [len(rules.matching(event)) for event in events[:10]]
    if not all(1 <= count <= 2 for count in matched):
        sys.exit(f"{name}: the events match {matched} rules instead of one or two: the numbers mean nothing")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chance = random.Random(1)
    below = False
    print(f"{'rules':14}" + "".join(f"{f'{size:,}: µs':>12}" for size in SIZES) + f"{'events/s at 1,000':>20}{'10,000 / 10':>13}")
    for name, make in {"all kinds": mixed, **KINDS}.items():
        sets = [rules_of(make, size) for size in SIZES]
        events = [[scan(chance.randrange(size), chance) for _ in range(EVENTS)] for size in SIZES]
        costs: list[list[float]] = [[] for _ in SIZES]
        for rules, some in zip(sets, events, strict=True):
            check(name, rules, some)
        gc.collect()
        gc.freeze()  # as our processes do when they are ready
        for _ in range(options.rounds):
            for rules, some, cost in zip(sets, events, costs, strict=True):
                cost.append(cost_us(rules, some, options.seconds))
        medians = [statistics.median(cost) for cost in costs]
        ratio = statistics.median(most / least for least, most in zip(costs[0], costs[-1], strict=True))
        rate = 1e6 / medians[SIZES.index(1_000)]
        print(f"{name:14}" + "".join(f"{each:>12.1f}" for each in medians) + f"{rate:>20,.0f}{ratio:>13.2f}")
        below = below or rate < AIM or ratio > MOST
    print(f"aims: {AIM:,} events a CPU-second with 1,000 rules, 10,000 rules at most {MOST} times as slow as 10")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
