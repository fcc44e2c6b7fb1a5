"""A release's life under traffic: installed, disturbed, replaced, taken back, replaced again, retired."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from house import KEY, command
from release import foreign, people
from release.cluster import ROOT, Failed, said, until
from release.files import begin_reading, expect_read
from release.flow import Calls
from release.hooks import begin_hook, expect_arrived
from release.mailbox import mail_server
from release.measure import Process, processes
from release.proof import BLUE, BROKEN, GREEN, HOST, NODE, SCAN_PORT, Proof, redirected
from release.sink import webhook_sink
from release.traffic import Traffic

FIRST_REDIRECT_S, SWITCH_S, ROLLBACK_S, READY_S, REST_MIB = 60.0, 5.0, 10.0, 2.0, 1024.0
"""The gates; measured and shown, since a busy machine must fail nobody."""

CODES = 9
OUTAGE_S = 20.0
RETIRED_WITHIN_S = 120.0


def live(proof: Proof) -> None:
    """Everything, with an installation of its own."""
    with mail_server(HOST) as proof.mailbox, webhook_sink(HOST) as proof.sink:
        _live(proof)


def _live(proof: Proof) -> None:
    install(proof)
    rest(proof)
    foreign.knock(proof)
    person = people.signed_in(proof)
    with people.listener(proof) as listener:
        traffic = begin_traffic(proof)
        order = people.order(proof)
        hook, reader = begin_hook(proof, traffic), begin_reading(proof, traffic.codes)
        with traffic.flowing(), hook.flowing(), reader.flowing():
            disturb(proof)
            release(proof)
        stored = settle(proof, traffic)
        expect_arrived(proof, hook, traffic)
        expect_read(proof, reader)
        people.expect_heard(proof, listener, stored)
    people.expect_signed_in(proof, person, traffic.codes[0]["id"])
    people.expect_made_once(proof, order)


def begin_traffic(proof: Proof) -> Traffic:
    """Codes whose redirects all edges know."""
    codes = [proof.ask("POST", "/v1/codes", {"destination": f"https://example.com/{number}"}) for number in range(CODES)]
    for code in codes:
        until(lambda slug=code["slug"]: redirected(slug) is not None, "a code's redirect")  # type: ignore[misc]
    return Traffic(Calls(proof.api), (NODE, SCAN_PORT), codes)


def install(proof: Proof) -> None:
    """Chart, first redirect, main job, helm test."""
    proof.cluster.begin(KEY)
    began = time.monotonic()
    proof.cluster.install(proof.values(BLUE))
    code = proof.first_code()
    until(lambda: redirected(code["slug"]) is not None, "the first redirect")
    proof.note(f"helm install to the first redirect: {time.monotonic() - began:.1f} s (aim {FIRST_REDIRECT_S:.0f} s)")
    with proof.timed("the main job through NodePorts (`quietzone tour`)"):
        place = ("--api", proof.api, "--scans", f"http://{NODE}:{SCAN_PORT}")
        ended = command("tour", *place, settings={"QUIETZONE_API_KEY": KEY}, cwd=ROOT)
        if ended.returncode:
            raise Failed(f"quietzone tour: {ended.stdout[-1000:]} {ended.stderr[-1000:]}")
    with proof.timed("helm test"):
        proof.cluster.do("test", proof.cluster.name)


def rest(proof: Proof) -> None:
    """What it takes while nobody asks it anything."""
    found = processes(proof.cluster, proof.cluster.running("quietzone/color=blue"))
    memory = sum(process.mib for process in found.values())
    proof.note(f"at rest: {len(found)} processes hold {memory:.0f} MiB (aim {REST_MIB:.0f}), each counted with its share of what is shared")


def disturb(proof: Proof) -> None:
    """Rollout restart of everything, pods killed and evicted."""
    with proof.timed("rollout restart of everything"):
        proof.cluster.kubectl("rollout", "restart", "deployments,statefulsets")
        until(proof.cluster.ready, "all is ready after the restart")
    ready: dict[str, Process] = {}
    with proof.timed("a pod of each role killed, one after the other"):
        for pod in _one_of_each(proof.cluster.running("quietzone/color=blue")):
            ready |= _replaced(proof, pod, partial(_kill, proof, pod))
    slowest = max(ready, key=lambda name: ready[name].ready_s)
    proof.note(f"each was ready within {ready[slowest].ready_s:.1f} s of its process's start (aim {READY_S:.0f} s); slowest {slowest}")
    with proof.timed("an edge and a gateway evicted"):
        for part, role in (("tracking", "edge"), ("gateway", "serve")):
            pod = proof.cluster.running(f"quietzone/color=blue,quietzone/part={part},quietzone/role={role}")[0]
            _replaced(proof, pod, partial(_evict, proof, pod["metadata"]["name"]))


def _kill(proof: Proof, pod: dict[str, Any]) -> None:
    """Who answers the world may end what it answers, as on a node that is drained; all others are killed at once."""
    answers = pod["metadata"]["labels"]["quietzone/role"] in {"serve", "edge", "files"}
    how = () if answers else ("--force", "--grace-period=0")
    proof.cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false", *how)


def _one_of_each(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(pod["metadata"]["labels"]["quietzone/part"], pod["metadata"]["labels"]["quietzone/role"]): pod for pod in pods}.values())


def _replaced(proof: Proof, pod: dict[str, Any], end: Callable[[], object]) -> dict[str, Process]:
    """End a pod, and wait until another stands in its place: the processes of that one."""
    before = {one["metadata"]["uid"] for one in proof.cluster.running()}
    end()

    def others() -> list[dict[str, Any]]:
        return [one for one in proof.cluster.running() if one["metadata"]["uid"] not in before]

    name = pod["metadata"]["name"]
    until(lambda: bool(others()), f"another runs in the place of {name}")  # only then does its controller say that one isn't ready
    until(proof.cluster.ready, f"all is ready again after {name}")
    return processes(proof.cluster, others())


def _evict(proof: Proof, name: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": proof.cluster.namespace}}
    path = f"/api/v1/namespaces/{proof.cluster.namespace}/pods/{name}/eviction"
    said("kubectl", "create", "--raw", path, "-f", "-", given=json.dumps(body))


def release(proof: Proof) -> None:
    """Blue, green, back, green, with a broken image and a broker's outage between."""
    with proof.timed(f"stage {GREEN}, which stores codes in another form"):
        proof.cluster.release("stage", GREEN)
    with proof.timed("verify"):
        proof.cluster.release("verify")
    _switch(proof, "promote", GREEN, SWITCH_S)
    with proof.timed(f"Kafka cut off for {OUTAGE_S:.0f} s, in the middle of it"):
        proof.there.proxies["kafka"].cut()
        mended_at = time.monotonic() + OUTAGE_S
        _switch(proof, "rollback", BLUE, ROLLBACK_S)
        time.sleep(max(0.0, mended_at - time.monotonic()))
        proof.there.proxies["kafka"].mend()
        until(proof.cluster.ready, "all is ready after the outage")
    _switch(proof, "promote", GREEN, SWITCH_S)
    with proof.timed("retire blue"):
        until(lambda: _refused(lambda: proof.cluster.release("retire")) is None, "blue's spools are empty", within_s=RETIRED_WITHIN_S)
    _stays_out(proof, BROKEN, "a broken image", because="this release is broken")
    refused = _refused(lambda: proof.cluster.release("promote"))
    proof.expect(f"promoting it all the same is refused: {(refused or 'it was not')[-200:]}", holds=refused is not None)
    proof.expect(f"{GREEN} answers", holds=proof.answering() == GREEN)
    proof.cluster.release("retire")
    _stays_out(proof, BLUE, "the older release, after its form of codes was taken away,", because="changed for good by release")


