"""Bodies and headers of requests and answers in another form, by a file: for callers that can't change what they send or read.

The file is a list of rules in JSON, each for one address as the API's description names it:

    [{"method": "POST", "path": "/v1/codes",
      "request": {"body": {"destination": "$body.data.url", "title": "$body.data.name"}},
      "response": {"body": {"data": "$body", "requestId": "$context.requestId"}, "headers": {"X-Left": "$context.quota.left"}}}]

A text that begins with `$` is a reference, replaced by what it leads to (null where there is nothing); `$$` begins a text with a plain
`$`. There are `$body`, `$body.field.0.field`, and `$context.` with requestId, requestTime (RFC 3339), sourceIp, userAgent,
authorizer.userId and quota.left. Problems are never mapped: a caller must be able to tell them.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, field_validator

MAX_RULES = 1_000
MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 20
"""Of a template: deeper than any body of the API."""

CONTEXT = ("requestId", "requestTime", "sourceIp", "userAgent", "authorizer.userId", "quota.left")

Context: TypeAlias = Mapping[str, JsonValue]
"""What `$context.` leads to, by the names in CONTEXT."""


class InvalidMapping(ValueError):
    """The file holds no rules that can be used: says which and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Template(_Strict):
    """What a body becomes; absent: it stays. `headers` are added, of an answer only."""

    body: JsonValue = Field(default="$body")
    headers: dict[str, str] = Field(default={})

    @field_validator("body")
    @classmethod
    def _leads_somewhere(cls, value: JsonValue) -> JsonValue:
        for reference in _references(value, MAX_DEPTH):
            _check(reference)
        return value

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not name.isascii() or not name.replace("-", "").isalnum():
                raise ValueError(f"{name!r} is no name of a header")
            if text.startswith("$") and not text.startswith("$$"):
                _check(text)
        return value


class Rule(_Strict):
    """What is mapped at one address."""

    method: str
    path: str
    request: Template | None = None
    response: Template | None = None


_RULES = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class Mappings:
    """Rules by method and path."""

    rules: Mapping[tuple[str, str], Rule]

    def of(self, method: str, path: str) -> Rule | None:
        """The rule for an address, `path` as the API's description has it."""
        return self.rules.get((method, path))


NO_MAPPINGS = Mappings({})


def read_mappings(path: Path, addresses: Iterable[tuple[str, str]]) -> Mappings:
    """The rules of a file, for addresses (method, path) that there are.

    Raises:
        InvalidMapping: it can't be read, or a rule can't be used.
    """
    try:
        content = path.read_bytes()[: MAX_FILE_BYTES + 1]
        rules = _RULES.validate_json(content)
    except OSError as error:
        raise InvalidMapping(f"{path} can't be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidMapping(f"{path}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error
    return _checked(path, rules, set(addresses))


def _checked(path: Path, rules: Sequence[Rule], addresses: set[tuple[str, str]]) -> Mappings:
    if len(rules) > MAX_RULES:
        raise InvalidMapping(f"{path}: {len(rules):,} rules; use at most {MAX_RULES:,}")
    found: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        address = (rule.method, rule.path)
        if address not in addresses:
            raise InvalidMapping(f"{path}: there is no {rule.method} {rule.path}; write addresses as /openapi.json does")
        if address in found:
            raise InvalidMapping(f"{path}: two rules for {rule.method} {rule.path}; put them into one")
        found[address] = rule
    return Mappings(found)


def mapped(template: JsonValue, body: JsonValue, context: Context) -> JsonValue:
    """The template with what its references lead to."""
    match template:
        case str() if template.startswith("$$"):
            return template[1:]
        case str() if template.startswith("$"):
            return _found(template, body, context)
        case list():
            return [mapped(each, body, context) for each in template]
        case dict():
            return {name: mapped(each, body, context) for name, each in template.items()}
        case _:
            return template


def mapped_headers(template: Template, body: JsonValue, context: Context) -> dict[str, str]:
    """The headers that an answer gets, without those whose reference leads nowhere."""
    found = {name: mapped(text, body, context) for name, text in template.headers.items()}
    return {name: _as_header(value) for name, value in found.items() if value is not None}


def _as_header(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return "".join(character for character in text if " " <= character <= "~")


def _found(reference: str, body: JsonValue, context: Context) -> JsonValue:
    root, _, place = reference[1:].partition(".")
    if root == "context":
        return context.get(place)
    found = body
    for step in place.split(".") if place else ():
        match found:
            case dict():
                found = found.get(step)
            case list() if step.isdigit():
                at = int(step)
                found = found[at] if at < len(found) else None
            case _:
                return None
    return found


def _references(template: JsonValue, depth: int) -> Iterable[str]:
    if depth == 0:
        raise ValueError(f"deeper than {MAX_DEPTH}")
    match template:
        case str() if template.startswith("$") and not template.startswith("$$"):
            yield template
        case list():
            for each in template:
                yield from _references(each, depth - 1)
        case dict():
            for each in template.values():
                yield from _references(each, depth - 1)
        case float() if not math.isfinite(template):
            raise ValueError("a number that JSON hasn't")


def _check(reference: str) -> None:
    root, _, place = reference[1:].partition(".")
    if root == "body" or (root == "context" and place in CONTEXT):
        return
    raise ValueError(f"{reference} leads nowhere; there are $body and $context. with {', '.join(CONTEXT)}; $$ is a plain $")
