"""From use and prices to what a month costs, and what would cost less or is too little."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quietzone_cli.cost.prices import DocumentPrices, Prices, Tier
from quietzone_cli.cost.use import Hours, RoleUse, Use

MONTH_HOURS = 730.0
GIB = 2**30

HIGH = 0.95
"""Rare hours above it are what an HPA, or a limit above the request, is for."""

ROOM = 1.2
"""What a request has above what was used, for the next release."""

TARGET = 0.7
"""The chart's default of what an HPA aims at: cores in use over cores requested."""

FEWEST, MOST = 2, 100
"""The chart's default bounds for a role that answers requests: one may go while a node is drained."""

SERVING = frozenset({"serve", "edge"})
"""Roles that answer requests; the others can wait for a new pod, and have one at least."""

BESIDE = {"forwarder": "edge"}
"""Roles that another's pods have beside them."""

CORES_STEP, BYTES_STEP = 0.01, 16 * 2**20
LEAST_CORES, LEAST_BYTES = 0.05, 64 * 2**20

UNITS_LEAST = 5
UNITS_MOST = 100
"""Bounds and target of scaling provisioned units: common defaults (min 5, max 100, 70 %)."""

ENOUGH_HOURS = 24
"""With less than a day of data the busy hours may be missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the report: what it is about, what was used, what a month of that costs, and what to set, with the reason."""

    what: str
    used: str
    price: float
    advice: str
    reason: str


def report(use: Use, prices: Prices) -> list[Row]:
    """A row for each role, and for bus, documents and blobs where there was anything."""
    rows = [_role(part, role, used, prices) for (part, role), used in use.roles.items()]
    if any(use.published_bytes):
        rows.append(_bus(use.published_bytes, prices))
    if any(use.reads) or any(use.writes):
        rows.append(_documents(use.reads, use.writes, prices.documents))
    if any(use.stored_bytes) or any(use.taken_bytes):
        rows.append(_blobs(use.stored_bytes, use.taken_bytes, prices.blobs))
    return rows


def _role(part: str, role: str, used: RoleUse, prices: Prices) -> Row:
    cores, memory, had = mean(used.cores), mean(used.memory_bytes), mean(used.processes)
    busy, largest = high(used.busiest_cores), max(used.largest_bytes, default=0.0)
    request_cores = max(LEAST_CORES, _up(busy * ROOM, CORES_STEP))
    request_bytes = max(LEAST_BYTES, _up(largest * ROOM, BYTES_STEP))
    replicas, why = _replicas(role, high(used.cores), request_cores, had)
    return Row(
        what=f"{part} {role}",
        used=f"{had:.1f} times {cores / had if had else 0:.2f} cores, {_mib(memory / had if had else 0)}",
        price=MONTH_HOURS * (cores * prices.compute.core_hour + memory / GIB * prices.compute.gib_hour),
        advice=f"requests {round(request_cores * 1000)}m, {_mib(request_bytes)}; {replicas}",
        reason=f"the busiest process stays below {busy:.2f} cores in 95 of 100 hours, none was above {_mib(largest)}; {why}",
    )


def _replicas(role: str, cores: float, request_cores: float, had: float) -> tuple[str, str]:
    """How many processes there should be, and why, for a role that uses so many cores in all."""
    if role in BESIDE:
        return f"one beside each {BESIDE[role]}", f"{had:.1f} ran"
    fewest, target = (FEWEST, TARGET) if role in SERVING else (1, 1.0)
    wanted = min(MOST, max(fewest, math.ceil(cores / (request_cores * target))))
    if wanted > fewest:
        return f"replicas {wanted}", f"{cores:.2f} cores in all at {target:.0%} of the request, {had:.1f} ran"
    return f"replicas {wanted}", f"{wanted} would do, {had:.1f} ran" if had > wanted + 0.5 else f"{wanted} at least"


def _bus(published: Hours, prices: Prices) -> Row:
    bus = prices.bus
    month_gib = mean(published) * MONTH_HOURS / GIB
    kept_gib = month_gib * bus.retention_days * 24 / MONTH_HOURS
    writing, keeping = month_gib * bus.replicas * bus.gib_published, kept_gib * bus.replicas * bus.gib_month
    share = keeping / (writing + keeping) if writing + keeping else 0.0
    reason = f"{share:.0%} of it is for keeping records {bus.retention_days:g} days"
    much = share > 0.5
    return Row(
        what="bus",
        used=f"{month_gib:.1f} GiB published a month, {kept_gib:.1f} GiB kept, {bus.replicas} times",
        price=writing + keeping,
        advice="shorten the retention of tracking.scan.v1" if much else "nothing",
        reason=f"{reason}; the archive keeps them for less, once it has them" if much else reason,
    )


def _documents(reads: Hours, writes: Hours, prices: DocumentPrices) -> Row:
    by_call = MONTH_HOURS * (mean(reads) * prices.million_reads + mean(writes) * prices.million_writes) / 1e6
    read_units, write_units = _units(reads), _units(writes)
    ready = MONTH_HOURS * (mean(read_units) * prices.read_unit_hour + mean(write_units) * prices.write_unit_hour)
    capped = UNITS_MOST in {*read_units, *write_units}
    if by_call <= ready or capped:
        advice, reason = "pay by the call", f"held ready it would be {ready:.2f}"
        if capped:
            reason = f"busy hours need more than {UNITS_MOST} units, where scaling ends"
    else:
        advice = f"hold {UNITS_LEAST} to {max((*read_units, *write_units)):.0f} units ready, scaled at {TARGET:.0%}"
        reason = f"that is {ready:.2f}: calls come evenly enough"
    return Row(
        what="documents",
        used=f"{mean(reads) * MONTH_HOURS / 1e6:.2f} M reads, {mean(writes) * MONTH_HOURS / 1e6:.2f} M writes a month",
        price=by_call,
        advice=advice,
        reason=reason,
    )


def _units(calls: Hours) -> list[float]:
    """Units that scaling holds ready in each hour; one does a call a second."""
    return [min(UNITS_MOST, max(UNITS_LEAST, math.ceil(one / 3600 / TARGET))) for one in calls]


def _blobs(stored: Hours, taken: Hours, tiers: Sequence[Tier]) -> Row:
    month_gib, read_gib = mean(stored) * MONTH_HOURS / GIB, mean(taken) * MONTH_HOURS / GIB
    first, *_ = tiers
    cheapest = min(tiers, key=lambda tier: _tier(tier, month_gib, read_gib))
    return Row(
        what="blobs",
        used=f"{month_gib:.1f} GiB written, {read_gib:.1f} GiB read a month",
        price=_tier(first, month_gib, read_gib),
        advice=f"tier {cheapest.tier}" if cheapest is not first else "nothing",
        reason=f"a month's files cost {_tier(cheapest, month_gib, read_gib):.2f} a month there, reading included; "
        + (f"{read_gib / month_gib:.0%} of what is written is read" if month_gib else "nothing was written"),
    )


def _tier(tier: Tier, kept_gib: float, read_gib: float) -> float:
    return kept_gib * tier.gib_month + read_gib * tier.gib_read


def mean(hours: Hours) -> float:
    """0 for none."""
    return sum(hours) / len(hours) if hours else 0.0


def high(hours: Hours) -> float:
    """What HIGH of the hours stay at or below; 0 for none."""
    return sorted(hours)[math.ceil(HIGH * len(hours)) - 1] if hours else 0.0


def _up(value: float, step: float) -> float:
    return math.ceil(round(value / step, 6)) * step


def _mib(value: float) -> str:
    return f"{value / 2**20:.0f}Mi"
