"""What the values of a contract's enum are called where people read them."""

from collections.abc import Iterable

UNKNOWN = "unknown"


class Words(dict[int, str]):
    """Words by number, such as `active` for `CODE_STATE_ACTIVE`; `unknown` for what isn't said, or only a newer release can name."""

    def __init__(self, items: Iterable[tuple[str, int]]) -> None:
        """`items` are an enum's own names and numbers; its first is `…_UNSPECIFIED`, whose beginning they share."""
        (first, _), *named = items
        prefix = first.removesuffix("UNSPECIFIED")
        super().__init__({number: name.removeprefix(prefix).lower() for name, number in named})

    def __missing__(self, number: int) -> str:
        return UNKNOWN
