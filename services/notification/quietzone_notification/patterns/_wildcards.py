r"""Wildcards: `*` is any text, `\*` an asterisk, `\\` a backslash."""

MAX_WILDCARD_COMPLEXITY = (
    10  # what event-ruler's README advises for a single rule; EventBridge refuses `*:*:*:*:*:event-bus/*`, which has 11
)

TOO_COMPLEX = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"


def read_wildcard(text: str) -> tuple[str, ...]:
    """What stands between the asterisks, which are one fewer.

    Raises:
        ValueError: two asterisks side by side, a backslash before something else, or more complex than `MAX_WILDCARD_COMPLEXITY`.
    """
    pieces: list[str] = []
    piece: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "*":
            if text.startswith("**", at):
                raise ValueError(f"Consecutive wildcard characters at pos {at + 1}")
            pieces.append("".join(piece))
            piece = []
        elif character == "\\":
            at += 1
            if text[at : at + 1] not in ("*", "\\"):
                raise ValueError(f"Invalid escape character at pos {at}")
            piece.append(text[at])
        else:
            piece.append(character)
        at += 1
    pieces.append("".join(piece))
    if complexity(pieces) > MAX_WILDCARD_COMPLEXITY:
        raise ValueError(TOO_COMPLEX)
    return tuple(pieces)


def complexity(pieces: list[str]) -> int:
    """At how many places of the pattern a reader of one value can be at once, at most: one for each asterisk, and in the text behind
    each as many as its beginnings that are ends of one another (chains of borders: Knuth, Morris, Pratt 1977).
    """
    return sum(1 + _overlaps(piece) for piece in pieces[1:])


def wildcard_matches(pieces: tuple[str, ...], value: str) -> bool:
    """Whether a value is the pieces with anything between them. No backtracking: each piece is taken where it comes first."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return value == first
    end = len(value) - len(last)
    at = len(first)
    if end < at or not value.startswith(first) or not value.endswith(last):
        return False
    for piece in pieces[1:-1]:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _overlaps(piece: str) -> int:
    if not piece:
        return 0
    border = [0] * len(piece)
    chain = [0, 1] + [0] * (len(piece) - 1)
    length = 0
    for at in range(1, len(piece)):
        while length and piece[at] != piece[length]:
            length = border[length - 1]
        if piece[at] == piece[length]:
            length += 1
        border[at] = length
        chain[at + 1] = 1 + chain[length]
    return max(chain)
