"""A report as a page of PDF, by Typst.

What people write goes to Typst as data, never as markup: a title can't run anything. The font is one that Typst brings, so that a report
looks the same wherever it is made.
"""

import typst

TEMPLATE = """
#let report = json("report.json")
#set document(title: "Scans of " + report.week, author: "Quietzone", date: none)
#set page(paper: "a4", margin: 25mm)
#set text(font: "Libertinus Serif", size: 11pt, hyphenate: false)
#let most = calc.max(1, ..report.days.map(day => day.scans))
#let bar(scans) = box(width: 60mm, height: 3mm, fill: rgb("#e5e7eb"),
  align(left, rect(width: 60mm * scans / most, height: 3mm, fill: rgb("#1f2937"))))
= #report.account
Scans from #report.week, UTC

#text(size: 28pt, weight: "bold")[#report.scans_shown]

#report.change

#v(6mm)
#table(columns: (auto, auto, 1fr), stroke: none, align: (left, right, left), inset: 4pt,
  ..report.days.map(day => (day.day, day.shown, bar(day.scans))).flatten())

#v(6mm)
#table(columns: (1fr, auto), stroke: (x: none, y: 0.3pt + rgb("#9ca3af")), align: (left, right), inset: 5pt,
  table.header([*Code*], [*Scans*]),
  ..report.codes.map(code => (block(width: 100%, clip: true, code.title), code.shown)).flatten())
#if report.more > 0 [And #report.more more.]
"""


def pdf_of(report: bytes) -> bytes:
    """A PDF of a report's data as JSON, in 0.1 s of CPU."""
    ours = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    files = {"main.typ": TEMPLATE.encode(), "report.json": report}
    found = typst.compile(files, format="pdf", font_paths=ours)  # type: ignore[call-overload] # its stubs lag behind
    made: bytes = found[0] if isinstance(found, list) else found
    return made
