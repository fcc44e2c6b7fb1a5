"""SVGs are written anew from what is harmless; what runs or leads outside is refused by its name."""

import pytest
import resvg_py
from hypothesis import given
from hypothesis import strategies as st

from quietzone_storage.uploads.files import Refused
from quietzone_storage.uploads.svg import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, cleaned

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(inner: str, attributes: str = 'viewBox="0 0 10 10"') -> bytes:
    return f"<svg {NS} {attributes}>{inner}</svg>".encode()


LOGO = svg(
    '<title>A &amp; B</title><defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
    '<style>.a{fill:url(#g)}</style><g transform="scale(2)"><path class="a" d="M0 0h5v5z"/></g><use xlink:href="#g"/>'
)

ATTACKS = {
    "a script": svg("<script>alert(1)</script>"),
    "a handler": svg('<path onclick="alert(1)" d=""/>'),
    "a handler on the root": svg("", 'onload="alert(1)"'),
    "a link that runs": svg('<a xlink:href="javascript:alert(1)"><path d=""/></a>'),
    "HTML within": svg('<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'),
    "an image from outside": svg('<image href="https://evil.example/x.png"/>'),
    "a use of another document": svg('<use xlink:href="https://evil.example/x.svg#a"/>'),
    "a use of data": svg('<use href="data:image/svg+xml,x"/>'),
    "a fill from outside": svg('<path fill="url(https://evil.example/#a)" d=""/>'),
    "a fill from outside, quoted": svg("<path fill=\"url('//evil.example')\" d=''/>"),
    "a style from outside": svg("<style>path{fill:url(https://evil.example)}</style>"),
    "an import": svg("<style>@import 'https://evil.example';</style>"),
    "an escape in a style": svg("<style>path{fill:u\\72l(https://evil.example)}</style>"),
    "a style cut by a comment": svg("<style>path{fill:ur<!-- -->l(https://evil.example)}</style>"),
    "a style attribute from outside": svg('<path style="fill:url(x.svg)" d=""/>'),
    "an address in a style that is cut by another style": svg("<style>path{fill:ur<style/>l(https://evil.example)}</style>"),
    "an element in a style": svg("<style>path{}<g/></style>"),
    "an animation that sets a link": svg('<set attributeName="href" to="javascript:alert(1)"/>'),
    "a filter that fetches": svg('<filter id="f"><feImage href="https://evil.example"/></filter>'),
    "an attribute that a document type adds": b'<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>' + svg(""),
    "an entity that nothing declares": b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">' + svg("<text>&nbsp;</text>"),
    "a billion laughs": b'<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + svg("&b;"),
    "an entity from outside": b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("&x;"),
    "a use of a use": svg('<g id="a"><path d=""/></g><g id="b"><use href="#a"/><use href="#a"/></g><use href="#b"/>'),
    "a use of itself": svg('<g id="a"><use href="#a"/></g>'),
    "too many elements": svg("<g/>" * (MAX_ELEMENTS + 1)),
    "too deep": svg("<g>" * MAX_DEPTH + "</g>" * MAX_DEPTH),
    "too large": svg("", 'width="100000" height="10"'),
    "another root": b'<html xmlns="http://www.w3.org/1999/xhtml"/>',
    "no namespace": b"<svg/>",
    "not well-formed": b"<svg",
    "not XML": b"\xff\xfe\x00",
    "a prefixed script": b'<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:script>x</s:script></s:svg>',
}


def test_a_drawing_stays_the_same_drawing() -> None:
    assert _painted(cleaned(LOGO)) == _painted(LOGO)


def test_the_document_type_that_drawing_programs_write_is_left_away() -> None:
    named = b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'

    assert cleaned(named + LOGO) == cleaned(LOGO)


def test_what_was_cleaned_is_clean() -> None:
    once = cleaned(LOGO)

    assert cleaned(once) == once


@pytest.mark.parametrize("what", ATTACKS)
def test_an_svg_is_refused_for(what: str) -> None:
    with pytest.raises(Refused):
        cleaned(ATTACKS[what])


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ('width="100000000" height="10"', "width is 100000000"),
        ('width="10" height="1e8"', "height is 1e8"),
        (f'width="{"9" * 400}"', "width is 999"),
        ('width="5000mm"', "at most 16384"),
        ('height="200in"', "at most 16384"),
        ('width="0" height="10"', "more than 0"),
        ('height="-5"', "more than 0"),
        ('width="1_000"', "write it as"),
        ('viewBox="0 0 1 100000"', "viewBox"),
        ('viewBox="0,0,1e9,1"', "viewBox"),
        ('viewBox="0 0 -1 5"', "viewBox"),
    ],
)
def test_a_size_that_no_image_has_is_refused_at_once(attributes: str, what: str) -> None:
    with pytest.raises(Refused, match=what):
        cleaned(svg("<path/>", attributes))


