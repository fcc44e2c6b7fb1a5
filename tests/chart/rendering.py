"""Renders the chart as `helm template` does, and gives what came out as objects."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent.parent / "charts" / "quietzone"
RELEASE = "qz"
OPTIONS = ("--namespace", "quietzone", "--values", "-", "--kube-version", "1.32.0")  # built from source, Helm takes 1.20 for today's
WITHIN_S = 60.0
"""A fraction of a second, on a machine that does other things."""
LONGEST_NAME, LONGEST_CRON_JOB = 63, 52
"""Characters that Kubernetes takes: names become labels and hosts' names, and a CronJob's Jobs have 11 more than it."""

Manifest = dict[str, Any]
Values = Mapping[str, Any]

SERVERS = {
    "QUIETZONE_BUS_URL": "kafka://kafka:9092",
    "QUIETZONE_QR_DOCUMENTS_URL": "mongodb://mongodb/qr",
    "QUIETZONE_TRACKING_DOCUMENTS_URL": "mongodb://mongodb/tracking",
    "QUIETZONE_ANALYTICS_DOCUMENTS_URL": "mongodb://mongodb/analytics",
    "QUIETZONE_GATEWAY_DOCUMENTS_URL": "mongodb://mongodb/gateway",
    "QUIETZONE_STORAGE_DOCUMENTS_URL": "mongodb://mongodb/storage",
    "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": "mongodb://mongodb/notification",
    "QUIETZONE_STORAGE_BLOBS_URL": "s3://files",
    "QUIETZONE_STORAGE_URL_KEYS": "k" * 32,
    "QUIETZONE_CACHE_URL": "redis://redis",
    "QUIETZONE_ANALYTICS_BLOBS_URL": "s3://bucket",
}


class Refused(Exception):
    """Helm didn't take the values; the text is what a user sees."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one call of `helm template` made, in its order."""

    objects: tuple[Manifest, ...]

    def of(self, *kinds: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] in kinds]

    def named(self, kind: str, name: str) -> Manifest:
        (found,) = [one for one in self.of(kind) if one["metadata"]["name"] == f"{RELEASE}-{name}"]
        return found

    @property
    def workloads(self) -> list[Manifest]:
        return self.of("Deployment", "StatefulSet", "Rollout")

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """What each pod is made from: metadata and spec, with a name to tell it by."""
        for one in self.objects:
            name = f"{one['kind']} {one['metadata']['name']}"
            match one["kind"]:
                case "Deployment" | "StatefulSet" | "Rollout" | "Job":
                    yield name, one["spec"]["template"]
                case "CronJob":
                    yield name, one["spec"]["jobTemplate"]["spec"]["template"]
                case "Pod":
                    yield name, one


class Helm:
    """The program, and the chart: the one of this checkout, or a copy."""

    def __init__(self, program: Path, chart: Path = CHART) -> None:
        self._program = program
        self._chart = chart

    def on(self, chart: Path) -> "Helm":
        """The same with another chart."""
        return Helm(self._program, chart)

    def text(self, values: Values, release: str = RELEASE) -> str:
        """What `helm template` prints; raises Refused."""
        command = [str(self._program), "template", release, str(self._chart), *OPTIONS]
        done = subprocess.run(command, input=yaml.safe_dump(dict(values)), capture_output=True, text=True, timeout=WITHIN_S, check=False)
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def lint(self, values: Values) -> str:
        """What `helm lint` finds; raises Refused."""
        command = [str(self._program), "lint", str(self._chart), "--strict", *OPTIONS]
        done = subprocess.run(command, input=yaml.safe_dump(dict(values)), capture_output=True, text=True, timeout=WITHIN_S, check=False)
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout

    def render(self, values: Values) -> Rendered:
        """The same as objects; raises Refused."""
        return Rendered(tuple(one for one in yaml.load_all(self.text(values), Loader=yaml.CSafeLoader) if one))


def merged(*layers: Values) -> dict[str, Any]:
    """One set of values from several, as Helm merges files: later ones win, maps are merged."""
    result: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            there = result.get(name)
            result[name] = merged(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return result


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Manifest) -> dict[str, Any]:
    """Variables and what they are set to: a text, or a dict that says where it is from."""
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", [])}


def selects(selector: Mapping[str, str], pod: Manifest) -> bool:
    return selector.items() <= pod["metadata"]["labels"].items()
