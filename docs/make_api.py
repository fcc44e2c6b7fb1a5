"""Writes docs/api from what a running server says of itself at /openapi.json: the description, and a page to read for each kind of address.

    make docs-api

It starts a gateway of its own, with an empty store and without services. A test says when the pages aren't what the server says.
"""
# ruff: noqa: INP001 - a script beside the documents, not a package

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

import httpx
import yaml
from api_calls import CALLS, IMPORTS

API = Path(__file__).parent / "api"
SERVER = "http://localhost:8000"
WAIT_S = 30.0
DESCRIPTION = "openapi.yaml"
STREAM = "text/event-stream"

Node: TypeAlias = Mapping[str, Any]
"""A piece of the description."""

ABOUT = {
    "codes": "What is printed, and where it leads now.",
    "analytics": "Counts of scans, exact; visitors, estimated.",
    "exports": "Counts as files.",
    "tasks": "What is done in the background, by whichever part: how far it is, its end, and doing it again.",
    "assets": "Files: images of codes in all their variants, uploads and prints.",
    "events": "[Buses, and rules that send events on](../events.md); events of your own.",
    "topics": "Messages to all who have [subscribed](../events.md#topics).",
    "webhooks": "[Endpoints](../webhooks.md) that rules and topics send to.",
    "deliveries": "What was sent, what became of it, and [sending it again](../webhooks.md).",
    "push": "Devices that rules and topics [push to](../push.md).",
    "mail": "What an account's [mails](../mail.md) look like, and who gets none.",
    "keys": "What programs show: [who may do what](../identity.md#api-keys).",
    "sign-in": "Signing up, in and out: [who may do what](../identity.md#people).",
    "me": "The person who has signed in. For access tokens and cookies; an API key is nobody's.",
    "account": "The account, its authoriser, its audit log and what it has used of [its plan](../plans.md).",
    "members": "Who is in the account: [who may do what](../identity.md#members).",
    "operation": "For the operator of the installation: accounts, [plans, flags](../plans.md), dead letters and the comparison of counts.",
}
"""What each page is about, in the order of the index."""

HEAD = f"""# The REST API

Made by `make docs-api` from what a running server says of itself at `/openapi.json`: [{DESCRIPTION}]({DESCRIPTION}).

{{about}}

```sh
KEY=$(cat .cache/api-key)   # of `make run`; elsewhere a key of yours
curl {SERVER}/v1/codes -H "Authorization: Bearer $KEY"
```

```python
{IMPORTS}

client = Client("{SERVER}", key)  # AsyncClient has the same methods; clients/python says more
```

Beside it: [who may do what](../identity.md), [plans and limits](../plans.md), [live updates](../live.md) at `/v1/stream` and `/v1/ws`,
[GraphQL](../graphql.md) at `/graphql`, [requests in another form](../mapping.md)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address; `node` is what the description says of it."""

    method: str
    path: str
    node: Node

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.method} {self.path}"

    @property
    def family(self) -> str:
        """What its address begins with: they are shown together, the shortest first."""
        return "/".join(self.path.split("/")[:3])

    @property
    def summary(self) -> str:
        """The first sentence of what it does."""
        text = " ".join(self.node["description"].split())
        return re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].rstrip(".;:")


