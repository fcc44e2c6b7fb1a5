"""The cluster that a release is proven on: whatever KUBECONFIG names."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "quietzone"
COMMAND_WITHIN_S = 300.0


class Failed(Exception):
    """A command of the proof failed: what it said."""


def said(*command: str | Path, within_s: float = COMMAND_WITHIN_S, given: str | None = None) -> str:
    """What a command prints; raises Failed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, encoding="utf-8", timeout=within_s, input=given, check=False
    )
    if done.returncode:
        raise Failed(f"`{' '.join(str(word) for word in command[:6])}` ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of it, and the release `name` in it."""

    helm: Path
    namespace: str
    name: str
    environment: Mapping[str, str]

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """kubectl in the namespace."""
        return said("kubectl", "--namespace", self.namespace, *arguments, given=given)

    def found(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        """Objects by label."""
        chosen = ["--selector", selector] if selector else []
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kinds, *chosen, "--output", "json"))["items"]
        return items

    def install(self, values: Mapping[str, Any], *more: str) -> None:
        """helm install, or upgrade."""
        command = ("upgrade", "--install", self.name, CHART, "--namespace", self.namespace, "--create-namespace", "--values", "-", *more)
        said(self.helm, *command, given=json.dumps(values), within_s=900)

    def release(self, *arguments: str) -> str:
        """`quietzone release …` as its user calls it."""
        place = ("--release", self.name, "--namespace", self.namespace, "--chart", str(CHART))
        command = (sys.executable, "-m", "quietzone_cli", "release", *arguments, *place)
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=900, check=False, env=dict(self.environment))
        if done.returncode:
            raise Failed(f"quietzone release {' '.join(arguments)}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout


def until(holds: Callable[[], bool], what: str, *, within_s: float = 180.0) -> float:
    """Wait until something holds; returns the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise Failed(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.2)
    return time.monotonic() - began


def break_images(tag: str, sound: str, parts: Sequence[str]) -> list[str]:
    """Images of a release whose gateway can't start; the others are those of the tag `sound`."""
    broken = (
        f"FROM quietzone-gateway:{sound}\nUSER 0\nRUN echo 'raise SystemExit(\"this release is broken\")' > "
        "/quietzone/quietzone_gateway/__main__.py && find /quietzone/quietzone_gateway -name '__main__*.pyc' -delete\nUSER 10001:10001\n"
    )
    for part in parts:
        if part == "gateway":
            said("docker", "build", "--quiet", "--tag", f"quietzone-{part}:{tag}", "-", given=broken)
        else:
            said("docker", "tag", f"quietzone-{part}:{sound}", f"quietzone-{part}:{tag}")
    return [f"quietzone-{part}:{tag}" for part in parts]


def build_images(tag: str, parts: Sequence[str]) -> list[str]:
    """The images of all parts with a tag, by the Makefile; returns their names."""
    said("make", "--directory", ROOT, "images", f"TAG={tag}", within_s=1800)
    return [f"quietzone-{part}:{tag}" for part in parts]
