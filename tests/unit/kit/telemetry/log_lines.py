"""The contract of a log line, docs/log-line.schema.json, and as much of JSON Schema as it uses."""

import json
import re
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[4] / "docs" / "log-line.schema.json").read_text("utf-8"))
TYPES = {"string": str, "integer": int}
KEYWORDS = {"type", "pattern", "enum", "description"}


def problems(line: str) -> list[str]:
    """What a line breaks of its contract."""
    said = json.loads(line)
    if not isinstance(said, dict):
        return [f"not an object: {line}"]
    missing = [f"{name} is missing" for name in SCHEMA["required"] if name not in said]
    beside = [
        f"{one} without {name}" for one, names in SCHEMA["dependentRequired"].items() if one in said for name in names if name not in said
    ]
    wrong = [f"{name}: {value!r}" for name, value in said.items() if not _fits(SCHEMA["properties"].get(name, {}), value)]
    return [f"{problem} in {line}" for problem in (*missing, *beside, *wrong)]


def _fits(rule: dict[str, Any], value: object) -> bool:
    assert rule.keys() <= KEYWORDS, "teach this checker, or use what it knows"
    if "type" in rule and (not isinstance(value, TYPES[rule["type"]]) or isinstance(value, bool)):
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    return "pattern" not in rule or re.search(rule["pattern"], str(value)) is not None
