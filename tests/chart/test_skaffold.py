"""skaffold.yaml by Skaffold itself: what it would deploy, and an image that it builds.

Skaffold, and what it calls, come from packages as the servers do: minutes once, then out of .cache/servers.
"""

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from servers.packages import Packages

pytestmark = pytest.mark.timeout(2400)  # the first time, Skaffold is built

ROOT = Path(__file__).parent.parent.parent
MODULE, VERSION = "github.com/GoogleContainerTools/skaffold/v2", "v2.16.1"
HELM, HELM_VERSION = "helm.sh/helm/v3/cmd/helm", "v3.18.6"
KUSTOMIZE, KUSTOMIZE_VERSION = "sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1"
RENDERED_WITHIN_S = 120.0
BUILT_WITHIN_S = 900.0
"""An image whose packages are not in the engine's cache takes a minute or two."""
ENGINE_WITHIN_S = 30.0
QUIET = "global: {collect-metrics: false, survey: {disable-prompt: true}}\n"

PROFILES = ("kind", "minikube", "ci")
SERVERS, HOUSE = yaml.safe_load_all((ROOT / "skaffold.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CHART = yaml.safe_load((ROOT / "charts" / "quietzone" / "Chart.yaml").read_text())
ARTIFACTS = {one["image"]: one for one in HOUSE["build"]["artifacts"]}
SYNCED = {name: one["sync"]["manual"] for name, one in ARTIFACTS.items() if "sync" in one}
PACKAGES = {f"/quietzone/{Path(one).name}" for one in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
BASE_IMAGE = "python:3.11-slim"

Manifest = dict[str, Any]


class SkaffoldFailed(Exception):
    """It refused; the text is what a user sees."""


@dataclass(frozen=True, slots=True)
class Skaffold:
    """The program on this checkout; `home` is a folder of its own, in which it finds no cluster."""

    program: Path
    path: str
    home: Path

    @classmethod
    def get(cls, packages: Packages, home: Path) -> "Skaffold":
        """With Helm and Kustomize on its PATH; what isn't in .cache/servers is built, which takes minutes once."""
        program = packages.go_module_program(MODULE, VERSION, "cmd/skaffold")
        tools = (packages.go_program(HELM, HELM_VERSION, "helm"), packages.go_program(KUSTOMIZE, KUSTOMIZE_VERSION, "kustomize"))
        (home / ".skaffold").mkdir()
        (home / ".skaffold" / "config").write_text(QUIET)
        return cls(program, os.pathsep.join([*(str(tool.parent) for tool in tools), os.environ["PATH"]]), home)

    def render(self, *options: str) -> list[Manifest]:
        """What it would deploy, with the tags that images would have; raises SkaffoldFailed."""
        output = self.home / "rendered.yaml"
        self._run("render", "--offline=true", "--digest-source=tag", f"--output={output}", *options, within_s=RENDERED_WITHIN_S)
        return [one for one in yaml.load_all(output.read_text(), Loader=yaml.CSafeLoader) if one]

    def build(self, *options: str) -> Mapping[str, str]:
        """The tag of each image that was built or found in the engine's cache; raises SkaffoldFailed."""
        output = self.home / "built.json"
        self._run("build", f"--file-output={output}", *options, within_s=BUILT_WITHIN_S)
        return {one["imageName"]: one["tag"] for one in json.loads(output.read_text())["builds"]}

    def _run(self, command: str, *options: str, within_s: float) -> None:
        done = subprocess.run(
            (str(self.program), command, "--interactive=false", "--update-check=false", *options),
            cwd=ROOT,
            env={**os.environ, "PATH": self.path, "HOME": str(self.home), "KUBECONFIG": str(self.home / "kubeconfig")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
        if done.returncode:
            raise SkaffoldFailed(f"skaffold {command} {' '.join(options)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


@pytest.fixture(scope="module")
def skaffold(tmp_path_factory: pytest.TempPathFactory) -> Skaffold:
    return Skaffold.get(Packages(), tmp_path_factory.mktemp("skaffold"))


@pytest.fixture(scope="module")
def rendered(skaffold: Skaffold) -> list[Manifest]:
    return skaffold.render()


def images(manifests: list[Manifest]) -> set[str]:
    """Of all containers of all pods that manifests come to."""
    pods = [one["spec"] if one["kind"] == "Pod" else one.get("spec", {}).get("template", {}).get("spec", {}) for one in manifests]
    return {container["image"] for pod in pods for kind in ("initContainers", "containers") for container in pod.get(kind, ())}


def test_all_our_images_are_those_that_were_built(rendered: list[Manifest]) -> None:
    ours = {image for image in images(rendered) if "quietzone-" in image}

    assert {image.partition(":")[0] for image in ours} == ARTIFACTS.keys()


def test_each_image_has_the_one_tag_that_skaffold_gave_it(rendered: list[Manifest]) -> None:
    tags = {image.partition(":")[2] for image in images(rendered) if "quietzone-" in image}

    assert all(tag and tag != CHART["appVersion"] for tag in tags)  # without an engine it gives all the tag `latest`


def test_the_servers_of_development_come_with_it(rendered: list[Manifest]) -> None:
    services = {one["metadata"]["name"] for one in rendered if one["kind"] == "Service"}

    assert {"kafka", "mongodb", "redis", "s3"} <= services


def test_servers_come_before_those_that_wait_for_them() -> None:
    assert HOUSE["requires"] == [{"configs": [SERVERS["metadata"]["name"]]}]


def test_forwarded_ports_are_those_of_services(rendered: list[Manifest]) -> None:
    ports = {(one["metadata"]["name"], port["port"]) for one in rendered if one["kind"] == "Service" for port in one["spec"]["ports"]}

    assert {(one["resourceName"], one["port"]) for one in HOUSE["portForward"]} <= ports


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_deploys_the_same(skaffold: Skaffold, rendered: list[Manifest], profile: str) -> None:
    kinds = sorted(one["kind"] for one in rendered)

    assert sorted(one["kind"] for one in skaffold.render(f"--profile={profile}")) == kinds


def test_profile_kind_asks_for_the_cluster_of_kind_yaml() -> None:
    cluster = yaml.safe_load((ROOT / "k8s" / "kind.yaml").read_text())["name"]
    contexts = {one["deploy"]["kubeContext"] for config in (SERVERS, HOUSE) for one in config["profiles"] if one["name"] == "kind"}

    assert contexts == {f"kind-{cluster}"}


def test_profile_ci_gives_each_build_this_machines_network() -> None:
    (ci,) = [one for one in HOUSE["profiles"] if one["name"] == "ci"]
    *patches, added = ci["patches"]

    assert {one["path"]: one["value"] for one in patches} == {
        f"/build/artifacts/{at}/docker/network": "host" for at in range(len(ARTIFACTS))
    }
    assert added["value"] == {"image": "quietzone-cli", "docker": {"buildArgs": {"PART": "cli"}, "network": "host"}}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=f"{name}: {rule['src']}") for name, rules in SYNCED.items() for rule in rules])
def test_copied_files_are_packages_where_the_image_has_them(rule: dict[str, str]) -> None:
    files = [path.relative_to(ROOT / rule["strip"]) for path in ROOT.glob(rule["src"])]

    assert f"{rule['dest']}/{files[0].parts[0]}" in PACKAGES


def test_containers_that_files_are_copied_into_can_be_written(rendered: list[Manifest]) -> None:
    pods = [one["spec"]["template"]["spec"] for one in rendered if one["kind"] in {"Deployment", "StatefulSet"}]
    copied_into = [each for pod in pods for each in pod["containers"] if each["image"].partition(":")[0] in SYNCED]
    mounts = {each["name"]: {mount["mountPath"] for mount in each["volumeMounts"]} for each in copied_into}

    assert [name for name, paths in mounts.items() if "/quietzone" not in paths] == []  # the root is read-only


def test_an_image_is_built_by_the_classic_builder(skaffold: Skaffold) -> None:
    if refusal := engine_refuses():
        pytest.skip(f"no image is built: {refusal}")

    built = skaffold.build("--profile=ci", "--build-image=quietzone-gateway")

    assert list(built) == ["quietzone-gateway"]


def engine_refuses() -> str | None:
    """Why no image of ours can be built here; None when it can."""
    docker = shutil.which("docker")
    if docker is None:
        return "there is no docker on PATH"
    asked = (docker, "image", "inspect", BASE_IMAGE)
    found = subprocess.run(asked, capture_output=True, text=True, timeout=ENGINE_WITHIN_S, check=False)
    return f"docker image inspect {BASE_IMAGE}: {found.stderr.strip()}" if found.returncode else None
