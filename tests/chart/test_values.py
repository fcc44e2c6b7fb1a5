"""Wrong values are refused with a sentence, and each value is described."""

import json
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from chart.combinations import EXTRAS, GATEWAY_API, INSTALL, TWO
from chart.rendering import CHART, LONGEST_CRON_JOB, LONGEST_NAME, SERVERS, Helm, Refused, Values, merged

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
KUBERNETES = {"A toleration.", "A peer.", "A parentRef, as the Gateway API has it."}
"""Kubernetes' own objects, which it checks itself."""

REFUSALS: dict[str, tuple[Values, str]] = {
    "no servers": ({"servers": {"existingSecret": ""}}, "where are Kafka, MongoDB, Redis and S3? Set servers.existingSecret"),
    "servers twice": ({"servers": {"urls": SERVERS}}, "servers.existingSecret and servers.urls: set one of them only"),
    "a URL that is missing": (
        {"servers": {"existingSecret": "", "urls": {**SERVERS, "QUIETZONE_BUS_URL": ""}}},
        "servers.urls.QUIETZONE_BUS_URL: not set, and an enabled part needs it",
    ),
    "a store of secrets without a name": (
        {"servers": {"existingSecret": "", "externalSecret": {"enabled": True}}},
        "servers.externalSecret: set store.name and key",
    ),
    "a colour that isn't there": (
        {"rollout": {"activeColor": "green"}},
        "rollout.activeColor: green isn't enabled, so nobody would answer",
    ),
    "no such colour": ({"rollout": {"activeColor": "red"}}, "at '/rollout/activeColor': value must be one of 'blue', 'green'"),
    "no workers": ({"rollout": {"colors": {"blue": {"workers": False}}}}, "rollout.colors: no enabled colour has workers"),
    "no such strategy": ({"rollout": {"strategy": "bigbang"}}, "at '/rollout/strategy': value must be one of"),
    "one image for two colours": (
        {"rollout": TWO, "image": {"references": {"qr": "qr@sha256:1"}}},
        "image.references: the same image in both colours is no release",
    ),
    "a weight without a canary": ({"rollout": {"canary": {"weight": 5}}}, "rollout.canary.weight: only for rollout.strategy=canary"),
    "a weight beyond all": ({"rollout": {"canary": {"weight": 101}}}, "at '/rollout/canary/weight': maximum: got 101, want 100"),
    "a canary without routes": ({"rollout": {"strategy": "canary"}}, "weights are set on HTTPRoutes; set gatewayApi.enabled=true"),
    "a share for nobody": (
        {"rollout": {"strategy": "canary", "canary": {"weight": 5}}, "gatewayApi": GATEWAY_API},
        "rollout.canary.weight: green isn't enabled",
    ),
    "a Gateway of no class": ({"gatewayApi": {"enabled": True}}, "gatewayApi.className: which controller shall serve the Gateway?"),
    "routes without a Gateway": ({"gatewayApi": {"enabled": True, "create": False}}, "gatewayApi.parentRefs: name the Gateway"),
    "one host for both": ({"hosts": {"scans": "q.example", "api": "q.example"}}, "hosts.scans and hosts.api: two hosts, please"),
    "files beside the API": ({"hosts": {"files": "api.example.com"}}, "hosts.files: a host of its own, please"),
    "a port in an Ingress": ({"ingress": {"enabled": True}, "hosts": {"api": "localhost:8000"}}, "hosts.api: localhost:8000 has a port"),
    "nobody to sign": ({"tls": {"certManager": {"enabled": True}}}, "tls.certManager.issuer.name: who shall sign"),
    "lag without Prometheus": (
        {"parts": {"analytics": {"roles": {"project": {"autoscaling": {"lag": {"enabled": True}}}}}}},
        "KEDA asks Prometheus for the lag; set monitoring.prometheusUrl",
    ),
    "a peer that doesn't run": (
        {"parts": {"analytics": {"roles": {"serve": {"enabled": False}}}}},
        "parts.gateway.roles.serve.peers.ANALYTICS_ADDRESS: there is no part analytics with a role serve that is enabled",
    ),
    "a server that nobody knows": (
        {"parts": {"qr": {"roles": {"serve": {"servers": ["busses"]}}}}},
        "parts.qr.roles.serve.servers: busses isn't among networkPolicies.servers (blobs, bus, cache, copies, documents, mail, scanner)",
    ),
    "an edge without a disk": ({"parts": {"tracking": {"roles": {"edge": {"spool": None}}}}}, "an edge needs a spool"),
    "a name that is too long": ({"fullnameOverride": "a" * 28}, "at '/fullnameOverride': maxLength: got 28, want 27"),
    "a part whose name leaves too little": (
        {
            "parts": {"observability": {"roles": {"serve": {"kind": "serving", "enabled": True, "replicas": 1, "servers": ["bus"]}}}},
            "fullnameOverride": "a" * 24,
        },
        "take a release name (or fullnameOverride) of at most 23 characters",
    ),
    "a job whose name leaves too little": (
        {"parts": {"storage": {"jobs": {"clean-up-all": {}}}}, "fullnameOverride": "a" * 26},
        "take a release name (or fullnameOverride) of at most 25 characters",
    ),
    "a slip of the keys": ({"rollout": {"activeColour": "blue"}}, "at '/rollout': additional properties 'activeColour' not allowed"),
    "a slip in a role": ({"parts": {"qr": {"roles": {"serve": {"replica": 3}}}}}, "additional properties 'replica' not allowed"),
    "a setting in small letters": ({"settings": {"log_level": "debug"}}, "invalid propertyName 'log_level'"),
    "replicas as a text": ({"parts": {"qr": {"roles": {"serve": {"replicas": "two"}}}}}, "got string, want integer"),
    "no kind of role": ({"parts": {"qr": {"roles": {"serve": {"kind": "server"}}}}}, "value must be one of 'serving', 'worker', 'edge'"),
    "a tag that no image can have": ({"image": {"tag": "a b"}}, "at '/image/tag'"),
    "a proxy that isn't a network": ({"hosts": {"trustedProxies": ["10.0.0.1"]}}, "at '/hosts/trustedProxies/0'"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_values_that_can_not_work_are_refused_with_a_sentence(helm: Helm, name: str) -> None:
    values, sentence = REFUSALS[name]

    with pytest.raises(Refused) as refused:
        helm.render(merged(INSTALL, values))

    assert sentence in str(refused.value)


def test_a_release_name_that_is_too_long_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"take a release name \(or fullnameOverride\) of at most 27 characters"):
        helm.text(INSTALL, release="a" * 28)


@pytest.mark.parametrize("extra", ["safest", "largest"])
def test_with_the_longest_release_name_all_names_are_such_as_kubernetes_takes(helm: Helm, extra: str) -> None:
    rendered = helm.render(merged(INSTALL, EXTRAS[extra], {"rollout": TWO, "fullnameOverride": "a" * 27, "gatewayApi": GATEWAY_API}))
    longest = {"CronJob": LONGEST_CRON_JOB}
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered.objects]

    assert [(kind, name) for kind, name in names if len(name) > longest.get(kind, LONGEST_NAME)] == []
    assert max(len(name) for kind, name in names if kind == "CronJob") == LONGEST_CRON_JOB


