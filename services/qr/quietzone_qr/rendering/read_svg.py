"""Reads SVG files of rectilinear paths, enough to check what `svg` draws: by filling what the paths go around."""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from xml.parsers import expat

from quietzone_qr.rendering.matrix import QUIET_ZONE
from quietzone_qr.rendering.shown import WrongDrawing, require, require_quiet_zone

Point = tuple[int, int]

_COMMAND = re.compile(r"([A-Za-z])([-\d ]*)")
_WHITE, _BLACK = "#fff", "black"


def modules_of(data: bytes, *, side: int, size_px: int) -> bytes:
    """The `side`² modules that an SVG shows, row by row, 1 is black.

    Raises:
        WrongDrawing: not such an SVG, a part that isn't painted, or too narrow a quiet zone.
    """
    (_, root), *paths = _elements(data)
    across = side + 2 * QUIET_ZONE
    require(root.get("viewBox") == f"0 0 {across} {across}", "a view box that isn't the symbol with its quiet zone")
    require(root.get("width") == root.get("height") == str(size_px), "another size than was asked for")
    picture: list[str | None] = [None] * across**2
    for _, path in paths:
        colour = path.get("fill", _BLACK)
        picture = [colour if filled else below for filled, below in zip(_fill(path["d"], across), picture, strict=True)]
    require(set(picture) == {_WHITE, _BLACK}, "modules that are neither black nor white")
    return _inside([colour == _BLACK for colour in picture], across)


def _elements(data: bytes) -> list[tuple[str, dict[str, str]]]:
    """All elements with their attributes: an svg and its paths."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append((name, attributes))
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise WrongDrawing(f"not XML: {error}") from error
    names = [name for name, _ in found]
    require(names == ["svg"] + ["path"] * (len(names) - 1), "other elements than an svg of paths")
    return found


def _inside(black: list[bool], across: int) -> bytes:
    """What lies within the smallest square that holds all black."""
    inked = [divmod(place, across) for place, is_black in enumerate(black) if is_black]
    rows, columns = [y for y, _ in inked], [x for _, x in inked]
    require_quiet_zone(min(rows), min(columns), across - 1 - max(rows), across - 1 - max(columns))
    return b"".join(bytes(black[y * across + QUIET_ZONE : (y + 1) * across - QUIET_ZONE]) for y in range(QUIET_ZONE, across - QUIET_ZONE))


def _fill(path: str, across: int) -> list[bool]:
    """Which squares a path fills by the non-zero rule (https://www.w3.org/TR/SVG2/painting.html#FillRuleProperty): those left of which
    edges that go down and edges that go up don't cancel out.
    """
    turns = [[0] * (across + 1) for _ in range(across)]
    for points in _outlines(path):
        require(all(0 <= x <= across and 0 <= y <= across for x, y in points), "a path that leaves the image")
        for (x, y), (next_x, next_y) in pairwise([*points, points[0]]):
            require(x == next_x or y == next_y, "an edge that is neither upright nor level")
            for row in range(min(y, next_y), max(y, next_y)):
                turns[row][x] += 1 if next_y > y else -1
    return [winding != 0 for row in turns for winding in accumulate(row[:-1])]


def _outlines(path: str) -> Iterator[list[Point]]:
    """The corners of each closed outline."""
    x, y = 0, 0
    points: list[Point] = []
    for command, text in _COMMAND.findall(path):
        if command == "z":
            require(bool(points), "an outline that is closed before it begins")
            x, y = points[0]
            yield points
            points = []
            continue
        require(bool(points) == (command not in "Mm"), "an outline that isn't closed, or doesn't begin with a move")
        x, y = _moved(command, [int(number) for number in text.split()], x, y)
        points.append((x, y))
    require(not points, "an outline that isn't closed")


def _moved(command: str, numbers: list[int], x: int, y: int) -> Point:
    """Where a command leads to from (x, y)."""
    match command, numbers:
        case ("M", [to_x, to_y]):
            return to_x, to_y
        case ("m", [by_x, by_y]):
            return x + by_x, y + by_y
        case ("H", [to_x]):
            return to_x, y
        case ("h", [by_x]):
            return x + by_x, y
        case ("v", [by_y]):
            return x, y + by_y
    raise WrongDrawing(f"a path with a command {command!r} and {len(numbers)} numbers")
