"""SVGs that somebody sends: read with a parser that expands nothing, and written anew from what is known to be harmless. Pure.

What runs or leads outside is refused, with its name; what editors note for themselves is dropped. What is left can be served to browsers.
"""

import math
import re
from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from quietzone_storage.uploads.files import MAX_SIDE_PX, UTF_16_MARKS, Refused

SVG_NS, XLINK_NS, XML_NS = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/XML/1998/namespace"

ELEMENTS = frozenset(
    {
        *("svg", "g", "defs", "symbol", "use", "title", "desc", "style", "clipPath", "mask", "pattern", "marker"),
        *("path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "linearGradient", "radialGradient", "stop"),
    }
)
MAX_ELEMENTS, MAX_DEPTH = 20_000, 64
"""Drawings have hundreds; a parser, and whoever draws it, must not run out of stack or time."""

MAX_BYTES = 4_000_000
"""Of a drawing, as it comes and as it is written anew: it is read where files are served, and takes 13 times as much in memory at worst
(text with one character beyond UCS-2).
"""

MAX_VALUE = 1_000_000
"""Characters of an attribute: paths of maps have some 100,000. Written anew it has six times as many at worst, at 4 bytes in memory."""

MAX_STYLE = 65_536
"""Characters of a style, or of a value that could lead outside: looking through so many keeps all else waiting for 20 ms."""

_SIGNS = ("(", "@", "\\", ":")
"""Nothing that `_OUTSIDE` finds is without one of them; the data of paths is, and may be long."""

_OUTSIDE = re.compile(r"url\(\s*+['\"]?(?!['\"]?#)|[@\\]|javascript:|expression\(|image(?:-set)?\(|src\(", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,4})?")
_LENGTH = re.compile(rf"\s*({_NUMBER.pattern})\s*([A-Za-z]*|%)\s*")
_PX_PER: Mapping[str, float] = {"": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4, "em": 16, "ex": 8}
"""CSS Values and Units 4, 6.2; `em` and `ex` of a font that nobody set. Others depend on what is around, and count as pixels."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def cleaned(data: bytes) -> bytes:
    """The same drawing, and nothing else.

    Raises:
        Refused: not an SVG, or something in it runs, leads outside, or is too much.
    """
    if len(data) > MAX_BYTES:
        raise Refused(f"the SVG has {len(data):,} bytes, {MAX_BYTES:,} are the most: simplify it, or send a PNG")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_declarations
    parser.EntityDeclHandler = _no_entities
    parser.SkippedEntityHandler = _no_entities
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(_text(data), True)  # of text the declared encoding counts no more
    except expat.ExpatError as error:
        raise Refused(f"the SVG isn't well-formed XML: {error}") from error
    return reader.written()


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-16" if data.startswith(UTF_16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("the SVG is text in neither UTF-8 nor UTF-16: save it as UTF-8") from error


class _Reader:
    """Takes the parser's events, and writes."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._depth = 0
        self._dropped_at = 0
        self._elements = 0
        self._in_style = False
        self._style: list[str] = []  # text of the <style> that is open; a parser may cut it anywhere
        self._ids: list[str] = []  # of the elements that are open
        self._with_use: set[str] = set()
        self._used: set[str] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise Refused(f"the SVG has more than {MAX_ELEMENTS} elements, or more than {MAX_DEPTH} within each other: simplify it")
        if self._dropped_at:
            return
        namespace, _, tag = name.rpartition(" ")
        if self._in_style:
            raise Refused(f"a <style> of the SVG holds an element <{tag:.40}>: it may hold text alone")
        if self._depth == 1 and (namespace, tag) != (SVG_NS, "svg"):
            raise Refused(f"its root is <{tag:.40}>, not an <svg> in the namespace {SVG_NS}")
        if namespace != SVG_NS or tag == "metadata":
            self._dropped_at = self._depth  # an editor's notes
            return
        if tag not in ELEMENTS:
            raise Refused(
                f"the SVG has an element <{tag:.40}>, which is not taken: such elements run something, lead outside, or "
                "cost more to draw than can be known. Draw it with shapes and text, or send a PNG"
            )
        kept = _attributes(tag, attributes)
        self._note(tag, kept)
        self._write(f"<{tag}")
        if self._depth == 1:
            _check_size(kept)
            self._write(f' xmlns="{SVG_NS}" xmlns:xlink="{XLINK_NS}"')
        self._write_all(kept)
        self._write(">")

    def end(self, name: str) -> None:
        if not self._dropped_at:
            tag = name.rpartition(" ")[2]
            self._write(f"</{tag}>")
            self._ids.pop()
            if tag == "style":
                _check_style("".join(self._style))
                self._in_style = False
        elif self._dropped_at == self._depth:
            self._dropped_at = 0
        self._depth -= 1

    def text(self, data: str) -> None:
        if self._dropped_at:
            return
        if self._in_style:
            self._style.append(data)
        self._write(escape(data))

    def written(self) -> bytes:
        if nested := sorted(self._used & self._with_use):
            raise Refused(f"the SVG uses {nested[0]!r:.40}, which uses others: such drawings can grow without end; write it out")
        return "".join(self._parts).encode()

    def _write_all(self, attributes: Mapping[str, str]) -> None:
        for key, value in attributes.items():
            self._write(f" {key}={quoteattr(value)}")

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_BYTES:
            raise Refused(f"the SVG has more than {MAX_BYTES:,} characters when its own are written out: simplify it, or send a PNG")
        self._parts.append(text)

    def _note(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._ids.append(attributes.get("id", ""))
        if tag == "style":
            self._in_style = True
            self._style.clear()
        if tag == "use":
            self._with_use.update(filter(None, self._ids))
            self._used.update(value.removeprefix("#") for key, value in attributes.items() if key in ("href", "xlink:href"))


def _attributes(tag: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Those that are kept, by the names that they are written with; raises Refused."""
    kept: dict[str, str] = {}
    for full, value in attributes.items():
        if len(value) > MAX_VALUE:
            raise Refused(f"an attribute of the SVG has {len(value):,} characters, {MAX_VALUE:,} are the most: simplify it, or send a PNG")
        namespace, _, name = full.rpartition(" ")
        if name.lower().startswith("on"):
            raise Refused(f"the SVG has an attribute {name!r:.40}, which runs something: remove it")
        if name == "href":
            if not value.startswith("#"):
                raise Refused(f"<{tag}> leads outside ({value!r:.60}): only parts of the drawing itself may be named")
            kept["xlink:href" if namespace == XLINK_NS else "href"] = value
        elif not namespace and _NAME.fullmatch(name):
            _check_style(value)
            kept[name] = value
        elif namespace == XML_NS and name == "space":
            kept["xml:space"] = value
    return kept


def _check_style(text: str) -> None:
    if not any(sign in text for sign in _SIGNS):
        return
    if len(text) > MAX_STYLE:
        raise Refused(f"a style or value of the SVG has {len(text):,} characters, {MAX_STYLE:,} are the most: simplify it")
    if found := _OUTSIDE.search(text):
        raise Refused(f"a style or value of the SVG leads outside, or could ({text[found.start() :].strip()!r:.60}): remove it")


def _check_size(root: Mapping[str, str]) -> None:
    """See that the drawing, at its own size and at any other, is one that an image can have; raises Refused."""
    for name in ("width", "height"):
        given = root.get(name, "")
        if not re.search(r"\d", given):
            continue  # there is none, or a word such as auto
        found = _LENGTH.fullmatch(given)
        side = float(found[1]) * _PX_PER.get(found[2].lower(), 1) if found else math.inf
        if not 0 < side <= MAX_SIDE_PX:
            raise Refused(f"the SVG's {name} is {given:.20}; use more than 0, at most {MAX_SIDE_PX} px, and write it as 120 or 30mm")
    box = root.get("viewBox", "").replace(",", " ").split(maxsplit=4)
    if len(box) != 4 or not all(map(_NUMBER.fullmatch, box)):
        return  # readers leave it out
    width, height = float(box[2]), float(box[3])
    if not (0 < width <= height * MAX_SIDE_PX and 0 < height <= width * MAX_SIDE_PX):
        raise Refused(f"the SVG's viewBox is {root['viewBox']:.60}; no side may be 0, nor more than {MAX_SIDE_PX} times the other")


def _no_declarations(_name: str, _system_id: str | None, _public_id: str | None, has_internal_subset: object) -> None:
    """The document type that drawing programs write names a file that nobody reads; raises Refused for declarations of its own."""
    if has_internal_subset:
        raise Refused("the SVG declares entities or attributes in its document type, which can grow without end: remove [...] there")


def _no_entities(*_: object) -> None:
    raise Refused("the SVG declares or names an entity, which can grow without end or means nothing here: write what it stands for")
