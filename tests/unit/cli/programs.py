"""Programs named helm and kubectl that answer from a table, and an installation as they tell it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quietzone_cli.release.cluster import Cluster
from quietzone_cli.release.helm import Helm
from quietzone_cli.release.steps import Release

OFF = {"enabled": False, "tag": "", "workers": False}
WORKING = {"enabled": True, "tag": "1", "workers": True}
RESTING = {"enabled": True, "tag": "2", "workers": False}
NO_AUTOSCALING = {"enabled": False, "lag": {"enabled": False}}


@dataclass(slots=True)
class Programs:
    """A folder for PATH. The rule that came last is tried first; a pattern's `*` stands for any text, what follows it too."""

    folder: Path
    rules: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("helm", "kubectl"):
            place = self.folder / name
            # Logged by one write: jobs run beside each other.
            place.write_text(f'#!/bin/sh\nasked="{name} $*"\necho "$asked $(cat)" >> {self._log}\n. {self.folder}/rules\n')
            place.chmod(0o755)

    def answer(self, pattern: str, said: object) -> None:
        """What the calls that `pattern` fits print: a text, or JSON."""
        text = said if isinstance(said, str) else json.dumps(said)
        self.do(pattern, f"printf '%s\\n' {shlex.quote(text)}")

    def refuse(self, pattern: str, complaint: str) -> None:
        """Those that fail, with what they complain of."""
        self.do(pattern, f"printf '%s\\n' {shlex.quote(complaint)} >&2; exit 1")

    def do(self, pattern: str, script: str) -> None:
        """Those that do something else."""
        self.rules = {pattern: script} | {one: other for one, other in self.rules.items() if one != pattern}
        cases = "\n".join(f"{_glob(one)}) {other} ;;" for one, other in self.rules.items())
        (self.folder / "rules").write_text(f'case "$asked" in\n{cases}\nesac\n')

    def asked(self, what: str = "") -> list[str]:
        """The calls that contain a text, in their order; after the arguments stands the input."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line.rstrip() for line in lines if what in line]

    @property
    def _log(self) -> Path:
        return self.folder / "log"


def _glob(pattern: str) -> str:
    return "*".join(shlex.quote(part) if part else "" for part in f"{pattern}*".split("*"))


@dataclass(slots=True)
class Installation:
    """What helm and kubectl know of one release."""

    programs: Programs
    values: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = {
            "rollout": {"strategy": "blueGreen", "activeColor": "blue", "colors": {"blue": WORKING, "green": RESTING}},
            "defaults": {"autoscaling": NO_AUTOSCALING},
            "parts": {
                "gateway": {"roles": {"serve": {"kind": "serving", "enabled": True}}},
                "tracking": {"roles": {"edge": {"kind": "edge", "enabled": True}, "links": {"kind": "worker", "enabled": True}}},
            },
            "prepare": {"deadlineSeconds": 900},
        }
        self.holds({})
        self.revisions("superseded", "deployed")
        self.programs.answer("helm show chart", "apiVersion: v2\nname: quietzone\nversion: 1.0.0")
        for kinds in ("pods", "persistentvolumeclaims", "cronjobs"):
            self.finds(kinds)
        for color in ("blue", "green"):
            self.finds("deployments,statefulsets", workload(color), color=color)
            jobs = [item("CronJob", f"quietzone-{role}-{color}") for role in ("verify", "contract")]
            for role, job in zip(("verify", "contract"), jobs, strict=True):
                self.finds("cronjobs", job, color=color, role=role)
        self.ends("Complete")
        self.programs.answer("kubectl --namespace shop logs job/", "all is well")

    @property
    def release(self) -> Release:
        """What `quietzone release` works with."""
        return Release(Helm("quietzone", "shop", "chart"), Cluster("quietzone", "shop"), self.lines.append)

    def holds(self, values: Mapping[str, Any]) -> None:
        """Values of the release, over those that it has."""
        self.values = self.values | values
        self.programs.answer("helm get values quietzone --namespace shop --revision 2 --all", self.values)

    def colors(self, *, blue: Mapping[str, Any] = WORKING, green: Mapping[str, Any] = RESTING, active: str = "blue") -> None:
        """The state of both colours."""
        self.holds({"rollout": {"strategy": "blueGreen", "activeColor": active, "colors": {"blue": blue, "green": green}}})

    def revisions(self, *states: str, description: str = "") -> None:
        """What helm did so far: the state of each revision, and the description of the last one."""
        made = [
            {"revision": number, "status": state, "chart": "quietzone-1.0.0", "app_version": "1.0.0", "description": description}
            for number, state in enumerate(states, 1)
        ]
        self.programs.answer("helm history quietzone --namespace shop --output json", made)

    def finds(self, kinds: str, *items: Mapping[str, Any], color: str = "", role: str = "") -> None:
        """What there is of some kinds, in a colour and of a role."""
        labels = "".join(f",quietzone/{name}={value}" for name, value in (("color", color), ("role", role)) if value)
        labels += " " if labels else ""
        self.programs.answer(
            f"kubectl --namespace shop get {kinds} --selector app.kubernetes.io/instance=quietzone{labels}", {"items": items}
        )

    def ends(self, condition: str, reason: str = "", deadline_s: float = 280) -> None:
        """How jobs end, if at all."""
        conditions = [{"type": condition, "status": "True", "reason": reason}] if condition else []
        job = {"spec": {"activeDeadlineSeconds": deadline_s}, "status": {"conditions": conditions}}
        self.programs.answer("kubectl --namespace shop get job", job)

    def changes(self) -> list[str]:
        """What each upgrade made of the colours: who answers, then who works."""
        asked = [json.loads(line[line.index("{") :])["rollout"] for line in self.programs.asked("helm upgrade")]
        return [f"{one['activeColor']}: {', '.join(name for name, its in one['colors'].items() if its['workers'])}" for one in asked]


def item(kind: str, name: str, *, labels: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A Kubernetes object."""
    metadata = {"name": name, "generation": 1, "labels": {f"quietzone/{key}": value for key, value in (labels or {}).items()}}
    return {"kind": kind, "metadata": metadata, **more}


def workload(color: str, *, role: str = "serve", part: str = "gateway", wanted: int = 2, ready: int = 2, kind: str = "Deployment") -> Any:
    """The pods of a role."""
    status = {"observedGeneration": 1, "updatedReplicas": wanted, "readyReplicas": ready}
    labels = {"part": part, "role": role, "color": color}
    return item(kind, f"quietzone-{part}-{role}-{color}", labels=labels, spec={"replicas": wanted}, status=status)


def pod(name: str, color: str, *, claim: str = "", sidecars: Any = (), containers: Any = ()) -> dict[str, Any]:
    """A pod that isn't ready, with the states of its containers."""
    volumes = [{"name": "tmp"}, *([{"name": "spool", "persistentVolumeClaim": {"claimName": claim}}] if claim else [])]
    status = {"phase": "Running", "conditions": [], "initContainerStatuses": sidecars, "containerStatuses": containers}
    return item("Pod", name, labels={"role": "edge", "color": color}, spec={"volumes": volumes}, status=status)


def container(name: str, *, ready: bool = False, waiting: str = "", message: str = "") -> dict[str, Any]:
    """The state of a container: what it waits for, or that it runs."""
    return {"name": name, "ready": ready, "state": {"waiting": {"reason": waiting, "message": message}} if waiting else {"running": {}}}
