"""A page for people as HTML: it loads nothing, runs nothing, and can be read aloud, by keyboard and without colours. Pure."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlencode

STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem}"
    "button{font:inherit;padding:.6rem 1rem;margin:.25rem 0;cursor:pointer}"
    "p{overflow-wrap:anywhere}"
)

POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of each page (https://www.w3.org/TR/CSP3/): its own style and nothing else; its form goes here alone; nobody puts a frame around it, in
which somebody would press a button that he doesn't see.
"""


@dataclass(frozen=True, slots=True)
class Button:
    """What can be said on a page. Its `name` and `value` are the body of the POST; without a name it has none."""

    label: str
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What is told, and what can be said to it: a button sends `query` to the page's own address by POST."""

    title: str
    paragraphs: Sequence[str]
    buttons: Sequence[Button] = ()
    query: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> bytes:
        """The whole document."""
        title = escape(self.title)
        told = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in self.paragraphs)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="color-scheme" content="light dark"><title>{title} - Quietzone</title><style>{STYLE}</style></head>'
            f"<body><main><h1>{title}</h1>{told}{self._form()}</main></body></html>\n"
        ).encode()

    def _form(self) -> str:
        if not self.buttons:
            return ""
        # a query alone is the address that the page was asked at, whatever stands before it
        action = escape(f"?{urlencode(self.query)}")
        return f'<form method="post" action="{action}">{"".join(map(_button, self.buttons))}</form>'


def _button(button: Button) -> str:
    said = f' name="{escape(button.name)}" value="{escape(button.value)}"' if button.name else ""
    return f'<p><button type="submit"{said}>{escape(button.label)}</button></p>'