@pytest.mark.parametrize(
    "attributes",
    [
        'width="210mm" height="297mm" viewBox="0 0 210 297"',
        'width="16384" height=" 1e3 px "',
        'width="100%" height="auto"',
        'width=".5em" height="1rem"',
        'viewBox="0 0 100000 100000"',
        'viewBox="-5 -5 1 16384"',
        'viewBox="none"',
    ],
)
def test_a_size_that_an_image_may_have_is_taken(attributes: str) -> None:
    assert attributes.encode() in cleaned(svg("<path/>", attributes))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_drawing_in_an_encoding_that_all_readers_of_xml_know_is_kept_in_utf_8(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    sent = f'{mark}<?xml version="1.0" encoding="{encoding[:6]}"?>{LOGO.decode()}'.encode(encoding)

    assert cleaned(sent) == cleaned(LOGO)


@pytest.mark.parametrize("data", ["é".encode("latin-1"), b"\xff\xfe" + "<svg/>".encode("utf-16-le") + b"x"])
def test_any_other_encoding_is_refused_with_the_one_that_would_do(data: bytes) -> None:
    with pytest.raises(Refused, match="save it as UTF-8"):
        cleaned(data)


@pytest.mark.parametrize(("inner", "named"), [('<filter id="f"/>', "<filter>"), ("<feFlood/>", "<feFlood>"), ("<textPath/>", "<textPath>")])
def test_an_element_that_is_not_taken_is_named_with_what_would_do(inner: str, named: str) -> None:
    with pytest.raises(Refused, match=f"{named}.*send a PNG"):
        cleaned(svg(inner))


def test_a_reference_within_the_drawing_may_have_space_around_it() -> None:
    assert b"url( #g )" in cleaned(svg('<path fill="url( #g )" d=""/>'))


def test_what_leads_outside_is_shown_however_long_the_style_is() -> None:
    with pytest.raises(Refused, match=r"url\(https://evil\.example"):
        cleaned(svg(f"<style>{'x' * 500}{{fill:url(https://evil.example)}}</style>"))


def test_the_data_of_a_path_may_be_long() -> None:
    drawing = svg(f'<path d="M0 0{"h5v5z" * 100_000}"/>')

    assert cleaned(drawing) == drawing.replace(b"/>", b"></path>")


@pytest.mark.parametrize("given", [svg(f'<path style="{"fill:red;" * 10_000}"/>'), svg(" " * MAX_BYTES)], ids=["style", "drawing"])
def test_what_takes_too_long_to_look_through_is_refused(given: bytes) -> None:
    with pytest.raises(Refused, match="simplify it"):
        cleaned(given)


WIDE, QUOTE = "\U0001f600", '"'
"""With one of the first Python keeps 4 bytes for each character of a text; the second has six characters when it is written out."""


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (f"<path id='{WIDE}&apos;{QUOTE * 3_900_000}'/>", "an attribute of the SVG has 3,900,002 characters"),
        ("<path " + " ".join(f"a{n}='{WIDE}&apos;{QUOTE * 970_000}'" for n in range(4)) + "/>", "written out"),
        (f"<text>{WIDE}{'>' * 3_900_000}</text>", "written out"),
    ],
    ids=["one value", "several values", "text"],
)
def test_what_would_take_much_memory_when_it_is_written_out_is_refused(inner: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        cleaned(svg(inner))


def test_comments_instructions_and_editors_notes_are_dropped() -> None:
    noted = svg(
        "<!-- secret --><?php x?><metadata><rdf xmlns='urn:x'>secret</rdf></metadata>"
        '<s:view xmlns:s="urn:editor" s:a="1"><script>secret</script></s:view><path d="M0 0"/>'
    )

    assert b"secret" not in cleaned(noted)
    assert b"php" not in cleaned(noted)
    assert b'd="M0 0"' in cleaned(noted)


def test_text_is_escaped_again() -> None:
    assert b"&lt;script&gt;" in cleaned(svg("<text>&lt;script&gt;</text>"))


def test_a_long_style_is_looked_at_as_a_whole() -> None:
    for length in range(8_150, 8_200):
        with pytest.raises(Refused):
            cleaned(svg(f"<style>{'x' * length}url(https://evil.example)</style>"))


@given(st.binary(max_size=200), st.integers(0, len(LOGO)))
def test_whatever_is_damaged_is_written_clean_or_refused(junk: bytes, at: int) -> None:
    try:
        written = cleaned(LOGO[:at] + junk + LOGO[at:])
    except Refused:
        return
    assert b"<script" not in written
    assert cleaned(written) == written


def _painted(data: bytes) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=data.decode(), width=64, skip_system_fonts=True))