def _switch(proof: Proof, step: str, tag: str, aim_s: float) -> None:
    """`step`, and how long the release before still answered: after a promotion's last word, or after the call of a rollback."""
    began, old = time.monotonic(), proof.answering()
    with proof.watched(old) as times:
        lines = proof.cluster.release(step)
        until(lambda: proof.answering() == tag, f"{tag} answers")
    since = lines[-2][0] if step == "promote" else began
    switched_s, took_s = max(0.0, times[-1] - since), time.monotonic() - began
    proof.note(f"{step}: {tag} answers after {switched_s:.1f} s (aim {aim_s:.0f} s), {took_s:.1f} s in all; {lines[-1][1]}")


def _stays_out(proof: Proof, tag: str, what: str, *, because: str) -> None:
    """It is refused for this reason, and what answers goes on."""
    with proof.timed(f"stage {tag}, {what}"):
        said_no = _refused(lambda: proof.cluster.release("stage", tag))
    proof.expect(f"{what} is refused: {(said_no or 'it was not')[-400:]}", holds=said_no is not None and because in said_no)
    proof.expect(f"{GREEN} answers", holds=proof.answering() == GREEN)


def settle(proof: Proof, traffic: Traffic) -> int:
    """Compare every ledger; how many scans are stored."""

    def counted() -> dict[str, int]:
        return {code["slug"]: proof.ask("GET", f"/v1/codes/{code['id']}/analytics")["total_scans"] for code in traffic.codes}

    def agrees() -> bool:
        found = proof.ask("GET", "/v1/reconcile")
        # An edge's last scans are unknown to reconcile until its next report: before that the older counts agree too.
        return (
            len({found[name] for name in ("accepted", "forwarded", "applied", "stored")}) == 1
            and not found["problems"]
            and sum(counted().values()) >= traffic.scans.answered.total()
        )

    with proof.timed("reconcile is content"):
        until(agrees, "reconcile is content")
    stored = counted()
    lost = sum(max(0, traffic.scans.answered[slug] - stored[slug]) for slug in stored)
    double = sum(max(0, stored[slug] - traffic.scans.sent[slug]) for slug in stored)
    elsewhere = [
        code["slug"] for code in traffic.codes if proof.ask("GET", f"/v1/codes/{code['id']}")["destination"] != traffic.leads(code)
    ]
    proof.note(f"slowest redirect {traffic.scans.slowest_s * 1000:.0f} ms; answers of the API: {dict(traffic.calls.answers)}")
    proof.expect(f"traffic flowed for {traffic.flowed_s:.0f} s", holds=traffic.steady)
    failed = f"{traffic.failed_scans} of {traffic.scans.sent.total()} scans without a redirect {traffic.scans.faults or ''}"
    proof.expect(failed, holds=traffic.failed_scans == 0)
    proof.expect(f"{traffic.calls.failed} calls of the API failed {traffic.calls.failures[:3] or ''}", holds=traffic.calls.failed == 0)
    proof.expect(f"{lost} scans lost, {double} counted twice", holds=lost + double == 0)
    proof.expect(f"{len(elsewhere)} codes lead elsewhere than they were last told to", holds=not elsewhere)
    return sum(stored.values())


def _refused(work: Callable[[], object]) -> str | None:
    """What a step said when it was refused; None when it wasn't."""
    try:
        work()
    except Failed as failed:
        return " ".join(str(failed).split())
    return None
