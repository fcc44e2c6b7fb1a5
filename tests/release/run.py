"""The proof that a release or a rollback loses no redirect and no scan, on the cluster that KUBECONFIG names; prints its timeline.

`python tests/release/run.py` (or `make test-release`) builds images, runs Kafka, mongo-java-server, Redis and S3 outside the cluster at
QUIETZONE_RELEASE_HOST, an address of this machine that pods reach, installs the chart, and goes through a release's life under traffic.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from house import KEY, command, fetch
from release.cluster import ROOT, Cluster, Failed, break_images, build_images, said, until
from release.traffic import Traffic
from servers.packages import Packages
from servers.proxied import Proxied
from servers.run import Run

HOST = "198.19.255.53"
LOAD = os.environ.get("QUIETZONE_RELEASE_LOAD", "kind load docker-image").split()
"""The command that brings images of this machine into the cluster."""

PARTS = ("qr", "tracking", "analytics", "gateway", "cli")
BLUE, GREEN, BROKEN = "1.0.0", "1.1.0", "1.2.0-broken"
API_PORT, SCAN_PORT, PREVIEW_API_PORT, PREVIEW_SCAN_PORT = 30_080, 30_081, 30_082, 30_083
CODES = 8
OUTAGE_S = 20.0
FIRST_REDIRECT_S, SWITCH_S, ROLLBACK_S = 60.0, 5.0, 10.0
"""The gates; measured and shown, since a busy machine must fail nobody."""


@dataclass(slots=True)
class Proof:
    """What happened, and when."""

    cluster: Cluster
    there: Proxied
    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{API_PORT}"

    def note(self, what: str) -> None:
        """A line of the timeline."""
        self.lines.append(f"| {time.monotonic() - self.began:.0f} | {what} |")
        sys.stdout.write(f"{self.lines[-1]}\n")
        sys.stdout.flush()

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """A step, with the seconds that it took."""
        began = time.monotonic()
        yield
        self.note(f"{what}: {time.monotonic() - began:.1f} s")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the API that must be answered well."""
        data = None if body is None else json.dumps(body).encode()
        answer = fetch(method, self.api + path, data, {"authorization": f"Bearer {KEY}", "content-type": "application/json"})
        if not 200 <= answer.status < 300:
            raise Failed(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer.json

    def answers_with(self, tag: str) -> bool:
        """Whether the API is that release's: its description says so."""
        try:
            return bool(fetch("GET", f"{self.api}/openapi.json", None, {}).json["info"]["version"] == tag)
        except OSError:
            return False


def values(proof: Proof) -> dict[str, Any]:
    """Of the installation."""
    ports = {name: [int(re.search(rf"{HOST}:(\d+)", url)[1])] for name, url in _urls(proof.there).items()}  # type: ignore[index]
    here = [{"ipBlock": {"cidr": f"{HOST}/32"}}]
    keys = {name: value for name, value in os.environ.items() if name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}
    gateway = {"type": "NodePort", "nodePort": API_PORT, "previewNodePort": PREVIEW_API_PORT}
    edge = {"type": "NodePort", "nodePort": SCAN_PORT, "previewNodePort": PREVIEW_SCAN_PORT}
    return {
        "image": {"tag": BLUE, "pullPolicy": "IfNotPresent"},
        "hosts": {"scans": f"localhost:{SCAN_PORT}", "api": f"127.0.0.1:{API_PORT}", "https": False},
        "servers": {"urls": {**proof.there.urls, **keys}},
        "account": {"existingSecret": "own-account"},
        "parts": {
            "gateway": {"roles": {"serve": {"service": gateway}}},
            "tracking": {"roles": {"edge": {"service": edge}}},
        },
        "networkPolicies": {
            "dns": {"to": here},
            "servers": {name: {"to": here, "ports": ports[name]} for name in ("bus", "documents", "cache", "blobs")},
        },
    }


def _urls(there: Proxied) -> dict[str, str]:
    return {
        "bus": there.urls["QUIETZONE_BUS_URL"],
        "documents": there.urls["QUIETZONE_QR_DOCUMENTS_URL"],
        "cache": there.urls["QUIETZONE_CACHE_URL"],
        "blobs": there.urls["QUIETZONE_ANALYTICS_BLOBS_URL"],
    }


def install(proof: Proof) -> None:
    """Chart, first redirect, main job, helm test."""
    said("kubectl", "create", "namespace", proof.cluster.namespace)
    proof.cluster.kubectl("create", "secret", "generic", "own-account", f"--from-literal=QUIETZONE_API_KEY={KEY}")
    with proof.timed(f"helm install to the first redirect (gate {FIRST_REDIRECT_S:.0f} s)"):
        proof.cluster.install(values(proof))
        code = {}

        def created() -> bool:
            try:
                code.update(proof.ask("POST", "/v1/codes", {"destination": "https://example.com/first"}))
            except (Failed, OSError):
                return False
            return True

        until(created, "the first code")
        until(lambda: _scans(code["slug"]), "the first redirect")
    with proof.timed("the main job through NodePorts (`quietzone tour`)"):
        place = ("--api", proof.api, "--scans", f"http://127.0.0.1:{SCAN_PORT}")
        ended = command("tour", *place, settings={"QUIETZONE_API_KEY": KEY}, cwd=ROOT)
        if ended.returncode:
            raise Failed(f"quietzone tour: {ended.stdout[-1000:]} {ended.stderr[-1000:]}")
    with proof.timed("helm test"):
        said(proof.cluster.helm, "test", proof.cluster.name, "--namespace", proof.cluster.namespace, within_s=400)


def disturb(proof: Proof) -> None:
    """Rollout restart of everything, pods killed and evicted."""
    with proof.timed("rollout restart of everything"):
        proof.cluster.kubectl("rollout", "restart", "deployments,statefulsets")
        for kind in ("deployment", "statefulset"):
            for each in proof.cluster.found(kind):
                proof.cluster.kubectl("rollout", "status", f"{kind}/{each['metadata']['name']}", "--timeout=240s")
    with proof.timed("a pod of each role killed"):
        seen = set()
        for pod in proof.cluster.found("pods", "quietzone/color=blue"):
            role = (pod["metadata"]["labels"]["quietzone/part"], pod["metadata"]["labels"]["quietzone/role"])
            if role not in seen:
                seen.add(role)
                proof.cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
                until(lambda: _all_ready(proof.cluster), f"all is ready again after {role}")
    with proof.timed("an edge and a gateway evicted"):
        for role in ("edge", "serve"):
            name = proof.cluster.found("pods", f"quietzone/color=blue,quietzone/role={role}")[0]["metadata"]["name"]
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": proof.cluster.namespace}}
            path = f"/api/v1/namespaces/{proof.cluster.namespace}/pods/{name}/eviction"
            said("kubectl", "create", "--raw", path, "-f", "-", given=json.dumps(body))
            until(lambda: _all_ready(proof.cluster), "all is ready again after an eviction")


def release(proof: Proof) -> None:
    """Blue, green, back, green, with a broken image and a broker's outage between."""
    with proof.timed(f"stage {GREEN}"):
        proof.cluster.release("stage", GREEN)
    with proof.timed("verify"):
        proof.note(proof.cluster.release("verify").strip().replace("\n", "; ")[:600])
    _switch(proof, "promote", GREEN, SWITCH_S)
    _switch(proof, "rollback", BLUE, ROLLBACK_S)
    with proof.timed(f"Kafka cut off for {OUTAGE_S:.0f} s"):
        proof.there.proxies["kafka"].cut()
        time.sleep(OUTAGE_S)
        proof.there.proxies["kafka"].mend()
    until(lambda: _all_ready(proof.cluster), "all is ready after the outage")
    _switch(proof, "promote", GREEN, SWITCH_S)
    with proof.timed("retire blue"):
        until(lambda: _succeeds(lambda: proof.cluster.release("retire")), "blue's spools are empty", within_s=120)
    with proof.timed(f"a broken image ({BROKEN}) is staged and never answers"):
        try:
            proof.cluster.release("stage", BROKEN)
        except Failed as failed:
            proof.note(f"refused: {str(failed).strip().splitlines()[-1][:300]}")
        else:
            raise Failed("the broken image was staged without a complaint")
        if not proof.answers_with(GREEN):
            raise Failed("the broken image answers")


def _switch(proof: Proof, step: str, tag: str, gate_s: float) -> None:
    began = time.monotonic()
    proof.cluster.release(step)
    took = until(lambda: proof.answers_with(tag), f"{tag} answers")
    proof.note(
        f"{step}: {time.monotonic() - began:.1f} s in all, {tag} answers; waited {took:.1f} s after the command (gate {gate_s:.0f} s)"
    )


def settle(proof: Proof, traffic: Traffic) -> int:
    """Compare every ledger; returns how many things are wrong."""

    def agrees() -> bool:
        found = proof.ask("GET", "/v1/reconcile")
        return len({found[name] for name in ("accepted", "forwarded", "applied", "stored")}) == 1 and not found["problems"]

    with proof.timed("reconcile content"):
        until(agrees, "reconcile is content")
    stored = {code["slug"]: proof.ask("GET", f"/v1/codes/{code['id']}/analytics")["total_scans"] for code in traffic.codes}
    lost = sum(max(0, traffic.scans.answered[slug] - stored[slug]) for slug in stored)
    double = sum(max(0, stored[slug] - traffic.scans.sent[slug]) for slug in stored)
    proof.note(f"scans: {traffic.scans.sent.total()} sent, {traffic.failed_scans} without a redirect, {lost} lost, {double} counted twice")
    proof.note(f"slowest redirect {traffic.scans.slowest_s * 1000:.0f} ms; refused {dict(traffic.scans.refused)}")
    proof.note(f"API calls: {dict(traffic.calls.answers)}; {traffic.calls.failures[:5]}")
    return traffic.failed_scans + lost + double + traffic.calls.failed


def _scans(slug: str) -> bool:
    try:
        return fetch("HEAD", f"http://127.0.0.1:{SCAN_PORT}/{slug}", None, {}).status == 302
    except OSError:
        return False


def _all_ready(cluster: Cluster) -> bool:
    return all(
        item["status"].get("readyReplicas", 0) >= item["spec"]["replicas"]
        and item["status"].get("observedGeneration", 0) >= item["metadata"]["generation"]
        for item in cluster.found("deployments,statefulsets")
    )


def _succeeds(work: Callable[[], object]) -> bool:
    try:
        work()
    except Failed:
        return False
    return True


def main() -> int:
    """Run it once; 0 when nothing failed, was lost, or counted twice."""
    helm = Packages().go_program("helm.sh/helm/v3/cmd/helm", "v3.18.6", "helm")
    os.environ["PATH"] = f"{helm.parent}:{os.environ['PATH']}"
    namespace = os.environ.get("QUIETZONE_RELEASE_NAMESPACE", "quietzone-proof")
    for tag in (BLUE, GREEN):
        said(*LOAD, *build_images(tag, PARTS), within_s=600)
    said(*LOAD, *break_images(BROKEN, GREEN, PARTS), within_s=600)
    with Run.begin() as run:
        proof = Proof(Cluster(helm, namespace, "quietzone", os.environ), Proxied.begin(run, host=HOST))
        try:
            install(proof)
            codes = [proof.ask("POST", "/v1/codes", {"destination": f"https://example.com/{number}"}) for number in range(CODES)]
            for code in codes:
                until(lambda slug=code["slug"]: _scans(slug), "a code's redirect")  # type: ignore[misc]
            traffic = Traffic(proof.api, SCAN_PORT, codes)
            with traffic.flowing():
                disturb(proof)
                release(proof)
            wrong = settle(proof, traffic)
        except Failed as failed:
            proof.note(f"FAILED: {failed}")
            return 1
        finally:
            if "--keep" not in sys.argv:
                said("kubectl", "delete", "namespace", namespace, "--ignore-not-found", within_s=300)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
