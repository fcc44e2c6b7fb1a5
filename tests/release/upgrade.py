"""From the first chart to this one and back by helm alone, and what an uninstallation leaves."""

import json
from pathlib import Path

from house import KEY
from release.cluster import Failed, said, until
from release.life import begin_traffic, settle
from release.proof import BLUE, Proof, redirected

FIRST_CHART = Path(__file__).parent / "quietzone-0.1.0.tgz"
"""`helm package` of the first one, as it was released."""

LEFT = "secrets,persistentvolumeclaims,configmaps,services,deployments,statefulsets,cronjobs,jobs,pods,networkpolicies,poddisruptionbudgets"


def upgrade(proof: Proof) -> None:
    """Install the first chart, upgrade and take it back under traffic, uninstall."""
    said("kubectl", "create", "namespace", proof.cluster.namespace)
    with proof.timed("the first chart, without the Secret that it is told of"):
        proof.cluster.install(proof.values(BLUE), chart=FIRST_CHART)
        _says_what_lacks(proof)
        proof.cluster.kubectl("create", "secret", "generic", "own-account", f"--from-literal=QUIETZONE_API_KEY={KEY}")
        until(proof.cluster.ready, "all is ready once the Secret is there")
    proof.first_code()
    traffic = begin_traffic(proof)
    with traffic.flowing():
        with proof.timed("helm upgrade to this chart"):
            proof.cluster.install(proof.values(BLUE))
            until(proof.cluster.ready, "all is ready after the upgrade")
        with proof.timed("helm rollback to the first chart"):
            proof.cluster.do("rollback", proof.cluster.name, "1")
            until(proof.cluster.ready, "all is ready after the rollback")
    settle(proof, traffic)
    _uninstall(proof, traffic.codes[0])


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
    proof.cluster.do("uninstall", proof.cluster.name)
    until(lambda: not proof.cluster.found("pods"), "all pods are gone")
    mine = f"app.kubernetes.io/instance={proof.cluster.name}"
    left = proof.cluster.found(LEFT, mine)
    kept = [one for one in left if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"]
    spools = [one for one in left if one["kind"] == "PersistentVolumeClaim"]
    others = sorted(f"{one['kind']}/{one['metadata']['name']}" for one in left if one not in kept and one not in spools)
    proof.expect(
        f"uninstalled: {len(kept)} Secrets to keep and {len(spools)} spools are left, and {others or 'nothing else'}", holds=not others
    )
    with proof.timed("installed again on what was left"):
        proof.cluster.install(proof.values(BLUE))
        until(lambda: redirected(code["slug"]) is not None, "a code of before redirects")
    proof.note(json.dumps({"counted": proof.ask("GET", f"/v1/codes/{code['id']}/analytics")["total_scans"]}))
