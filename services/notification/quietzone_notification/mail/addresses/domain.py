"""What is known of an address that an account writes to: whether it may, and what whoever is there wants. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from quietzone_notification.mail.kinds import KINDS, OPTIONAL

MAX_DETAIL = 200

ALL = ""
"""The kind of a suppression that is about all."""


class Reason(Enum):
    """Why an address gets no mail."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    """A server said that there is no such address."""
    COMPLAINED = "complained"
    """Whoever is there has called a mail unwanted."""
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address gets no mails of a kind, or none at all (ALL)."""

    kind: str
    reason: Reason
    at_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Addressee:
    """An address as one account knows it; `wanted` is what was said of kinds, by name."""

    addressee_id: str
    account_id: str
    address: str
    suppressions: tuple[Suppression, ...] = ()
    wanted: Mapping[str, bool] = field(default_factory=dict)

    def refusal(self, kind: str) -> str | None:
        """Why this address gets no mail of a kind; None when it does."""
        found = self.stopping(kind)
        if found is not None:
            return f"the address is suppressed: {found.reason.value}" + (f" from {kind}" if found.kind else "")
        if not KINDS[kind].is_ours and not self.wants(kind):
            return f"whoever is there wants no mails of kind {kind}"
        return None

    def stopping(self, kind: str) -> Suppression | None:
        """What keeps mails of a kind away; nobody can leave what is the house's own."""
        for each in self.suppressions:
            if each.kind in (ALL, kind) and not (KINDS[kind].is_ours and each.reason is Reason.UNSUBSCRIBED):
                return each
        return None

    def wants(self, kind: str) -> bool:
        """Whether whoever is there wants mails of a kind, as he said or as the house has it."""
        return self.wanted.get(kind, KINDS[kind].is_wanted)

    def suppressed(self, kind: str, reason: Reason, at_ms: int, detail: str = "") -> "Addressee":
        """The address as it gets no more of a kind; itself when it got none before."""
        if self.suppression(kind) is not None:
            return self
        added = Suppression(kind, reason, at_ms, "".join(each if each.isprintable() else " " for each in detail)[:MAX_DETAIL])
        return replace(self, suppressions=(*self.suppressions, added))

    def lifted(self, kind: str) -> "Addressee":
        """The address without a suppression; itself when there was none."""
        kept = tuple(each for each in self.suppressions if each.kind != kind)
        return self if kept == self.suppressions else replace(self, suppressions=kept)

    def suppression(self, kind: str) -> Suppression | None:
        """What keeps mails of exactly this kind away, or ALL."""
        return next((each for each in self.suppressions if each.kind == kind), None)

    def preferring(self, wanted: Mapping[str, bool]) -> "Addressee":
        """The address of whoever says what he wants, which lifts what he has unsubscribed from, where he wants it again.

        Who had unsubscribed from all, and wants something, wants nothing else.
        """
        again, lifted = {kind for kind, wants in wanted.items() if wants}, dict(wanted)
        of_all = self.suppression(ALL)
        if of_all is not None and of_all.reason is Reason.UNSUBSCRIBED and again:
            lifted = {kind: kind in again for kind in OPTIONAL}
            again.add(ALL)
        kept = tuple(each for each in self.suppressions if each.kind not in again or each.reason is not Reason.UNSUBSCRIBED)
        return replace(self, wanted=lifted, suppressions=kept)


def addressee_id(account_id: str, address: str) -> str:
    """What an address is found by: letters of any case are one, as all servers have it."""
    return f"{account_id}/{hashlib.sha256(address.lower().encode()).hexdigest()[:40]}"


def unknown(account_id: str, address: str) -> Addressee:
    """An address of which nothing was ever said."""
    return Addressee(addressee_id(account_id, address), account_id, address)
