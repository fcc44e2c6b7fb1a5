"""The cluster that a release is proven on: whatever KUBECONFIG names."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "quietzone"
COMMAND_WITHIN_S = 300.0
INSTALL_WITHIN_S = 900.0


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

    def begin(self, key: str) -> None:
        """The namespace, with the first account's key in it, and what seals people's sessions and webhooks' secrets."""
        said("kubectl", "create", "namespace", self.namespace)
        self.kubectl(
            "create",
            "secret",
            "generic",
            "own-account",
            f"--from-literal=QUIETZONE_API_KEY={key}",
            f"--from-literal=QUIETZONE_GATEWAY_SECRET_KEY={key}",
            f"--from-literal=QUIETZONE_NOTIFICATION_SECRET_KEY={key}",
        )

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """kubectl in the namespace."""
        return said("kubectl", "--namespace", self.namespace, *arguments, given=given)

    def found(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        """Objects by label."""
        chosen = ["--selector", selector] if selector else []
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kinds, *chosen, "--output", "json"))["items"]
        return items

    def install(self, values: Mapping[str, Any], *, chart: Path = CHART) -> None:
        """helm install, or upgrade."""
        command = ("upgrade", "--install", self.name, chart, "--namespace", self.namespace, "--values", "-")
        said(self.helm, *command, given=json.dumps(values), within_s=INSTALL_WITHIN_S)

    def do(self, *command: str) -> str:
        """A helm command on the release."""
        return said(self.helm, *command, "--namespace", self.namespace, within_s=INSTALL_WITHIN_S)

    def running(self, selector: str = "") -> list[dict[str, Any]]:
        """Pods that run and are to go on doing so."""
        pods = self.found("pods", selector)
        return [pod for pod in pods if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]]

    def pods(self) -> str:
        """All pods, and the last words of those that aren't ready: for whoever looks at a failure."""
        lines = [self.kubectl("get", "pods", "--output", "wide")]
        for pod in self.found("pods"):
            if any(one["type"] == "Ready" and one["status"] != "True" for one in pod["status"].get("conditions", ())):
                name = pod["metadata"]["name"]
                try:
                    lines.append(f"{name}: {self.kubectl('logs', name, '--all-containers', '--tail=5')}")
                except Failed as failed:
                    lines.append(f"{name}: {failed}")
        return "\n".join(lines)

    def ready(self) -> bool:
        """Whether all pods that workloads want are ready in their newest form."""
        return all(
            item["status"].get("readyReplicas", 0) >= item["spec"]["replicas"]
            and item["status"].get("updatedReplicas", 0) >= item["spec"]["replicas"]
            and item["status"].get("observedGeneration", 0) >= item["metadata"]["generation"]
            for item in self.found("deployments,statefulsets")
        )

    def release(self, *arguments: str) -> list[tuple[float, str]]:
        """`quietzone release …` as its user calls it: its lines, each with the time.monotonic() at which it came; raises Failed."""
        place = ("--release", self.name, "--namespace", self.namespace, "--chart", str(CHART))
        command = (sys.executable, "-m", "quietzone_cli", "release", *arguments, *place)
        environment = {**self.environment, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", env=environment
        ) as process:  # each of its calls has a bound of its own
            assert process.stdout is not None
            lines = [(time.monotonic(), line.rstrip()) for line in process.stdout]
        if process.returncode:
            raise Failed(f"quietzone release {' '.join(arguments)}: {' '.join(line for _, line in lines)[-3000:]}")
        return lines


def until(holds: Callable[[], bool], what: str, *, within_s: float = 180.0) -> float:
    """Wait until something holds; returns the seconds that it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise Failed(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.2)
    return time.monotonic() - began
