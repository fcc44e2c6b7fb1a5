"""The read-back gate: no symbol leaves before two independent decoders have read it (promise 3).

Decoders read each matrix once, as small as it is ever drawn; each finished file is then proven to be an exact enlargement of that, once
per format and size.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Protocol

from quietzone_qr.rendering.decoders import DECODERS, Decoder
from quietzone_qr.rendering.geometry import MIN_MODULE_PX
from quietzone_qr.rendering.matrix import QUIET_ZONE, Matrix
from quietzone_qr.rendering.shown import WrongDrawing

READ_MODULE_PX = MIN_MODULE_PX
"""Decoders see the smallest symbol that is ever handed out; all others are enlargements, and easier to read. Of 15,000 sound ones they
refused none; 28 pixels a module would take ten times as long.
"""

REMEMBERED = 10_000
"""Symbols, and files, that are known to have passed; 200 bytes each. One that was forgotten is checked again, in 2 ms."""


class Unreadable(ValueError):
    """The symbol can't be handed out: says which decoder read what, or what is wrong with the drawing."""


class Reader(Protocol):
    """From a finished file to the modules that it shows."""

    def __call__(self, data: bytes, *, side: int, size_px: int) -> bytes:
        """`side`² modules, 1 is black; raises WrongDrawing."""


class Gate:
    """What passed once isn't checked again: it would pass again. Threads may share a gate."""

    def __init__(self, decoders: Sequence[tuple[str, Decoder]] = DECODERS, *, remembered: int = REMEMBERED) -> None:
        self._decoders = decoders
        self._symbols = _Remembered(remembered)
        self._files = _Remembered(remembered)

    def check_symbol(self, matrix: Matrix, payload: str) -> None:
        """See that every decoder reads `payload` in `matrix`.

        Raises:
            Unreadable: one doesn't.
        """
        key = (matrix.digest(), payload)
        if key in self._symbols:
            return
        pixels = _pixels(matrix)
        size_px = matrix.side_with_quiet_zone * READ_MODULE_PX
        for name, decode in self._decoders:
            read = decode(pixels, size_px)
            if read != payload.encode():
                what = "nothing" if read is None else repr(read.decode("utf-8", "replace"))
                raise Unreadable(f"{name} reads {what} in the symbol of {payload!r}; it isn't handed out")
        self._symbols.add(key)

    def check_file(self, data: bytes, read: Reader, *, matrix: Matrix, size_px: int, etag: str) -> None:
        """See that a file of `size_px` squared shows `matrix`, every module of it, with its quiet zone. `etag` identifies the file.

        Raises:
            Unreadable: it doesn't.
        """
        if etag in self._files:
            return
        try:
            shown = read(data, side=matrix.side, size_px=size_px)
        except WrongDrawing as wrong:
            raise Unreadable(f"the image isn't handed out: {wrong}") from wrong
        if shown != matrix.modules:
            differing = sum(left != right for left, right in zip(shown, matrix.modules, strict=True))
            raise Unreadable(f"the image isn't handed out: {differing} of its modules aren't the symbol's")
        self._files.add(etag)


def _pixels(matrix: Matrix) -> bytes:
    """The symbol with its quiet zone, 8 bits a pixel."""
    side, margin = matrix.side, QUIET_ZONE * READ_MODULE_PX
    black, white = bytes(READ_MODULE_PX), b"\xff" * READ_MODULE_PX
    blank = b"\xff" * (matrix.side_with_quiet_zone * READ_MODULE_PX) * margin
    edge = b"\xff" * margin
    rows = [matrix.modules[start : start + side] for start in range(0, side * side, side)]
    lines = [(edge + b"".join([black if module else white for module in row]) + edge) * READ_MODULE_PX for row in rows]
    return b"".join([blank, *lines, blank])


class _Remembered:
    """The keys that were last used, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: OrderedDict[Hashable, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            if key not in self._keys:
                return False
            self._keys.move_to_end(key)
            return True

    def add(self, key: Hashable) -> None:
        with self._lock:
            self._keys[key] = None
            if len(self._keys) > self._limit:
                self._keys.popitem(last=False)
