"""Who of a group gets which partition. Pure; the member that leads the group computes it.

Partitions move in two steps (the idea of KIP-429): one that must move is given to nobody while its holder still claims it. The holder
learns that it is to go, lets go of it, and joins again; then it is free. So members that lose nothing never stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member holds, or hasn't let go of yet, and the generation since when it surely is its own."""

    partitions: frozenset[int]
    generation: int


def assign(claims: Mapping[str, Claim], partitions: int) -> dict[str, frozenset[int]]:
    """What each member has from now on: as even as can be, and as much as can be of what it has already.

    The result lacks partitions that must move and are claimed by their present holders.
    """
    holders = _holders(claims, partitions)
    held = {member: sorted(p for p, holder in holders.items() if holder == member) for member in claims}
    order = sorted(claims, key=lambda member: (-len(held[member]), member))  # who has most keeps the odd ones
    least, odd = divmod(partitions, len(claims))
    quotas = {member: least + (position < odd) for position, member in enumerate(order)}
    kept = {member: held[member][: quotas[member]] for member in order}
    free = sorted(set(range(partitions)) - {p for mine in kept.values() for p in mine})
    shares = {}
    for member in order:
        missing = quotas[member] - len(kept[member])
        due, free = free[:missing], free[missing:]
        shares[member] = frozenset(kept[member]) | {p for p in due if p not in holders}
    return shares


def _holders(claims: Mapping[str, Claim], partitions: int) -> dict[int, str]:
    """Who holds each partition. Of two that claim it, the one of the older generation was away and doesn't know better."""
    holders: dict[int, str] = {}
    for member, claim in sorted(claims.items(), key=lambda item: (item[1].generation, item[0])):
        holders.update(dict.fromkeys((p for p in claim.partitions if p < partitions), member))
    return holders