class Reference:
    """The pages of one description."""

    def __init__(self, described: Node) -> None:
        self._described = described
        self._schemas: Node = described["components"]["schemas"]
        self._problems: Node = described["components"]["responses"]
        operations = [
            Operation(method.upper(), path, node) for path, methods in described["paths"].items() for method, node in methods.items()
        ]
        families = list(dict.fromkeys(each.family for each in operations))
        self.operations = sorted(operations, key=lambda each: (families.index(each.family), each.path.count("/")))
        self._always = set.intersection(*(set(_kinds(each.node)) for each in self.operations))

    def pages(self) -> dict[str, str]:
        """All files by name."""
        if unknown := {tag for each in self.operations for tag in each.node["tags"]} ^ ABOUT.keys():
            raise SystemExit(f"docs/make_api.py: ABOUT has to say what these are about: {', '.join(sorted(unknown))}")
        described = yaml.safe_dump(self._described, allow_unicode=True, sort_keys=False, width=140)
        return {DESCRIPTION: described, "README.md": self._index()} | {f"{tag}.md": self._page(tag) for tag in ABOUT}

    def _index(self) -> str:
        lines = [HEAD.format(about=self._described["info"]["description"])]
        for tag, about in ABOUT.items():
            lines += ["", f"## [{tag.capitalize()}]({tag}.md)", "", about, "", *self._addresses(tag, f"{tag}.md")]
        always = ", ".join(f"`{name}`" for name in sorted(self._always))
        about = f"The `type` of a problem leads to a page that says what to do. Any request can end in {always}; pages name the others."
        lines += ["", "## Problems", "", about, "", "| kind | status | means |", "| --- | --- | --- |"]
        told = [(_status(problem), name, problem["description"]) for name, problem in self._problems.items()]
        lines += [f"| `{name}` | {status} | {text} |" for status, name, text in sorted(told)]
        return "\n".join(lines) + "\n"

    def _addresses(self, tag: str, page: str = "") -> list[str]:
        rows = [f"| [`{each.name}`]({page}#{_anchor(each.name)}) | {each.summary} |" for each in self._of(tag)]
        return ["| address | does |", "| --- | --- |", *rows]

    def _page(self, tag: str) -> str:
        lines = [f"# {tag.capitalize()}", "", f"{ABOUT[tag]} [All addresses](README.md)", "", *self._addresses(tag)]
        for each in self._of(tag):
            lines += ["", *self._section(each)]
        shapes = [each for name in self._shapes(tag) for each in ("", *self._shape(name))]
        return "\n".join([*lines, "", "## Shapes", "", "Fields in **bold** are always there.", *shapes]) + "\n"

    def _of(self, tag: str) -> list[Operation]:
        return [each for each in self.operations if tag in each.node["tags"]]

    def _section(self, each: Operation) -> Iterator[str]:
        yield from (f"## {each.name}", "", each.node["description"], "", _needs(each))
        if parameters := [*each.node.get("parameters", ())]:
            yield from ("", "| parameter | in | is |", "| --- | --- | --- |")
            for one in parameters:
                name = one["name"].title() if one["in"] == "header" else one["name"]
                shown = f"**`{name}`**" if one.get("required") else f"`{name}`"
                yield f"| {shown} | {one['in']} | {self._told(_given(one['schema']), one.get('description', ''))} |"
        if "requestBody" in each.node:
            yield from ("", self._body(each.node["requestBody"]))
        yield from ("", "```sh", self._curl(each), "```")
        if each.name in CALLS:
            yield from ("", "```python", CALLS[each.name], "```")
        yield from self._answers(each)

    def _body(self, body: Node) -> str:
        (media_type, content), *_ = body["content"].items()
        shape = self._type(content["schema"])
        return f"Body: {shape if '#' in shape else f'`{media_type}`'}. {body.get('description', '')}".rstrip()

    def _answers(self, each: Operation) -> Iterator[str]:
        for status, answer in each.node["responses"].items():
            if "$ref" in answer:  # a problem
                continue
            content = answer.get("content", {})
            said = "" if answer["description"] == "Successful Response" else f": {answer['description']}"
            shapes = " or ".join(self._type(one["schema"]) if kind == "application/json" else f"`{kind}`" for kind, one in content.items())
            yield from ("", f"**{status}**{said}" + (f": {shapes}" if shapes and shapes != "object" else ""))
            if (example := self._example(content.get("application/json", {}).get("schema", {}))) is not None:
                yield from ("", "```json", _shown(example), "```")
            for one in content.values():
                if "example" in one:
                    yield from ("", "```text", one["example"].strip(), "```")
        if others := sorted(f"{_status(self._problems[name])} `{name}`" for name in _kinds(each.node) if name not in self._always):
            yield from ("", f"Problems: {', '.join(others)}.")

    def _curl(self, each: Operation) -> str:
        parts = (
            ["curl"]
            + (["-N"] if _is_stream(each) else [])
            + ([] if each.method == "GET" else ["-X", each.method])
            + [shlex.quote(SERVER + self._path(each))]
        )
        if "security" in each.node:
            parts.append('-H "Authorization: Bearer $KEY"')
        for media_type, content in each.node.get("requestBody", {"content": {}})["content"].items():
            example = content.get("example") or json.dumps(self._example(content["schema"]), ensure_ascii=False)
            flag = "--data-binary" if "\n" in example else "-d"
            parts += [f"-H 'Content-Type: {media_type}'", f"{flag} {shlex.quote(example)}"]
        if self._file(each):
            parts.append("-o file")
        return _wrapped(parts)

    def _path(self, each: Operation) -> str:
        """With an example of each parameter that it needs."""
        needed = [one for one in each.node.get("parameters", ()) if one["in"] == "query" and one.get("required")]
        path = each.path
        for one in each.node.get("parameters", ()):
            path = path.replace(f"{{{one['name']}}}", _example_of(one))
        return path + ("?" + urlencode({one["name"]: _example_of(one) for one in needed}, safe="@") if needed else "")

    def _file(self, each: Operation) -> bool:
        kinds = [kind for status, answer in each.node["responses"].items() if status == "200" for kind in answer.get("content", ())]
        return any(not kind.startswith("application/json") and "ndjson" not in kind and kind != STREAM for kind in kinds)

    def _example(self, schema: Node) -> object:
        """The first example of a shape, or of the first of several; None without one."""
        for one in (schema, *schema.get("anyOf", ())):
            found = self._resolved(one)
            if "examples" in found:
                return self._whole(found, found["examples"][0])
        return None

    def _whole(self, schema: Node, example: object) -> object:
        """An example with its fields in order, and with those that are null, which descriptions leave out."""
        schema = self._resolved(schema)
        if isinstance(example, list) and "items" in schema:
            return [self._whole(schema["items"], each) for each in example]
        if not isinstance(example, dict) or "properties" not in schema:
            return example
        there = {name: one for name, one in schema["properties"].items() if name in example or name in schema.get("required", ())}
        return {name: self._whole(one, example.get(name)) for name, one in there.items()}

    def _resolved(self, schema: Node) -> Node:
        resolved: Node = self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return resolved

    def _shapes(self, tag: str) -> list[str]:
        """All objects that the bodies of a page's operations hold, in the order in which they are met."""
        met: dict[str, None] = {}
        waiting: list[str] = []
        for each in self._of(tag):
            waiting += _referred({name: each.node.get(name) for name in ("requestBody", "responses")})
        while waiting:
            name = waiting.pop(0)
            if name not in met and name != "Problem" and "properties" in self._schemas[name]:
                met[name] = None
                waiting += _referred(self._schemas[name])
        return list(met)

    def _shape(self, name: str) -> Iterator[str]:
        schema = self._schemas[name]
        yield from (f"### {name}", "", " ".join(schema.get("description", "").split()), "", "| field | is |", "| --- | --- |")
        for field, one in schema["properties"].items():
            shown = f"**`{field}`**" if field in schema.get("required", ()) else f"`{field}`"
            yield f"| {shown} | {self._told(one, one.get('description', ''))} |"

    def _told(self, schema: Node, description: str) -> str:
        """Type, bounds and meaning in one cell."""
        facts = [self._type(schema), *_bounds(schema)]
        if schema.get("default") not in (None, "", []):
            facts.append(f"default `{json.dumps(schema['default']).strip(chr(34))}`")
        return ". ".join(filter(None, (", ".join(facts), " ".join(description.split()).replace("|", "\\|"))))

    def _type(self, schema: Node) -> str:
        """A type in words."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            found = self._schemas[name]
            return _choices(found["enum"]) if "enum" in found else f"[{name}](#{name.lower()})"
        if schema.get("anyOf"):
            return " or ".join(self._type(one) for one in schema["anyOf"])
        if "enum" in schema or "const" in schema:
            return _choices(schema.get("enum", [schema.get("const")]))
        if schema.get("type") == "array":
            return f"list of {self._type(schema['items'])}"
        return str(schema.get("type", "anything"))


def _is_stream(each: Operation) -> bool:
    """Whether its answer has no end."""
    return STREAM in each.node["responses"].get("200", {}).get("content", {})


def _needs(each: Operation) -> str:
    if "security" not in each.node:
        return "For everybody; no key is needed."
    scopes = [f"`{scope}`" for scope in each.node.get("x-scope", "").split()]
    if scopes:
        return f"Needs the scope{'s' if len(scopes) > 1 else ''} {' and '.join(scopes)}."
    return "Needs somebody who has signed in; no scope."


def _kinds(node: Node) -> list[str]:
    """The problems that an operation can end in."""
    return [answer["$ref"].rpartition("/")[2] for answer in node["responses"].values() if "$ref" in answer]


def _status(problem: Node) -> int:
    return int(problem["content"]["application/problem+json"]["example"]["status"])


def _referred(node: object) -> list[str]:
    """The names of all shapes that a piece of the description refers to."""
    return re.findall(r'"#/components/schemas/(\w+)"', json.dumps(node))


def _example_of(parameter: Node) -> str:
    given = parameter.get("examples") or parameter["schema"].get("examples")
    return str(given[0]) if given else "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d"


def _given(schema: Node) -> Node:
    """A parameter's schema without null, which nobody can send."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return {**schema, **kinds[0], "anyOf": ()} if len(kinds) == 1 else schema


