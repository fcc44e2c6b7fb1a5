"""What an account has used of its plan."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from quietzone_client._models import Json, moment
from quietzone_client._requests import Call, Request, as_json


@dataclass(frozen=True, slots=True)
class Use:
    """What was used of one unit in the current UTC day or month.

    Attributes:
        unit: `requests`, `codes`, `scans` or `bytes`.
        period: `day` or `month`.
        method_class: Of requests: which; None for all of them.
        used: So many, as far as it was known some seconds ago; of scans a minute.
        limit: What the plan allows; None without a quota.
        left: What is left of it; None without a quota.
        resets_at: When it begins anew.
    """

    unit: str
    period: str
    method_class: str | None
    used: int
    limit: int | None
    left: int | None
    resets_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            unit=item["unit"],
            period=item["period"],
            method_class=item["method_class"],
            used=item["used"],
            limit=item["limit"],
            left=item["left"],
            resets_at=moment(item["resets_at"]),
        )


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Bytes of all files, with what uploads that were begun may bring; what is deleted comes back.

    Attributes:
        limit: What the plan has room for; None without a bound.
        used: What is stored; None while the server can't say, or is older than this.
        left: What is left; None where one of the others is.
    """

    limit: int | None = None
    used: int | None = None
    left: int | None = None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(limit=item["limit"], used=item["used"], left=item["left"])


@dataclass(frozen=True, slots=True)
class Usage:
    """The name of the account's plan, what was used of it, and what files there are."""

    plan: str
    items: tuple[Use, ...]
    stored_bytes: StoredBytes = StoredBytes()

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        room = item.get("stored_bytes")
        stored = StoredBytes() if room is None else StoredBytes.of(room)
        return cls(plan=item["plan"], items=tuple(map(Use.of, item["items"])), stored_bytes=stored)


def get_usage() -> Call[Usage]:
    """What the account has used today and this month, and what files it has."""
    return Call(Request("GET", "/v1/usage"), as_json(Usage.of))
