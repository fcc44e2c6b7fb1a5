"""Definitions of the custom resources that the chart may make, each from the Go module of its project, kept under .cache/servers."""

import shutil
from pathlib import Path

from servers.packages import Packages

MODULES = {
    "sigs.k8s.io/gateway-api@v1.4.0": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "github.com/cert-manager/cert-manager@v1.19.1": (
        "deploy/crds/cert-manager.io_certificates.yaml",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.16.1": ("config/crd/bases/keda.sh_scaledobjects.yaml",),
    "github.com/external-secrets/external-secrets@v1.3.2": ("config/crds/bases/external-secrets.io_externalsecrets.yaml",),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "github.com/argoproj/argo-rollouts@v1.8.3": ("manifests/crds/rollout-crd.yaml",),
}


class Definitions(Packages):
    """Gets them, each once."""

    def all(self) -> list[Path]:
        """A file for each; raises Unpackaged."""
        return sorted(path for module, files in MODULES.items() for path in self._of(module, files).glob("*.yaml"))

    def _of(self, module: str, files: tuple[str, ...]) -> Path:
        name, _, version = module.partition("@")

        def fetch(folder: Path) -> None:
            environment = {"GOPATH": str(folder / "path"), "GOFLAGS": "-modcacherw"}
            self._run((self._go(), "mod", "download", module), f"fetching definitions of {module}", environment)
            for file in files:
                shutil.copy(folder / "path" / "pkg" / "mod" / module / file, folder)
            shutil.rmtree(folder / "path")

        return self._once(f"definitions-{name.replace('/', '-')}-{version}", fetch)
