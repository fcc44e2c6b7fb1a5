"""From the first chart to this one and back by helm alone, and what an uninstallation leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from house import KEY
from release.cluster import Failed, said, until
from release.life import begin_traffic, settle
from release.proof import BLUE, GREEN, HOST, Proof, redirected
from servers.process import free_port

FIRST_CHART = Path(__file__).parent / "quietzone-0.1.0.tgz"
"""`helm package` of the first one, as it was released."""

UNREACHABLE_S = 40
"""How long the Job tries that prepares the stores."""

LEFT = (
    "secrets,persistentvolumeclaims,configmaps,services,serviceaccounts,deployments,statefulsets,cronjobs,jobs,pods,networkpolicies,"
    "poddisruptionbudgets,roles,rolebindings"
)
OTHERS = {"kube-root-ca.crt", "default", "own-account", "kubernetes"}
"""What Kubernetes and this proof put into the namespace."""


def upgrade(proof: Proof) -> None:
    """Install the first chart, upgrade to this one with a newer release and take it back under traffic, uninstall."""
    said("kubectl", "create", "namespace", proof.cluster.namespace)
    _unreachable(proof)
    with proof.timed("the first chart, without the Secret that it is told of"):
        proof.cluster.install(_for_first_chart(proof), chart=FIRST_CHART)
        _says_what_lacks(proof)
        proof.cluster.kubectl("create", "secret", "generic", "own-account", f"--from-literal=QUIETZONE_API_KEY={KEY}")
        until(proof.cluster.ready, "all is ready once the Secret is there")
    proof.first_code()
    traffic = begin_traffic(proof)
    with traffic.flowing():
        _moves(proof, f"helm upgrade to this chart and {GREEN}", GREEN, lambda: proof.cluster.install(proof.values(GREEN)))
        _moves(proof, f"helm rollback to the first chart and {BLUE}", BLUE, lambda: proof.cluster.do("rollback", proof.cluster.name, "1"))
    settle(proof, traffic)
    _uninstall(proof, traffic.codes[0])


def _for_first_chart(proof: Proof) -> dict[str, Any]:
    """Its values: it knows no storage; the images are of today, whose gateway needs servers that the first one's did without."""
    values = proof.values(BLUE)
    del values["hosts"]["files"], values["parts"]["storage"]
    gateway = values["parts"]["gateway"]["roles"]["serve"]
    gateway["servers"] = ["bus", "documents", "cache"]
    gateway["secrets"] = ["QUIETZONE_BUS_URL", "QUIETZONE_GATEWAY_DOCUMENTS_URL", "QUIETZONE_CACHE_URL"]
    return values


def _unreachable(proof: Proof) -> None:
    """A server that isn't there: the installation fails, and the log says which."""
    values = proof.values(BLUE)
    nowhere = f"{HOST}:{free_port()}"
    values["servers"]["urls"]["QUIETZONE_QR_DOCUMENTS_URL"] = f"mongodb://{nowhere}/qr"
    values["networkPolicies"]["servers"]["documents"]["ports"].append(int(nowhere.rpartition(":")[2]))
    values["prepare"] = {"deadlineSeconds": UNREACHABLE_S}
    with proof.timed("installing where a server doesn't answer"):
        try:
            proof.cluster.install(values)
        except Failed:
            logs = proof.cluster.kubectl("logs", "job/quietzone-prepare", "--all-containers", "--ignore-errors")
        else:
            logs = ""
    proof.expect(f"it fails, and the Job's log names {nowhere}", holds=nowhere in logs)
    proof.cluster.do("uninstall", proof.cluster.name)
    proof.cluster.kubectl("delete", "job,secret", "--all")


def _moves(proof: Proof, what: str, tag: str, move: Callable[[], object]) -> None:
    """Every pod is replaced by one of this release."""
    before = {pod["metadata"]["uid"] for pod in proof.cluster.running()}
    with proof.timed(what):
        move()
        until(proof.cluster.ready, f"all is ready after {what}")
        until(lambda: before.isdisjoint(pod["metadata"]["uid"] for pod in proof.cluster.running()), "all pods are others")
    images = {one["image"].rpartition(":")[2] for pod in proof.cluster.running() for one in pod["spec"]["containers"]}
    proof.expect(f"all pods are of {', '.join(sorted(images))}", holds=images == {tag} and proof.answering() == tag)


def _says_what_lacks(proof: Proof) -> None:
    """`quietzone release status` names the Secret, once Kubernetes has looked for it."""

    def named() -> bool:
        try:
            proof.cluster.release("status")
        except Failed as failed:
            return 'secret "own-account" not found' in str(failed)
        return False

    until(named, "`quietzone release status` names the Secret that isn't there")
    proof.note("`quietzone release status` names the Secret that isn't there")


def _uninstall(proof: Proof, code: dict[str, str]) -> None:
    counted = proof.ask("GET", f"/v1/codes/{code['id']}/analytics")["total_scans"]
    proof.cluster.do("uninstall", proof.cluster.name)
    until(lambda: not proof.cluster.found("pods"), "all pods are gone")
    left = [one for one in proof.cluster.found(LEFT) if one["metadata"]["name"] not in OTHERS]
    kept = [one for one in left if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"]
    spools = [one for one in left if one["kind"] == "PersistentVolumeClaim"]
    others = sorted(f"{one['kind']}/{one['metadata']['name']}" for one in left if one not in kept and one not in spools)
    rest = f"{len(kept)} Secrets to keep and {len(spools)} spools"
    proof.expect(f"uninstalled: {rest} are left, and {', '.join(others) or 'nothing else'}", holds=not others)
    with proof.timed("installed again on what was left"):
        proof.cluster.install(proof.values(BLUE))
        until(proof.cluster.ready, "all is ready again")
        until(lambda: redirected(code["slug"]) is not None, "a code of before redirects")
    found = proof.ask("GET", f"/v1/codes/{code['id']}/analytics")["total_scans"]
    proof.expect(f"its {counted} scans are still counted: {found}", holds=found == counted)