def _choices(values: Sequence[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _bounds(schema: Node) -> Iterator[str]:
    for one in (schema, *schema.get("anyOf", ())):
        for of, unit in (("imum", ""), ("Length", " characters"), ("Items", " items")):
            low, high = one.get(f"min{of}"), one.get(f"max{of}")
            if low is not None and high is not None:
                yield f"{int(low):,} to {int(high):,}{unit}"
            elif high is not None:
                yield f"at most {int(high):,}{unit}"
        if "pattern" in one:
            yield f"`{one['pattern']}`".replace("|", "\\|")


def _anchor(heading: str) -> str:
    """What GitHub calls a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _shown(example: object) -> str:
    """JSON in one line if that is short."""
    short = json.dumps(example, ensure_ascii=False)
    return short if len(short) <= 120 else json.dumps(example, ensure_ascii=False, indent=2)


def _wrapped(parts: Sequence[str]) -> str:
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > 120:
            lines.append("    ")
        lines[-1] += part if not lines[-1].strip() else f" {part}"
    return " \\\n".join(lines)


def served() -> Node:
    """What a gateway says of itself that is started for it."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        settings = {
            "GATEWAY_DOCUMENTS_URL": f"sqlite:///{folder}/gateway.db",
            "BUS_URL": f"sqlite:///{folder}/bus.db",
            "GATEWAY_HOST": "127.0.0.1",
            "LOG_LEVEL": "warning",
            "GATEWAY_PORT": str(port),
            "QR_ADDRESS": f"unix:{folder}/qr",
            "ANALYTICS_ADDRESS": f"unix:{folder}/analytics",
            **dict.fromkeys(("CALLER_KEY", "API_KEY"), "k" * 32),
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIETZONE_")}
        environment |= {f"QUIETZONE_{name}": value for name, value in settings.items()}
        server = subprocess.Popen([sys.executable, "-m", "quietzone_gateway", "serve"], env=environment, stdout=subprocess.DEVNULL)
        try:
            return _asked(f"http://127.0.0.1:{port}/openapi.json", server)
        finally:
            server.terminate()
            server.wait(WAIT_S)


def _asked(url: str, server: subprocess.Popen[bytes]) -> Node:
    deadline = time.monotonic() + WAIT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            described: Node = httpx.get(url).raise_for_status().json()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return described
    raise SystemExit(f"no gateway answered at {url} within {WAIT_S:.0f} s; what it says stands above")


if __name__ == "__main__":
    API.mkdir(exist_ok=True)
    made = Reference(served()).pages()
    for old in API.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (API / name).write_text(text, "utf-8")
