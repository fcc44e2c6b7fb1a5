"""The house's own templates, as package data: `house/<name>.subject`, `.txt` and `.html`. Pure, but for what lies in this package."""

from collections.abc import Mapping
from importlib.resources import files

_FOLDER = files("quietzone_notification.mail.templates") / "house"

NAMES = ("confirmation", "created", "event", "message", "milestone", "notice", "weekly-summary", "welcome")


def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


HOUSE: Mapping[str, tuple[str, str, str]] = {
    name: (_text(f"{name}.subject").strip(), _text(f"{name}.txt"), _text(f"{name}.html")) for name in NAMES
}
"""Subject, text and HTML by name."""

LAYOUT: Mapping[str, str] = {"text": _text("layout.txt"), "html": _text("layout.html")}
"""Around each: who it is from, and how to get no more of it."""
