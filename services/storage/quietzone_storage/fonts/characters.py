"""Which characters the font has. Apart from where it is: processes that decode images have no room for `unicodedata`."""

import struct
import unicodedata
from functools import cache

from quietzone_storage.fonts import FILE

_WHOLE_OF_UNICODE = (3, 10)
"""Platform and encoding of the table that has all characters (OpenType 1.9.1, cmap)."""
_SEGMENTED = 12
"""The format of that table: groups of characters that follow each other."""


def lacking(text: str) -> list[str]:
    """The characters of a text that the font can't show, each once, in order; controls and marks that nobody sees are none."""
    shown = (one for one in dict.fromkeys(unicodedata.normalize("NFC", text)) if unicodedata.category(one) not in ("Cc", "Cf", "Mn"))
    return [one for one in shown if not any(first <= ord(one) <= last for first, last in _groups())]


@cache
def _groups() -> tuple[tuple[int, int], ...]:
    """First and last character of each group that the font has."""
    data = FILE.read_bytes()
    tables = {data[at : at + 4]: struct.unpack_from(">I", data, at + 8)[0] for at in range(12, 12 + 16 * _short(data, 4), 16)}
    cmap = tables[b"cmap"]
    for number in range(_short(data, cmap + 2)):
        platform, encoding, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * number)
        if (platform, encoding) == _WHOLE_OF_UNICODE and _short(data, cmap + offset) == _SEGMENTED:
            (count,) = struct.unpack_from(">I", data, cmap + offset + 12)
            return tuple(struct.unpack_from(">II", data, cmap + offset + 16 + 12 * group) for group in range(count))
    raise ValueError(f"{FILE.name} has no table of all characters")


def _short(data: bytes, at: int) -> int:
    (number,) = struct.unpack_from(">H", data, at)
    return int(number)
