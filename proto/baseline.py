"""Takes the contracts as they are now into the baseline that all later ones must be compatible with.

    python proto/baseline.py

The baseline (baseline.json: descriptors without comments; baseline_topics.json: partitions and event types) only ever grows: a change
that breaks it is refused here, and by the tests. Since nothing in it can be removed or altered, being compatible with it is being
compatible with every earlier state: old code reads new messages and new code reads old ones (FULL_TRANSITIVE).
"""
# ruff: noqa: INP001 - a script beside the contracts, not a package

import json
import subprocess
import sys
from pathlib import Path

import generate_topics

PROTO = Path(__file__).parent
BASELINE = PROTO / "baseline.json"
TOPICS_BASELINE = PROTO / "baseline_topics.json"
BUF = Path(sys.executable).parent / "buf"


class Breaks(ValueError):
    """The contracts aren't compatible with the baseline: says each place and what to do."""


def check(protos: Path, topics: Path) -> None:
    """Compare the .proto files below `protos` and the topic files in `topics` with the baseline; raises Breaks."""
    problems = _broken_protos(protos) + _broken_topics(topics)
    if problems:
        raise Breaks(
            "\n".join([*problems, "Add new fields, types or topics beside the old ones; what was published stays readable for ever."])
        )


def descriptors(protos: Path) -> str:
    """The descriptors of the .proto files below `protos`, without comments, as JSON for people to compare."""
    return (
        json.dumps(json.loads(_buf("build", str(protos), "-o", "-#format=json", "--exclude-source-info")), indent=1, sort_keys=True) + "\n"
    )


def declarations(topics: Path) -> str:
    """What of the topic files can't change, as JSON."""
    declared = {
        topic.name: {"partitions": topic.partitions, "events": {event.type: event.message for event in topic.events}}
        for topic in generate_topics.load(topics)
    }
    return json.dumps(declared, indent=1, sort_keys=True) + "\n"


def _broken_protos(protos: Path) -> list[str]:
    if not BASELINE.exists():
        return []
    try:
        _buf("breaking", str(protos), "--against", str(BASELINE))
    except subprocess.CalledProcessError as error:
        return f"{error.stdout}{error.stderr}".strip().splitlines()
    return []


def _broken_topics(topics: Path) -> list[str]:
    if not TOPICS_BASELINE.exists():
        return []
    now = json.loads(declarations(topics))
    problems = []
    for name, before in json.loads(TOPICS_BASELINE.read_text()).items():
        after = now.get(name)
        if after is None:
            problems.append(f"topic {name} is no longer declared; consumers may still read it")
            continue
        if after["partitions"] != before["partitions"]:
            problems.append(
                f"topic {name} had {before['partitions']} partitions, now {after['partitions']}: keys would move, and lose their order"
            )
        problems += [
            f"topic {name}: event type {kind} held a {message}, now {after['events'].get(kind, 'nothing')}"
            for kind, message in before["events"].items()
            if after["events"].get(kind) != message
        ]
    return problems


def _buf(*arguments: str) -> str:
    return subprocess.run([BUF, *arguments], check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603 - our own tool


if __name__ == "__main__":
    try:
        check(PROTO, PROTO / "topics")
    except Breaks as problem:
        sys.exit(str(problem))
    BASELINE.write_text(descriptors(PROTO), encoding="utf-8")
    TOPICS_BASELINE.write_text(declarations(PROTO / "topics"), encoding="utf-8")
