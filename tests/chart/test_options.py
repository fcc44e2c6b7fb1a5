"""What can be switched on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from chart.combinations import EXTRAS, GATEWAY_API, INSTALL, TWO
from chart.rendering import CHART, Helm, Rendered, containers, environment, merged
from quietzone_notification.delivery.deliveries.repository import SHARDS
from quietzone_notification.delivery.sender._sender import LEAVE_WITHIN_S

LAG = {"parts": {"analytics": {"roles": {"project": {"autoscaling": {"lag": {"enabled": True}}}}}}}


@pytest.fixture(scope="module")
def safest(helm: Helm) -> Rendered:
    return helm.render(merged(INSTALL, EXTRAS["safest"], {"rollout": TWO}))


def test_lint_finds_nothing(helm: Helm) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.lint(INSTALL)


def test_pods_are_scaled_by_cpu_between_two_and_a_hundred(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"defaults": {"autoscaling": {"enabled": True}}}))

    for scaler in rendered.of("HorizontalPodAutoscaler"):
        (metric,) = scaler["spec"]["metrics"]
        bounds = (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"], metric["resource"]["target"]["averageUtilization"])
        most = SHARDS if scaler["metadata"]["name"] == "qz-notification-send-blue" else 100
        assert bounds == (2, most, 70)


def test_who_scales_and_who_says_a_number_never_contradict_each_other(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"rollout": TWO, "defaults": {"autoscaling": {"enabled": True}}}))
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in rendered.of("HorizontalPodAutoscaler")}

    assert [
        one["metadata"]["name"] for one in rendered.workloads if ("replicas" in one["spec"]) == (one["metadata"]["name"] in scaled)
    ] == []


def test_a_worker_is_scaled_by_what_it_is_behind(helm: Helm) -> None:
    (scaler,) = helm.render(merged(INSTALL, LAG, {"monitoring": {"prometheusUrl": "http://prometheus:9090"}})).of("ScaledObject")
    (trigger,) = scaler["spec"]["triggers"]

    assert scaler["spec"]["scaleTargetRef"]["name"] == "qz-analytics-project-blue"
    assert trigger["metadata"]["query"] == 'sum(quietzone_consumer_lag_records{topic="tracking.scan.v1"})'


def test_resting_workers_are_not_scaled(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, LAG, {"rollout": TWO, "monitoring": {"prometheusUrl": "http://prometheus:9090"}}))

    assert [one["metadata"]["name"] for one in rendered.of("ScaledObject")] == ["qz-analytics-project-blue"]


def test_certificates_have_the_names_by_which_peers_call(safest: Rendered) -> None:
    names = {name for one in safest.of("Certificate") for name in one["spec"].get("dnsNames", ())}
    called = {
        value.rpartition(":")[0]
        for workload in safest.workloads
        for variable, value in environment(workload["spec"]["template"]["spec"]["containers"][0]).items()
        if variable.endswith("_ADDRESS")
    }

    assert called == {f"qz-{part}-{color}" for part in ("qr", "analytics", "storage", "notification") for color in ("blue", "green")}
    assert called <= names


def test_who_calls_or_is_called_has_a_certificate_and_nobody_else(safest: Rendered) -> None:
    def has_certificate(name: str) -> bool:
        (workload,) = [one for one in safest.workloads if one["metadata"]["name"] == f"qz-{name}-blue"]
        return "QUIETZONE_RPC_TLS_CERT" in environment(workload["spec"]["template"]["spec"]["containers"][0])

    assert [has_certificate(name) for name in ("qr", "analytics", "gateway", "edge", "links", "qr-health")] == [True] * 4 + [False] * 2


def test_each_host_has_an_ingress_and_a_certificate_of_its_own(safest: Rendered) -> None:
    hosts = {
        one["metadata"]["name"]: (one["spec"]["rules"][0]["host"], one["spec"]["tls"][0]["secretName"]) for one in safest.of("Ingress")
    }
    signed = {one["spec"]["secretName"]: one["spec"]["dnsNames"] for one in safest.of("Certificate") if "dnsNames" in one["spec"]}

    assert hosts == {
        "qz-scans": ("scan.example.com", "qz-scans-tls"),
        "qz-api": ("api.example.com", "qz-api-tls"),
        "qz-files": ("files.example.com", "qz-files-tls"),
    }
    assert (signed["qz-scans-tls"], signed["qz-api-tls"]) == (["scan.example.com"], ["api.example.com"])


def test_a_gateway_listens_to_each_host_by_itself(helm: Helm) -> None:
    (gateway,) = helm.render(merged(INSTALL, {"gatewayApi": GATEWAY_API})).of("Gateway")

    listeners = [(one["name"], one["hostname"], one["protocol"]) for one in gateway["spec"]["listeners"]]
    assert listeners == [(name, f"{host}.example.com", "HTTPS") for name, host in (("scans", "scan"), ("api", "api"), ("files", "files"))]


def test_printed_codes_lead_to_the_scan_host(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"hosts": {"scans": "q.example.org", "https": False}}))
    (container,) = rendered.named("Deployment", "qr-blue")["spec"]["template"]["spec"]["containers"]

    assert environment(container)["QUIETZONE_SCAN_BASE_URL"] == "http://q.example.org"


def test_an_image_can_be_named_by_its_digest(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"image": {"references": {"qr": "registry.example.com/acme/qr@sha256:abc"}}}))

    images = {one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"] for one in rendered.workloads}
    assert (images["qz-qr-blue"], images["qz-qr-health-blue"]) == ("registry.example.com/acme/qr@sha256:abc",) * 2
    assert images["qz-gateway-blue"] == "quietzone-gateway:0.1.0"


def test_rules_and_dashboards_arrive_as_they_are_written(helm: Helm, tmp_path: Path) -> None:
    chart = Path(shutil.copytree(CHART, tmp_path / "chart"))
    rule = {"alert": "Odd", "expr": "up == 0", "annotations": {"summary": "{{ $labels.instance }} is gone"}}
    for folder in ("rules", "dashboards"):
        shutil.rmtree(chart / folder, ignore_errors=True)
        (chart / folder).mkdir()
    (chart / "rules" / "scans.yaml").write_text(json.dumps({"groups": [{"name": "scans", "rules": [rule]}]}))
    (chart / "dashboards" / "scans.json").write_text('{"title": "{{instance}}"}')
    monitoring = {"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}, "labels": {"release": "prometheus"}}

    rendered = helm.on(chart).render(merged(INSTALL, {"monitoring": monitoring}))

    made: dict[str, Any] = rendered.named("PrometheusRule", "scans")
    assert made["spec"] == {"groups": [{"name": "scans", "rules": [rule]}]}
    assert made["metadata"]["labels"]["release"] == "prometheus"
    assert rendered.named("ConfigMap", "dashboard-scans")["data"] == {"scans.json": '{"title": "{{instance}}"}'}


def test_alerts_lead_to_where_the_runbooks_are_published(helm: Helm) -> None:
    monitoring = {"prometheusRule": {"enabled": True, "runbooks": "https://runbooks.example.org/quietzone/"}}
    made = helm.render(merged(INSTALL, {"monitoring": monitoring})).named("PrometheusRule", "scans")
    pages = [rule["annotations"]["runbook_url"] for group in made["spec"]["groups"] for rule in group["rules"] if "alert" in rule]

    assert "https://runbooks.example.org/quietzone/scans-lost.md" in pages
    assert [page for page in pages if not page.startswith("https://runbooks.example.org/quietzone/")] == []


def test_every_port_with_metrics_is_read(safest: Rendered) -> None:
    (monitor,) = safest.of("ServiceMonitor")

    assert [one["port"] for one in monitor["spec"]["endpoints"]] == ["ops", "ops-forwarder"]


def test_a_spool_without_an_edge_is_drained_by_a_job(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"adopt": ["spool-qz-edge-green-3"]}))
    (job,) = [one for one in rendered.of("Job") if one["metadata"]["name"].startswith("adopt-spool-qz-edge-green-3-")]

    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["drain"]
    assert {"name": "spool", "persistentVolumeClaim": {"claimName": "spool-qz-edge-green-3"}} in job["spec"]["template"]["spec"]["volumes"]


def test_the_main_job_is_done_by_helm_test(helm: Helm) -> None:
    test = helm.render(INSTALL).named("Pod", "test")
    variables = environment(test["spec"]["containers"][0])

    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert (variables["QUIETZONE_API_URL"], variables["QUIETZONE_SCANS_URL"]) == ("http://qz-gateway:8000", "http://qz-edge:8080")


def test_the_main_job_is_done_with_the_release_that_answers(helm: Helm) -> None:
    green = {"activeColor": "green", "colors": {"green": {"workers": True}}}
    (container,) = helm.render(merged(INSTALL, {"rollout": merged(TWO, green)})).named("Pod", "test")["spec"]["containers"]

    assert container["image"] == "quietzone-cli:2.0.0"


def test_operators_commands_have_all_that_they_need(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"rollout": TWO}))
    roles = [environment(container) for workload in rendered.workloads for container in containers(workload["spec"]["template"])]
    wanted = {name for role in roles for name, value in role.items() if isinstance(value, dict)} - {
        "QUIETZONE_CALLER_KEY",
        "QUIETZONE_GATEWAY_SECRET_KEY",
        "QUIETZONE_NOTIFICATION_SECRET_KEY",
    }
    for color, tag in (("blue", "1.0.0"), ("green", "2.0.0")):
        blueprint = rendered.named("CronJob", f"console-{color}")["spec"]
        (container,) = blueprint["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        given = environment(container)

        assert (blueprint["suspend"], container["image"]) == (True, f"quietzone-cli:{tag}")
        assert {name for name, value in given.items() if isinstance(value, dict)} == wanted
        assert (given["BACKENDS"], given["QUIETZONE_API_URL"]) == ("real", "http://qz-gateway:8000")


@pytest.mark.parametrize("job", ["clean-up", "sweep", "scrub"])
def test_jobs_for_files_are_made_by_hand_with_the_release_of_either_colour(helm: Helm, job: str) -> None:
    rendered = helm.render(merged(INSTALL, {"rollout": TWO}))
    for color, tag in (("blue", "1.0.0"), ("green", "2.0.0")):
        blueprint = rendered.named("CronJob", f"storage-{job}-{color}")["spec"]
        made = blueprint["jobTemplate"]["spec"]
        (container,) = made["template"]["spec"]["containers"]

        assert (blueprint["suspend"], container["image"], container["args"]) == (True, f"quietzone-storage:{tag}", [job])
        assert (made["backoffLimit"], made["activeDeadlineSeconds"]) == (0, 86400)


def test_one_role_answers_one_matches_and_one_sends(helm: Helm) -> None:
    rendered = helm.render(INSTALL)

    def told(role: str) -> tuple[Any, Any]:
        (container,) = rendered.named("Deployment", f"{role}-blue")["spec"]["template"]["spec"]["containers"]
        variables = environment(container)
        return variables.get("QUIETZONE_NOTIFICATION_MATCH"), variables.get("QUIETZONE_NOTIFICATION_SEND")

    assert (told("notification"), told("notification-match"), told("notification-send")) == (("false", "false"), (None, None), (None, None))


def test_a_sender_is_called_as_its_pod_and_has_time_to_end_its_attempts(helm: Helm) -> None:
    pod = helm.render(INSTALL).named("Deployment", "notification-send-blue")["spec"]["template"]["spec"]
    variables = environment(pod["containers"][0])

    assert not {"hostname", "hostNetwork"} & pod.keys()  # else a pod's host isn't called as the pod
    assert "QUIETZONE_NOTIFICATION_SENDER" not in variables
    assert int(variables["QUIETZONE_DRAIN_S"]) > LEAVE_WITHIN_S


def test_a_sender_looks_receivers_up_as_they_are_called_and_waits_for_no_name_server(helm: Helm) -> None:
    rendered = helm.render(INSTALL)
    configured = {one["metadata"]["name"]: one["spec"]["template"]["spec"].get("dnsConfig") for one in rendered.workloads}

    assert {name: options for name, options in configured.items() if options} == {
        "qz-notification-send-blue": {"options": [{"name": "ndots", "value": "1"}, {"name": "timeout", "value": "2"}]}
    }


def test_pages_that_mails_lead_to_are_at_the_api(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"hosts": {"api": "api.example.org"}}))
    (container,) = rendered.named("Deployment", "notification-send-blue")["spec"]["template"]["spec"]["containers"]

    assert environment(container)["QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL"] == "https://api.example.org/unsubscribe"


def test_a_job_has_settings_of_its_own_over_those_of_its_part(helm: Helm) -> None:
    dry = {"settings": {"STORAGE_SWEEP_GRACE_H": 48}, "jobs": {"sweep": {"settings": {"STORAGE_SWEEP_DRY_RUN": True}}}}
    rendered = helm.render(merged(INSTALL, {"parts": {"storage": dry}}))

    def given(job: str) -> tuple[Any, Any]:
        (container,) = rendered.named("CronJob", f"storage-{job}-blue")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        variables = environment(container)
        return variables["QUIETZONE_STORAGE_SWEEP_GRACE_H"], variables.get("QUIETZONE_STORAGE_SWEEP_DRY_RUN")

    assert (given("sweep"), given("scrub")) == (("48", "true"), ("48", None))


def test_a_role_gets_files_of_its_own(helm: Helm) -> None:
    settings = {"GATEWAY_MAPPINGS": "/etc/quietzone/files/mappings.json"}
    with_file, changed = (
        helm.render(merged(INSTALL, {"parts": {"gateway": {"roles": {"serve": {"files": {"mappings.json": text}, "settings": settings}}}}}))
        for text in ("[]", "[ ]")
    )
    pod = with_file.named("Deployment", "gateway-blue")["spec"]["template"]
    container = pod["spec"]["containers"][0]
    folder = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "files")

    assert with_file.named("ConfigMap", "gateway-blue-files")["data"] == {"mappings.json": "[]"}
    assert environment(container)["QUIETZONE_GATEWAY_MAPPINGS"] == f"{folder}/mappings.json"
    assert pod["metadata"]["annotations"] != changed.named("Deployment", "gateway-blue")["spec"]["template"]["metadata"]["annotations"]


def test_for_development_the_code_can_be_written_to(helm: Helm) -> None:
    rendered = helm.render(merged(INSTALL, {"development": {"sync": True}}))

    for workload in rendered.workloads:
        copies, *running = containers(workload["spec"]["template"])
        assert copies["command"] == ["cp", "-r", "/quietzone/.", "/code"]
        assert all({"name": "code", "mountPath": "/quietzone"} in container["volumeMounts"] for container in running)
