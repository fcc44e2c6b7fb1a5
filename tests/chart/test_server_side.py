"""What a real Kubernetes says of the manifests.

There are no controllers for custom resources: these are checked against their definitions.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chart.combinations import COMBINATIONS
from chart.definitions import Definitions
from chart.rendering import CHART, Helm, Manifest

ROOT = CHART.parent.parent
CLUSTER = ROOT.parent / "shared" / "cluster" / "up"
NAMESPACE = "quietzone-dry-run"
KUBECTL = shutil.which("kubectl") or "/usr/bin/kubectl"  # comes with the cluster
WITHIN_S = 100.0
CHOSEN = (
    "blue alone, a Secret, plain",
    "green is staged, urls, safest",
    "green answers, a store of secrets, largest",
    "canary by weights, urls, safest",
    "canary by Argo, urls, largest",
    "rolling, a store of secrets, smallest",
)


class Kubectl:
    """The program, and a namespace that says it when a pod breaks the restricted standard."""

    def __init__(self, config: str) -> None:
        self._environment = {**os.environ, "KUBECONFIG": config}

    def run(self, *arguments: str, given: str = "") -> str:
        """What it prints, warnings included; raises CalledProcessError."""
        done = subprocess.run(
            [KUBECTL, *arguments],
            input=given,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def complaints(self, manifests: str) -> list[str]:
        """What the server says of manifests besides that it would take them."""
        said = self.run("apply", "--dry-run=server", "--namespace", NAMESPACE, "--filename", "-", given=manifests)
        return [line for line in said.splitlines() if not re.search(r" (created|configured|unchanged) \(server dry run\)$", line)]


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    kubectl = Kubectl(_config())
    there = kubectl.run("get", "customresourcedefinitions", "--output", "name")
    missing = [file for file in Definitions().all() if f"/{_definition(file)['metadata']['name']}" not in there]
    for file in missing:
        kubectl.run("create", "--filename", str(file))
    if missing:
        kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *(f"--filename={file}" for file in missing))
    kubectl.run("create", "namespace", NAMESPACE)
    kubectl.run("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/warn=restricted")
    yield kubectl
    kubectl.run("delete", "namespace", NAMESPACE, "--wait=false")
    for file in missing:
        kubectl.run("delete", "--filename", str(file), "--wait=false")


def _definition(file: Path) -> Manifest:
    definition: Manifest = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)  # in C: some have a megabyte
    return definition


def _config() -> str:
    """Where a cluster is: as KUBECONFIG says, else the one that this machine can have."""
    if config := os.environ.get("KUBECONFIG"):
        return config
    if not CLUSTER.exists():
        pytest.skip("needs a Kubernetes: set KUBECONFIG")
    said = subprocess.run([CLUSTER], capture_output=True, text=True, timeout=WITHIN_S, check=True).stdout
    return said.strip().rpartition("KUBECONFIG=")[2]


@pytest.mark.parametrize("combination", CHOSEN)
def test_kubernetes_takes_what_is_rendered(helm: Helm, kubectl: Kubectl, combination: str) -> None:
    assert kubectl.complaints(helm.text(COMBINATIONS[combination])) == []


@pytest.mark.parametrize("values", ["values-dev.yaml"])
def test_kubernetes_takes_what_is_for_development(helm: Helm, kubectl: Kubectl, values: str) -> None:
    assert kubectl.complaints(helm.text(yaml.safe_load((CHART / values).read_text()))) == []


def test_kubernetes_takes_the_servers_for_development(kubectl: Kubectl) -> None:
    assert kubectl.complaints(kubectl.run("kustomize", str(ROOT / "k8s"))) == []


def test_the_definitions_are_those_of_every_custom_resource_that_the_chart_can_make() -> None:
    known = {_definition(file)["spec"]["names"]["kind"] for file in Definitions().all()}
    templates = "".join(path.read_text() for path in Path(CHART / "templates").glob("*.yaml"))
    groups = re.findall(r"^apiVersion: (\S+\.(?:io|sh|com)/\S+)\nkind: (\w+)$", templates, re.MULTILINE)

    assert {kind for group, kind in groups if "k8s.io" not in group or group.startswith("gateway")} - {"Rollout"} <= known
