"""Symbols for tests, and ways to spoil them."""

from dataclasses import replace

from quietzone_qr.rendering.matrix import Matrix, encode

PAYLOAD = "https://q.example/Ab3dEf7"
MENU = encode(PAYLOAD)


def flipped(matrix: Matrix, *places: int) -> Matrix:
    """The modules at these places have the other colour."""
    modules = bytearray(matrix.modules)
    for place in places:
        modules[place] ^= 1
    return replace(matrix, modules=bytes(modules))


def inverted(matrix: Matrix) -> Matrix:
    return flipped(matrix, *range(matrix.side**2))
