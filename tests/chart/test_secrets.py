"""Who gets which secret."""

from collections.abc import Mapping
from typing import Any

import yaml

from chart.combinations import INSTALL
from chart.rendering import CHART, SERVERS, Helm, Rendered, containers, environment, merged

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
KEYS = {
    "caller": "QUIETZONE_CALLER_KEY",
    "account": "QUIETZONE_API_KEY",
    "gateway": "QUIETZONE_GATEWAY_SECRET_KEY",
    "notification": "QUIETZONE_NOTIFICATION_SECRET_KEY",
}
"""Variables of the keys that roles declare."""


def test_a_role_gets_the_keys_that_it_declares_and_no_others(helm: Helm) -> None:
    rendered = helm.render(INSTALL)
    for part, its in VALUES["parts"].items():
        for role, own in its["roles"].items():
            (pod,) = [
                one["spec"]["template"]
                for one in rendered.workloads
                if one["spec"]["selector"]["matchLabels"].items() >= {"quietzone/part": part, "quietzone/role": role}.items()
            ]
            wanted = {*own.get("secrets", ()), *own.get("optionalSecrets", ()), *(KEYS[one] for one in own.get("keys", ()))}
            given = {name for name, value in environment(pod["spec"]["containers"][0]).items() if isinstance(value, dict)}

            assert given == wanted, f"{part} {role}"


def test_a_sidecar_gets_no_more_than_it_declares(helm: Helm) -> None:
    (forwarder,) = helm.render(INSTALL).named("StatefulSet", "edge-blue")["spec"]["template"]["spec"]["initContainers"]

    assert {name for name, value in environment(forwarder).items() if isinstance(value, dict)} == {"QUIETZONE_BUS_URL"}


def test_no_password_stands_in_a_pod(renders: Mapping[str, Rendered]) -> None:
    wrong = [
        (combination, name, variable)
        for combination, rendered in renders.items()
        for name, pod in rendered.pods()
        for container in containers(pod)
        for variable, value in environment(container).items()
        if isinstance(value, str) and (variable.endswith(("_API_KEY", "_CALLER_KEY", "_SECRET_KEY", "ACCESS_KEY")) or variable in SERVERS)
    ]

    assert wrong == []


def test_every_secret_that_pods_want_is_made_or_named(renders: Mapping[str, Rendered]) -> None:
    theirs = {"quietzone-servers", "quietzone-files", "account", "caller", "registry"}
    for combination, rendered in renders.items():
        made = {one["metadata"]["name"] for one in rendered.of("Secret")}
        made |= {one["spec"]["target"]["name"] for one in rendered.of("ExternalSecret")}
        made |= {one["spec"]["secretName"] for one in rendered.of("Certificate")}
        wanted = set()
        for _, pod in rendered.pods():
            wanted |= {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
            for container in containers(pod):
                wanted |= {value["secretKeyRef"]["name"] for value in environment(container).values() if isinstance(value, dict)}

        assert wanted <= made | theirs, combination


def test_what_runs_before_an_install_needs_nothing_of_the_release_itself(renders: Mapping[str, Rendered]) -> None:
    for combination, rendered in renders.items():
        for job in rendered.of("Job"):
            if job["metadata"].get("annotations", {}).get("helm.sh/hook") is None:
                continue
            before = {one["metadata"]["name"] for one in rendered.objects if _weight(one) < _weight(job)} | {
                "quietzone-servers",
                "quietzone-files",
            }
            pod = job["spec"]["template"]
            wanted = {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
            for container in containers(pod):
                wanted |= {value["secretKeyRef"]["name"] for value in environment(container).values() if isinstance(value, dict)}

            assert wanted <= before, combination
            assert "serviceAccountName" not in pod["spec"]


def _weight(one: Mapping[str, Any]) -> float:
    """When Helm makes it: the weight of a hook before installs, else after all of them."""
    annotations = one["metadata"].get("annotations", {})
    return int(annotations.get("helm.sh/hook-weight", 0)) if "pre-install" in annotations.get("helm.sh/hook", "") else float("inf")


def test_keys_of_the_installation_are_made_by_install_alone_and_kept(helm: Helm) -> None:
    for name in ("account", "caller"):
        annotations = helm.render(INSTALL).named("Secret", name)["metadata"]["annotations"]

        assert (annotations["helm.sh/hook"], annotations["helm.sh/resource-policy"]) == ("pre-install", "keep")


def test_each_key_of_the_account_is_made_by_install_and_long_enough(helm: Helm) -> None:
    made = helm.render(INSTALL).named("Secret", "account")["stringData"]

    assert made.keys() == {KEYS[key] for key in ("account", "gateway", "notification")}
    assert min(map(len, made.values())) >= 32


def test_an_installation_of_before_goes_on_without_the_key_of_webhooks(helm: Helm) -> None:
    """Its Secret hasn't got it, and no upgrade touches that."""
    sender = helm.render(INSTALL).named("Deployment", "notification-send-blue")["spec"]["template"]["spec"]["containers"][0]

    key = environment(sender)["QUIETZONE_NOTIFICATION_SECRET_KEY"]["secretKeyRef"]
    assert (key["name"], key["optional"]) == ("qz-account", True)


def test_keys_of_the_installation_are_there_before_anything_can_fail(helm: Helm) -> None:
    """An install that fails is gone on with by an upgrade, which doesn't make them."""
    rendered = helm.render(merged(INSTALL, {"servers": {"existingSecret": "", "urls": SERVERS}}))
    keys = [rendered.named("Secret", name) for name in ("caller", "account")]
    others = [one for one in rendered.objects if one not in keys]

    # A key of the account that was there stops an install: what signs calls must be there by then.
    assert _weight(keys[0]) < _weight(keys[1]) < min(map(_weight, others))


def test_for_development_no_key_is_left_to_be_in_the_way_of_another_install(helm: Helm) -> None:
    development = helm.render(yaml.safe_load((CHART / "values-dev.yaml").read_text()))
    servers = [one for path in (CHART.parent.parent / "k8s").glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    keys = {one["metadata"]["name"]: one["stringData"] for one in servers if one["kind"] == "Secret"}
    wanted = {
        (value["secretKeyRef"]["name"], value["secretKeyRef"]["key"])
        for _, pod in development.pods()
        for container in containers(pod)
        for value in environment(container).values()
        if isinstance(value, dict)
    }

    assert [one for one in development.of("Secret") if "keep" in str(one["metadata"].get("annotations"))] == []
    assert {(name, key) for name, data in keys.items() for key in data} == {
        (name, key) for name, key in wanted if not name.startswith("qz-servers")
    }


def test_the_accounts_key_is_never_replaced(helm: Helm) -> None:
    annotations = helm.render(INSTALL).named("Secret", "account")["metadata"]["annotations"]

    assert "before-hook-creation" not in annotations["helm.sh/hook-delete-policy"]


def test_another_url_replaces_the_pods_that_have_it(helm: Helm) -> None:
    def checksum(bus: str) -> str:
        rendered = helm.render({"servers": {"urls": merged(SERVERS, {"QUIETZONE_BUS_URL": bus})}})
        return str(rendered.named("Deployment", "links-blue")["spec"]["template"]["metadata"]["annotations"]["checksum/servers"])

    assert checksum("kafka://one:9092") != checksum("kafka://two:9092")


def test_another_revision_replaces_the_pods_whose_secret_is_not_ours(helm: Helm) -> None:
    def pod(revision: str) -> Any:
        rendered = helm.render(merged(INSTALL, {"servers": {"revision": revision}}))
        return rendered.named("Deployment", "links-blue")["spec"]["template"]

    assert pod("1") != pod("2")
