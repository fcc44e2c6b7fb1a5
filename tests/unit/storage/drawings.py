"""Symbols to draw, made by another encoder than the product's."""

import segno

from quietzone_storage.assets.domain import Symbol


def symbol(payload: str = "https://q.example/menu", *, version: int | None = None) -> Symbol:
    rows = segno.make_qr(payload, error="m", boost_error=False, version=version).matrix
    side = len(rows)
    digits = "".join("1" if module else "0" for row in rows for module in row)
    size = (len(digits) + 7) // 8
    return Symbol(side, int(digits.ljust(size * 8, "0"), 2).to_bytes(size, "big"))
