"""What an account's codes can be filtered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from quietzone_client._models import CodeState, Json
from quietzone_client._requests import Call, Request, as_json


@dataclass(frozen=True, slots=True)
class Facets:
    """How many codes each state, tag and folder would bring, a second or so behind.

    Attributes:
        total: All codes; None while the server makes its counters anew, and all else is empty then.
        states: Codes by state.
        tags: Codes by tag, the most frequent first.
        folders: Codes by folder, the fullest first.
        complete: Whether the server counts all tags and folders, not only the 1,000 most frequent.
    """

    total: int | None
    states: Mapping[CodeState, int]
    tags: Mapping[str, int]
    folders: Mapping[str, int]
    complete: bool

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(
            total=item["total"],
            states={CodeState(state): codes for state, codes in item["states"].items()},
            tags={each["value"]: each["codes"] for each in item["tags"]},
            folders={each["value"]: each["codes"] for each in item["folders"]},
            complete=item["complete"],
        )


def get_facets(limit: int) -> Call[Facets]:
    """At most `limit` tags, and as many folders."""
    return Call(Request("GET", "/v1/codes/facets", {"limit": str(limit)}), as_json(Facets.of))
