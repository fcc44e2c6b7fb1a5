"""The proof that a release or a rollback loses no redirect, scan, webhook or file, on the cluster of KUBECONFIG; prints its timeline.

`make test-release` builds and loads images, runs Kafka, mongo-java-server, Redis and S3 outside the cluster at RELEASE_PROOF_HOST,
installs the chart, and goes through a release's life under traffic; then from the first chart to this one and back.
"""

import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from release import images
from release.cluster import Cluster, Failed, said
from release.life import live
from release.proof import BLUE, BROKEN, GREEN, HOST, Proof
from release.upgrade import upgrade
from servers.packages import Packages
from servers.proxied import Proxied
from servers.run import Run

LOAD = shlex.split(os.environ.get("RELEASE_PROOF_LOAD", "kind load docker-image --name quietzone"))
"""The command that brings images of this machine into the cluster; their names follow it."""

REMOVED_WITHIN_S = 300.0
STEPS = {"life": live, "upgrade": upgrade}


def build_images() -> None:
    """Build all three releases and load them."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        names = [*images.build(BLUE), *images.next_release(GREEN, Path(folder)), *images.broken_release(BROKEN, GREEN, Path(folder))]
    said(*LOAD, *names, within_s=images.LOAD_WITHIN_S)
    sys.stdout.write(f"images of three releases built and loaded: {time.monotonic() - began:.0f} s\n")


def prove(name: str, helm: Path) -> Proof:
    """One of STEPS in a namespace of its own, with servers of its own; both are gone afterwards."""
    sys.stdout.write(f"\n{name}\n")
    with Run.begin() as run:
        proof = Proof(Cluster(helm, f"quietzone-{name}", "quietzone", os.environ), Proxied.begin(run, host=HOST))
        try:
            STEPS[name](proof)
        except Failed as failed:
            proof.expect(str(failed), holds=False)
            proof.note(proof.cluster.pods())
        finally:
            said("kubectl", "delete", "namespace", proof.cluster.namespace, "--ignore-not-found", within_s=REMOVED_WITHIN_S)
    return proof


def main(asked: list[str]) -> int:
    """Run it once; 0 when nothing failed, was lost, or counted twice.

    `asked` may name some of STEPS; with `--no-build` among it, images are those that are there.
    """
    helm = Packages().go_program("helm.sh/helm/v3/cmd/helm", "v3.18.6", "helm")
    os.environ["PATH"] = f"{helm.parent}:{os.environ['PATH']}"
    if not HOST:
        sys.stderr.write("where do pods reach this machine? Set RELEASE_PROOF_HOST; CONTRIBUTING.md says what else is needed\n")
        return 2
    try:
        said("kubectl", "version")
    except Failed as failed:
        sys.stderr.write(f"no cluster answers: set KUBECONFIG. {failed}\n")
        return 2
    if "--no-build" not in asked:
        build_images()
    proofs = [prove(name, helm) for name in STEPS if name in asked or not STEPS.keys() & set(asked)]
    wrong = [what for proof in proofs for what in proof.wrong]
    sys.stdout.write(
        "\n" + ("\n".join(f"WRONG: {what}" for what in wrong) or "nothing failed, nothing was lost, nothing counted twice") + "\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
