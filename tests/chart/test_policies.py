"""Who may talk to whom: worked out from the policies as a network does, and compared with what the values declare."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import yaml

from chart.combinations import INSTALL, STRATEGIES
from chart.rendering import CHART, Helm, Manifest, Rendered, Values, merged
from quietzone_notification.delivery.reach import DEFAULT_PORTS

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

WEBHOOKS = {*DEFAULT_PORTS}
"""Ports that webhooks go to."""

Pod = Mapping[str, str]  # its labels
Edge = tuple[str, str, int]  # from, to, port


@pytest.fixture(scope="module")
def staged(helm: Helm) -> Rendered:
    """Both colours, and who may call public roles named, so that nothing is open to everybody."""
    ingress = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    source = {"servers": {"existingSecret": "servers"}}
    return helm.render(merged(source, STRATEGIES["green is staged"], {"networkPolicies": {"public": {"from": ingress}}}))


def test_nobody_in_the_release_may_call_anybody_but_the_peers_that_are_declared(staged: Rendered) -> None:
    assert set(_edges(staged)) == set(_declared())


def test_calls_stay_within_their_colour(staged: Rendered) -> None:
    colored = [(one, other) for one, other, _ in _edges(staged) if one not in ("test", "console")]

    assert [(one, other) for one, other in colored if one.rpartition(" ")[2] != other.rpartition(" ")[2]] == []


def test_every_pod_is_closed_by_default(renders: Mapping[str, Rendered]) -> None:
    for combination, rendered in renders.items():
        policies = rendered.of("NetworkPolicy")
        for name, pod in rendered.pods():
            mine = [one["spec"] for one in policies if _matches(one["spec"]["podSelector"], pod["metadata"]["labels"])]
            closed = {kind for spec in mine for kind in spec["policyTypes"]} == {"Ingress", "Egress"}

            assert closed or "smallest" in combination, f"{combination}: {name}"


def test_a_role_reaches_the_servers_that_it_declares_and_no_others(staged: Rendered) -> None:
    ports = {name: set(server["ports"]) for name, server in VALUES["networkPolicies"]["servers"].items()}
    for part, its in VALUES["parts"].items():
        for role, own in its["roles"].items():
            servers = {*own.get("servers", ()), *(one for sidecar in own.get("sidecars", {}).values() for one in sidecar["servers"])}
            wanted = set().union(*(ports[one] for one in servers))
            if own.get("internet"):
                wanted |= set(VALUES["networkPolicies"]["internet"]["ports"])

            assert _ports_outside(staged, {"quietzone/part": part, "quietzone/role": role}) == wanted, f"{part} {role}"


def test_mail_leaves_the_gateways_worker_and_authorisers_are_asked_by_the_api(staged: Rendered) -> None:
    outside = {role: _ports_outside(staged, {"quietzone/part": "gateway", "quietzone/role": role}) for role in ("serve", "work")}

    assert ({465, 587} & outside["serve"], 443 in outside["serve"]) == (set(), True)
    assert ({465, 587} <= outside["work"], 443 in outside["work"]) == (True, False)


def test_the_scanner_is_asked_by_storages_worker_and_copies_are_purged_by_its_api_too(staged: Rendered) -> None:
    outside = {
        role: _ports_outside(staged, {"quietzone/part": "storage", "quietzone/role": role}) & {3310, 6081}
        for role in ("serve", "files", "work")
    }

    assert outside == {"serve": {6081}, "files": set(), "work": {3310, 6081}}


def test_only_the_sender_of_notification_goes_out_into_the_world(staged: Rendered) -> None:
    outside = {
        role: _ports_outside(staged, {"quietzone/part": "notification", "quietzone/role": role}) for role in ("serve", "match", "send")
    }
    bus_and_store, mail = {9092, 27017}, {465, 587}

    assert outside == {"serve": bus_and_store, "match": bus_and_store, "send": bus_and_store | mail | WEBHOOKS}


def test_webhooks_reach_the_internet_and_none_of_our_own_networks(staged: Rendered) -> None:
    rules = [rule for rule in staged.named("NetworkPolicy", "notification-send-blue")["spec"]["egress"] if _ports(rule) == WEBHOOKS]
    (blocks,) = [[peer["ipBlock"] for peer in rule["to"]] for rule in rules]

    assert [block["cidr"] for block in blocks] == ["0.0.0.0/0", "::/0"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(blocks[0]["except"])
    assert {"::1/128", "fc00::/7", "fe80::/10"} <= set(blocks[1]["except"])


def test_a_sender_behind_a_proxy_goes_nowhere_else(helm: Helm) -> None:
    proxy = {"podSelector": {"matchLabels": {"app": "egress"}}}
    send = {"internet": False, "servers": ["bus", "documents", "mail", "proxy"]}
    values = {
        "networkPolicies": {"servers": {"proxy": {"to": [proxy], "ports": [3128]}}},
        "parts": {"notification": {"settings": {"NOTIFICATION_WEBHOOK_PROXY": "http://egress:3128"}, "roles": {"send": send}}},
    }
    rules = helm.render(merged(INSTALL, values)).named("NetworkPolicy", "notification-send-blue")["spec"]["egress"]

    assert [rule["to"] for rule in rules if _ports(rule) == {3128}] == [[proxy]]
    assert [rule for rule in rules if _ports(rule) & WEBHOOKS] == []


@pytest.mark.parametrize(
    ("hosts", "port"), [({}, 443), ({"https": False}, 80), ({"files": "files.example.com:8443"}, 8443), ({"files": "[::1]:8082"}, 8082)]
)
def test_a_cache_is_warmed_up_at_the_port_of_the_files_host(helm: Helm, hosts: Values, port: int) -> None:
    closed = {"networkPolicies": {"servers": {kind: {"ports": [9]} for kind in VALUES["networkPolicies"]["servers"]}}}
    rendered = helm.render(merged(INSTALL, closed, {"hosts": hosts}))

    assert _ports_outside(rendered, {"quietzone/part": "storage", "quietzone/role": "serve"}) == {9, port}


def test_a_cache_may_fetch_files_where_public_roles_are_closed(helm: Helm) -> None:
    ingress, cache = {"namespaceSelector": {"matchLabels": {"name": "ingress"}}}, {"podSelector": {"matchLabels": {"app": "varnish"}}}
    files = {"storage": {"roles": {"files": {"callers": [cache]}}}}
    rendered = helm.render(merged(INSTALL, {"parts": files, "networkPolicies": {"public": {"from": [ingress]}}}))

    def callers(name: str) -> list[Manifest]:
        return [one for one in rendered.named("NetworkPolicy", name)["spec"]["ingress"][0]["from"] if one in (ingress, cache)]

    assert (callers("files-blue"), callers("edge-blue")) == ([ingress, cache], [ingress])


@pytest.mark.parametrize("job", VALUES["parts"]["storage"]["jobs"])
def test_jobs_reach_the_servers_of_their_part(staged: Rendered, job: str) -> None:
    roles = VALUES["parts"]["storage"]["roles"].values()
    servers = {VALUES["networkPolicies"]["servers"][kind]["ports"][0] for role in roles for kind in role["servers"]}

    assert servers <= _ports_outside(staged, {"quietzone/part": "storage", "quietzone/role": job})


def test_operators_commands_reach_all_servers(staged: Rendered) -> None:
    ports = set().union(*(server["ports"] for server in VALUES["networkPolicies"]["servers"].values()))

    assert _ports_outside(staged, {"quietzone/role": "console"}) == ports


def test_the_internet_is_not_our_own_networks(staged: Rendered) -> None:
    (block,) = [
        peer["ipBlock"]
        for rule in staged.named("NetworkPolicy", "qr-health-blue")["spec"]["egress"]
        for peer in rule["to"]
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" and {"port": 80, "protocol": "TCP"} in rule["ports"]
    ]

    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"} <= set(block["except"])


def test_metrics_are_read_from_the_namespace_that_is_named_only(staged: Rendered) -> None:
    readers = [
        rule["from"]
        for policy in staged.of("NetworkPolicy")
        for rule in policy["spec"].get("ingress") or ()
        if any(port["port"] == 9090 for port in rule["ports"])
    ]

    assert readers
    assert all(reader == VALUES["networkPolicies"]["monitoring"]["from"] for reader in readers)


def _declared() -> Iterator[Edge]:
    """What the values say: peers of the same colour, what is verified before it answers, `helm test` and operators on public roles."""
    parts = VALUES["parts"]
    for color in ("blue", "green"):
        for part, its in parts.items():
            for role, own in its["roles"].items():
                for peer in own.get("peers", {}).values():
                    port = parts[peer]["roles"]["serve"]["port"]["number"]
                    yield f"{part} {role} {color}", f"{peer} serve {color}", port
                    yield f"{part} verify {color}", f"{peer} serve {color}", port
                if own.get("public"):
                    for caller in ("test", "console"):
                        yield caller, f"{part} {role} {color}", own["port"]["number"]


def _edges(rendered: Rendered) -> Iterator[Edge]:
    """All (from, to, port) between pods of the release that the policies let through."""
    policies = [one["spec"] for one in rendered.of("NetworkPolicy")]
    pods = {_name(pod): pod for pod in (one["metadata"]["labels"] for _, one in rendered.pods())}
    for one, source in pods.items():
        for other, target in pods.items():
            out = _allowed(policies, source, target, "egress", "to")
            into = _allowed(policies, target, source, "ingress", "from")
            yield from ((one, other, port) for port in out & into)


def _name(labels: Pod) -> str:
    return " ".join(labels[f"quietzone/{key}"] for key in ("part", "role", "color") if f"quietzone/{key}" in labels)


def _allowed(policies: Sequence[Manifest], pod: Pod, peer: Pod, direction: str, whom: str) -> set[int]:
    """Ports on which `pod` may exchange with `peer` in this direction."""
    return {
        port["port"]
        for policy in policies
        if _matches(policy["podSelector"], pod)
        for rule in policy.get(direction) or ()
        if whom not in rule or any("namespaceSelector" not in one and _matches(one.get("podSelector"), peer) for one in rule[whom])
        for port in rule["ports"]
    }


def _ports(rule: Manifest) -> set[int]:
    return {port["port"] for port in rule["ports"]}


def _matches(selector: Manifest | None, labels: Pod) -> bool:
    if selector is None:
        return False  # an ipBlock: what is outside
    wanted = selector.get("matchLabels", {})
    listed = selector.get("matchExpressions", [])
    return wanted.items() <= labels.items() and all(labels.get(one["key"]) in one["values"] for one in listed)


def _ports_outside(rendered: Rendered, labels: Pod) -> set[int]:
    """Ports of addresses outside of the release that a role may call."""
    (pod, *_) = [one["metadata"]["labels"] for _, one in rendered.pods() if labels.items() <= one["metadata"]["labels"].items()]
    return {
        port["port"]
        for policy in rendered.of("NetworkPolicy")
        if _matches(policy["spec"]["podSelector"], pod)
        for rule in policy["spec"].get("egress") or ()
        if any("ipBlock" in peer for peer in rule["to"])
        for port in rule["ports"]
    }