def test_jobs_of_a_part_with_a_long_name_have_a_short_one(helm: Helm) -> None:
    rendered = helm.render(INSTALL)

    assert rendered.named("CronJob", "notify-verify-blue")["metadata"]["labels"]["quietzone/part"] == "notification"


def test_the_values_for_development_are_good_ones(helm: Helm) -> None:
    values = yaml.safe_load((CHART / "values-dev.yaml").read_text())

    assert helm.render(values).named("StatefulSet", "edge-blue")["spec"]["replicas"] == 1


def test_a_new_part_is_one_block_of_values(helm: Helm) -> None:
    vouchers = {
        "kind": "serving",
        "enabled": True,
        "replicas": 2,
        "port": {"protocol": "grpc", "number": 9109, "setting": "VOUCHERS_LISTEN"},
        "servers": ["bus", "blobs"],
        "secrets": ["QUIETZONE_BUS_URL"],
    }
    gateway = {"roles": {"serve": {"peers": {"VOUCHERS_ADDRESS": "vouchers"}}}}
    rendered = helm.render(merged(INSTALL, {"parts": {"vouchers": {"roles": {"serve": vouchers}}, "gateway": gateway}}))

    made = {one["kind"] for one in rendered.objects if one["metadata"]["name"].startswith("qz-vouchers")}
    assert made == {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy", "CronJob"}


def test_settings_of_a_part_are_over_those_of_all_and_those_of_a_role_over_both(helm: Helm) -> None:
    parts = {"qr": {"settings": {"LOG_LEVEL": "warning"}, "roles": {"health": {"settings": {"LOG_LEVEL": "debug"}}}}}
    rendered = helm.render(merged(INSTALL, {"settings": {"LOG_LEVEL": "error"}, "parts": parts}))

    def level(name: str) -> str:
        (container,) = rendered.named("Deployment", name)["spec"]["template"]["spec"]["containers"]
        return str(next(one["value"] for one in container["env"] if one["name"] == "QUIETZONE_LOG_LEVEL"))

    assert [level(name) for name in ("links-blue", "qr-blue", "qr-health-blue")] == ["error", "warning", "debug"]


def test_a_setting_among_the_values_comes_before_what_may_be_in_the_servers_secret(helm: Helm) -> None:
    scanner = {"parts": {"storage": {"settings": {"STORAGE_SCANNER_URL": "clamd://clamd:3310"}}}}
    (container,) = helm.render(merged(INSTALL, scanner)).named("Deployment", "storage-work-blue")["spec"]["template"]["spec"]["containers"]

    given = [one for one in container["env"] if one["name"] in {"QUIETZONE_STORAGE_SCANNER_URL", "QUIETZONE_STORAGE_COPIES_URL"}]
    assert [one.get("value", "of the Secret") for one in given] == ["clamd://clamd:3310", "of the Secret"]


@pytest.mark.parametrize(("value", "text"), [(4_000_000_000, "4000000000"), (0.5, "0.5"), (False, "false"), (0, "0")])
def test_a_setting_reaches_its_process_as_it_was_written(helm: Helm, value: float, text: str) -> None:
    rendered = helm.render(merged(INSTALL, {"settings": {"THING": 7}, "parts": {"qr": {"settings": {"THING": value}}}}))
    (container,) = rendered.named("Deployment", "qr-blue")["spec"]["template"]["spec"]["containers"]

    assert {"name": "QUIETZONE_THING", "value": text} in container["env"]


def test_each_value_is_described() -> None:
    assert [path for path, node in _nodes("", SCHEMA) if "description" not in node and path] == []


def test_no_object_takes_values_that_are_not_described() -> None:
    open_ones = [
        path
        for path, node in _nodes("", SCHEMA)
        if node.get("type") == "object" and "additionalProperties" not in node and not _is_kubernetes(path, node)
    ]

    assert open_ones == []


def test_the_readme_says_what_the_schema_says() -> None:
    assert (CHART / "README.md").read_text() == runpy.run_path(str(CHART.parent / "make_readme.py"))["readme"](), (
        "run: python charts/make_readme.py"
    )


def _is_kubernetes(path: str, node: Any) -> bool:
    return node["description"] in KUBERNETES or path.endswith((".affinity", ".global"))


def _nodes(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """The schema of each value, by its path; where another one is named instead, that has the words."""
    if "$ref" in node and "description" not in node:
        node = {**SCHEMA["$defs"][node["$ref"].rpartition("/")[2]], **node}
        yield path, node
        return
    yield path, node
    for name, child in {**node.get("properties", {}), **node.get("$defs", {})}.items():
        yield from _nodes(f"{path}.{name}", child)
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from _nodes(f"{path}.{name}", node[name])
