"""A release is switched by values alone: what changes in the cluster at each step, and nothing else."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from chart.combinations import GATEWAY_API, INSTALL, TWO
from chart.rendering import LONGEST_NAME, Helm, Manifest, Rendered, Values, merged

STAGED = merged(INSTALL, {"rollout": TWO})
JOINED = merged(STAGED, {"rollout": {"colors": {"green": {"workers": True}}}})
SWITCHED = merged(JOINED, {"rollout": {"activeColor": "green"}})
LEFT = merged(SWITCHED, {"rollout": {"colors": {"blue": {"workers": False}}}})

PUBLIC = ("edge", "gateway", "files")
WORKERS = (
    "analytics-archive",
    "analytics-project",
    "analytics-work",
    "gateway-work",
    "links",
    "notification-match",
    "notification-send",
    "qr-health",
    "storage-work",
)


def test_staging_a_colour_changes_nothing_that_runs(helm: Helm) -> None:
    before, after = _flat(helm, merged(INSTALL, {"rollout": {"colors": {"blue": {"tag": "1.0.0"}}}})), _flat(helm, STAGED)

    assert {
        path for path in before if before[path] != after.get(path) and not path.startswith(("Job qz-prepare", "NetworkPolicy qz-test"))
    } == set()


def test_first_the_new_workers_join(helm: Helm) -> None:
    assert _diff(helm, STAGED, JOINED) == {f"Deployment qz-{worker}-green.spec.replicas": (0, 1) for worker in WORKERS}


def test_then_the_services_select_the_other_colour(helm: Helm) -> None:
    color = "spec.selector.quietzone/color"
    assert _diff(helm, JOINED, SWITCHED) == {
        **{f"Service qz-{name}.{color}": ("blue", "green") for name in PUBLIC},
        **{f"Service qz-{name}-preview.{color}": ("green", "blue") for name in PUBLIC},
        "Pod qz-test.spec.containers[0].image": ("quietzone-cli:1.0.0", "quietzone-cli:2.0.0"),  # made by `helm test` alone
    }


def test_a_job_that_adopts_a_spool_is_made_anew_and_never_changed(helm: Helm) -> None:
    adopting = {"adopt": ["spool-qz-edge-green-3"]}
    steps = [merged(step, adopting) for step in (STAGED, JOINED, SWITCHED, LEFT)]
    changes = [
        {path: change for path, change in _diff(helm, before, after).items() if path.startswith("Job adopt")}
        for before, after in pairwise(steps)
    ]

    assert [sorted(change.values()) for change in changes] == [[], ["gone", "there"], []]


@pytest.mark.parametrize(
    "change",
    [
        {"prepare": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"settings": {"LOG_LEVEL": "debug"}},
        {"costLabels": {"team": "codes"}},
        {"prepare": {"retries": 9}},
    ],
    ids=str,
)
def test_another_template_gives_a_job_that_adopts_another_name(helm: Helm, change: Values) -> None:
    adopting = merged(INSTALL, {"adopt": ["spool-qz-edge-green-3"]})
    (before,), (after,) = (_adopters(helm, values) for values in (adopting, merged(adopting, change)))

    assert before["metadata"]["name"] != after["metadata"]["name"]


def test_a_job_that_adopts_a_spool_is_of_the_release_that_answers(helm: Helm) -> None:
    (job,) = _adopters(helm, merged(SWITCHED, {"adopt": ["spool-qz-edge-blue-3"]}))
    (container,) = job["spec"]["template"]["spec"]["containers"]

    assert container["image"] == "quietzone-tracking:2.0.0"
    assert job["spec"]["template"]["metadata"]["labels"]["quietzone/color"] == "green"


def test_spools_of_long_names_are_each_adopted_by_a_job(helm: Helm) -> None:
    claims = [f"spool-{'a' * 27}-edge-green-with-a-long-name-{number}" for number in (1, 2)]
    names = [job["metadata"]["name"] for job in _adopters(helm, merged(INSTALL, {"adopt": claims}))]

    assert len(set(names)) == len(claims)
    assert max(map(len, names)) <= LONGEST_NAME


def test_then_the_old_workers_leave(helm: Helm) -> None:
    assert _diff(helm, SWITCHED, LEFT) == {f"Deployment qz-{worker}-blue.spec.replicas": (1, 0) for worker in WORKERS}


def test_a_rollback_is_the_same_the_other_way(helm: Helm) -> None:
    there, back = _diff(helm, JOINED, SWITCHED), _diff(helm, SWITCHED, JOINED)

    assert {path: (new, old) for path, (old, new) in there.items()} == back


def test_a_canary_gets_its_share_of_each_host(helm: Helm) -> None:
    values = merged(STAGED, {"rollout": {"strategy": "canary", "canary": {"weight": 10}}, "gatewayApi": GATEWAY_API})
    shares = {
        one["metadata"]["name"]: {ref["name"]: ref["weight"] for ref in one["spec"]["rules"][0]["backendRefs"]}
        for one in helm.render(values).of("HTTPRoute")
    }

    assert shares == {f"qz-{name}": {f"qz-{name}": 90, f"qz-{name}-preview": 10} for name in PUBLIC}


def test_another_weight_changes_nothing_but_weights(helm: Helm) -> None:
    canary = merged(STAGED, {"rollout": {"strategy": "canary", "canary": {"weight": 10}}, "gatewayApi": GATEWAY_API})
    changed = _diff(helm, canary, merged(canary, {"rollout": {"canary": {"weight": 50}}}))

    assert {path.rpartition(".")[2] for path in changed} == {"weight"}


@pytest.mark.parametrize("strategy", ["blueGreen", "rolling"])
def test_pods_roll_one_at_a_time(helm: Helm, strategy: str) -> None:
    rendered = helm.render(merged(INSTALL, {"rollout": {"strategy": strategy}}))

    assert {str(one["spec"]["strategy"]["rollingUpdate"]) for one in rendered.of("Deployment")} == {"{'maxSurge': 1, 'maxUnavailable': 1}"}


def test_a_role_that_answers_alone_is_not_taken_away_before_the_next_is_ready(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"parts": {"gateway": {"roles": {"serve": {"replicas": 1}}}}}))

    assert rendered.named("Deployment", "gateway-blue")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_stores_are_migrated_once_for_each_code_that_runs(helm: Helm) -> None:
    same = merged(STAGED, {"rollout": {"colors": {"green": {"tag": "1.0.0"}}}})

    assert len(_migrations(helm.render(STAGED))) == 2 * len(_migrations(helm.render(same)))


def _adopters(helm: Helm, values: Values) -> list[Manifest]:
    return [job for job in helm.render(values).of("Job") if job["metadata"]["labels"].get("quietzone/role") == "adopt"]


def _migrations(rendered: Rendered) -> list[str]:
    return [one["name"] for one in rendered.named("Job", "prepare")["spec"]["template"]["spec"]["containers"]]


def _diff(helm: Helm, before: Values, after: Values) -> dict[str, Any]:
    """What differs: (old, new) of each field by its path; `there` or `gone` for whole objects."""
    old, new = _objects(helm, before), _objects(helm, after)
    whole: dict[str, Any] = dict.fromkeys(new.keys() - old.keys(), "there") | dict.fromkeys(old.keys() - new.keys(), "gone")
    fields = {}
    for name in old.keys() & new.keys():
        was, now = dict(_leaves(name, old[name])), dict(_leaves(name, new[name]))
        fields |= {path: (was.get(path), now.get(path)) for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
    return whole | fields


def _flat(helm: Helm, values: Values) -> dict[str, Any]:
    return {path: value for name, one in _objects(helm, values).items() for path, value in _leaves(name, one)}


def _objects(helm: Helm, values: Values) -> dict[str, Any]:
    """By kind and name; without keys that are made at random for each rendering, and by install alone."""
    rendered = helm.render(values)
    return {f"{one['kind']} {one['metadata']['name']}": one for one in rendered.objects if "stringData" not in one}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}", child)
    elif isinstance(value, list) and value:
        for number, child in enumerate(value):
            yield from _leaves(f"{path}[{number}]", child)
    else:
        yield path, value
