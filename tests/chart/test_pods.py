"""What holds for every pod, whatever the values."""

from collections import Counter
from collections.abc import Iterator, Mapping

from chart.rendering import Manifest, Rendered, containers, environment, selects
from quietzone_kit.lifecycle import CLOSE_S
from quietzone_kit.telemetry._traces import EXPORT_WITHIN_MS

CLOSING_S = CLOSE_S + EXPORT_WITHIN_MS / 1000
"""All closings together, then the last spans."""

Renders = Mapping[str, Rendered]


def _pods(renders: Renders) -> Iterator[tuple[str, Manifest]]:
    for combination, rendered in renders.items():
        for name, pod in rendered.pods():
            yield f"{combination}: {name}", pod


def _containers(renders: Renders) -> Iterator[tuple[str, Manifest]]:
    for name, pod in _pods(renders):
        for container in containers(pod):
            yield f"{name}, {container['name']}", container


def _roles(renders: Renders) -> Iterator[tuple[str, Manifest]]:
    """Pods of what goes on running."""
    for name, pod in _pods(renders):
        if any(f": {kind} " in name for kind in ("Deployment", "StatefulSet", "Rollout")):
            yield name, pod


def test_there_are_enough_combinations(renders: Renders) -> None:
    assert len(renders) >= 40


def test_every_container_can_do_no_more_than_it_must(renders: Renders) -> None:
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}

    assert [name for name, container in _containers(renders) if container["securityContext"] != wanted] == []


def test_every_pod_runs_as_our_user(renders: Renders) -> None:
    wanted = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}}

    assert [name for name, pod in _pods(renders) if not wanted.items() <= pod["spec"]["securityContext"].items()] == []


def test_no_pod_has_a_token_of_the_cluster(renders: Renders) -> None:
    assert [name for name, pod in _pods(renders) if pod["spec"]["automountServiceAccountToken"] is not False] == []


def test_no_pod_has_variables_made_of_service_names(renders: Renders) -> None:
    assert [name for name, pod in _pods(renders) if pod["spec"]["enableServiceLinks"] is not False] == []


def test_no_pod_mounts_a_folder_of_its_node(renders: Renders) -> None:
    assert [name for name, pod in _pods(renders) for volume in pod["spec"]["volumes"] if "hostPath" in volume] == []


def test_every_container_reserves_cpu_and_memory_and_has_a_limit_of_memory(renders: Renders) -> None:
    def is_bounded(container: Manifest) -> bool:
        resources = container["resources"]
        return {"cpu", "memory"} <= resources["requests"].keys() and "memory" in resources["limits"]

    assert [name for name, container in _containers(renders) if not is_bounded(container)] == []


def test_every_role_has_three_probes_on_the_operators_port(renders: Renders) -> None:
    paths = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    wrong = [
        name
        for name, pod in _roles(renders)
        for probe, path in paths.items()
        if pod["spec"]["containers"][0][probe]["httpGet"] != {"path": path, "port": "ops"}
    ]

    assert wrong == []


def test_a_pod_has_time_to_drain(renders: Renders) -> None:
    wrong = []
    for name, pod in _roles(renders):
        main, sidecars = pod["spec"]["containers"][0], pod["spec"].get("initContainers", [])
        leaving = main.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        draining = sum(int(environment(one)["QUIETZONE_DRAIN_S"]) + CLOSING_S for one in [main, *sidecars])
        if pod["spec"]["terminationGracePeriodSeconds"] < leaving + draining:
            wrong.append(name)

    assert wrong == []


def test_whoever_is_called_goes_on_answering_until_proxies_know_that_it_leaves(renders: Renders) -> None:
    wrong = [
        name
        for name, pod in _roles(renders)
        if len(pod["spec"]["containers"][0]["ports"]) > 1 and "preStop" not in pod["spec"]["containers"][0].get("lifecycle", {})
    ]

    assert wrong == []


def test_edges_keep_their_spool_and_have_a_forwarder_beside_them(renders: Renders) -> None:
    for combination, rendered in renders.items():
        for edge in rendered.of("StatefulSet"):
            (forwarder,) = edge["spec"]["template"]["spec"]["initContainers"]

            assert (forwarder["args"], forwarder["restartPolicy"]) == (["forwarder"], "Always"), combination
            assert {"name": "spool", "mountPath": "/spool"} in forwarder["volumeMounts"]
            assert edge["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "spool"
            assert edge["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_no_two_workloads_share_a_selector(renders: Renders) -> None:
    for combination, rendered in renders.items():
        selectors = Counter(str(sorted(one["spec"]["selector"]["matchLabels"].items())) for one in rendered.workloads)

        assert [one for one, times in selectors.items() if times > 1] == [], combination


def test_a_workload_selects_its_own_pods_and_no_others(renders: Renders) -> None:
    for combination, rendered in renders.items():
        for workload in rendered.workloads:
            selected = [name for name, pod in rendered.pods() if selects(workload["spec"]["selector"]["matchLabels"], pod)]

            assert selected == [f"{workload['kind']} {workload['metadata']['name']}"], combination


def test_every_service_finds_the_ports_that_it_names(renders: Renders) -> None:
    for combination, rendered in renders.items():
        pods = [pod for _, pod in rendered.pods()]
        for service in rendered.of("Service"):
            selected = [pod for pod in pods if selects(service["spec"]["selector"], pod)]
            names = {port["name"] for pod in selected for container in containers(pod) for port in container.get("ports", ())}
            wanted = {port["targetPort"] for port in service["spec"]["ports"]}

            assert not selected or wanted <= names, f"{combination}: {service['metadata']['name']}"


def test_every_mount_has_its_volume(renders: Renders) -> None:
    claims = {"spool"}
    wrong = []
    for name, pod in _pods(renders):
        there = {volume["name"] for volume in pod["spec"]["volumes"]} | (claims if "StatefulSet" in name else set())
        wrong += [name for container in containers(pod) for mount in container["volumeMounts"] if mount["name"] not in there]

    assert wrong == []


def test_no_variable_is_set_twice(renders: Renders) -> None:
    def twice(container: Manifest) -> list[str]:
        return [name for name, times in Counter(one["name"] for one in container.get("env", [])).items() if times > 1]

    assert [(name, twice(container)) for name, container in _containers(renders) if twice(container)] == []


def test_replicas_are_spread_over_zones_and_nodes(renders: Renders) -> None:
    wanted = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]

    assert [
        name for name, pod in _roles(renders) if [one["topologyKey"] for one in pod["spec"]["topologySpreadConstraints"]] != wanted
    ] == []


def test_every_role_has_a_budget_for_evictions(renders: Renders) -> None:
    for combination, rendered in renders.items():
        workloads = {one["metadata"]["name"] for one in rendered.workloads}

        assert {one["metadata"]["name"] for one in rendered.of("PodDisruptionBudget")} == workloads, combination


def test_no_name_is_too_long_for_a_label(renders: Renders) -> None:
    longest = 63 - len("-0123456789-abcde")  # what Deployments add for their pods

    assert [
        one["metadata"]["name"] for rendered in renders.values() for one in rendered.workloads if len(one["metadata"]["name"]) > longest
    ] == []


def test_labels_for_bills_are_on_every_object_and_pod(renders: Renders) -> None:
    rendered = renders["green is staged, a Secret, safest"]
    everything = [*rendered.objects, *(pod for name, pod in rendered.pods() if not name.startswith("Pod "))]

    assert [one for one in everything if one["metadata"]["labels"].get("team") != "codes"] == []
