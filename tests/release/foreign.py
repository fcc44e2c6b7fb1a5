"""What the policies let a pod reach that isn't the release's: the public ports, and nothing else."""

import json
from typing import Any

from release.cluster import until
from release.proof import BLUE, Proof

KNOCK_S = 2.0
"""A port that may be reached answers within milliseconds."""

PUBLIC = {("gateway", "serve", 8000), ("tracking", "edge", 8080), ("storage", "files", 8082)}
POD_WITHIN_S = 60.0

KNOCK = """
import json, socket, sys
for name, host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), float(sys.argv[2])).close()
    except OSError:
        continue
    print(name)
"""


def knock(proof: Proof) -> None:
    """Knock at each port of each pod from a pod without the release's labels, and from the gateway at the services that it calls."""
    pods = proof.cluster.running("quietzone/color=blue")
    doors = {(*_role(pod), port): (_name(pod, port), pod["status"]["podIP"], port) for pod in pods for port in _ports(pod)}
    expected = {place[0] for door, place in doors.items() if door in PUBLIC}
    _start(proof, list(doors.values()))
    reached = set(proof.cluster.kubectl("logs", "foreign").split())
    proof.cluster.kubectl("delete", "pod", "foreign", "--wait=false")
    proof.expect(f"a foreign pod reaches {', '.join(sorted(reached))}, of {len(doors)} ports", holds=reached == expected and bool(expected))
    called = [place for (part, role, _), place in doors.items() if role == "serve" and part != "gateway"]
    gateway = next(pod["metadata"]["name"] for pod in pods if _role(pod) == ("gateway", "serve"))
    heard = proof.cluster.kubectl("exec", gateway, "--", "python", "-c", KNOCK, json.dumps(called), str(KNOCK_S)).split()
    parts = {name.split(":")[0] for name in heard}
    proof.expect(f"the gateway reaches {', '.join(sorted(heard))}", holds=parts == {"qr", "analytics", "storage", "notification"})


def _start(proof: Proof, doors: list[tuple[str, str, int]]) -> None:
    command = ["python", "-c", KNOCK, json.dumps(doors), str(KNOCK_S)]
    allowed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "knock", "image": f"quietzone-cli:{BLUE}", "command": command, "securityContext": allowed}
    restricted = {"runAsNonRoot": True, "runAsUser": 10_001, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "securityContext": restricted, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "foreign"}, "spec": spec}
    proof.cluster.kubectl("create", "-f", "-", given=json.dumps(pod))
    until(lambda: _phase(proof) == "Succeeded", "the foreign pod has knocked", within_s=POD_WITHIN_S + KNOCK_S * len(doors))


def _phase(proof: Proof) -> str:
    return str(json.loads(proof.cluster.kubectl("get", "pod", "foreign", "--output", "json"))["status"].get("phase"))


def _role(pod: dict[str, Any]) -> tuple[str, str]:
    labels = pod["metadata"]["labels"]
    return labels["quietzone/part"], labels["quietzone/role"]


def _ports(pod: dict[str, Any]) -> list[int]:
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return [port["containerPort"] for container in containers for port in container.get("ports", [])]


def _name(pod: dict[str, Any], port: int) -> str:
    return f"{':'.join(_role(pod))}:{port}"
