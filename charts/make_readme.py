"""Writes charts/quietzone/README.md from values.schema.json, values.yaml and parts' settings: .venv/bin/python charts/make_readme.py."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from quietzone_kit.settings import Settings, describe
from quietzone_notification.settings import NotificationSettings
from quietzone_storage.settings import CleanUpSettings, StorageSettings

CHART = Path(__file__).parent / "quietzone"
LONGEST_DEFAULT = 60  # characters; what is longer is read in values.yaml
EACH_ITS_OWN = {"QUIETZONE_NOTIFICATION_SENDER"}
"""Settings that no two pods may have the same."""

HEAD = """# The Quietzone chart

```
make images REGISTRY=registry.example.com/acme/ TAG=1.0.0
for part in qr tracking analytics storage notification gateway cli; do docker push registry.example.com/acme/quietzone-$part:1.0.0; done
kubectl create secret generic quietzone-servers --from-env-file servers.env
helm install quietzone charts/quietzone --set image.registry=registry.example.com/acme,image.tag=1.0.0 \\
    --set servers.existingSecret=quietzone-servers,hosts.scans=q.example.org,hosts.api=api.example.org,hosts.files=files.example.org
helm test quietzone
```

Kubernetes 1.30 and Helm 3.14, or newer. Kafka, MongoDB, Redis and S3 are outside of it; `servers.env` names them, one `NAME=value` a line:

| key | for |
| --- | --- |
{servers}

`quietzone settings` says what each can be. For development `kubectl apply -k k8s` brings servers and keys up in the namespace, and
`values-dev.yaml` points there.

## What it makes

| part, role | kind | workload (release `quietzone`, colour blue) |
| --- | --- | --- |
{roles}

Services `quietzone-gateway`, `quietzone-edge` and `quietzone-files` select the active colour, `…-preview` the other; gRPC stays within a
colour (`quietzone-qr-blue`). Before each install and upgrade the Job `quietzone-prepare` creates topics and migrates stores; when it fails,
nothing that runs has changed. Jobs for a release are made from suspended CronJobs:
`kubectl create job v --from=cronjob/quietzone-qr-verify-green`.

From blue to green, by values alone (`quietzone release` does it and looks between the steps; `--no-hooks`, since stores were migrated when
green came):

```
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --set rollout.colors.green.enabled=true \\
    --set rollout.colors.blue.tag=1.0.0,rollout.colors.green.tag=1.1.0 # both: a colour without a tag has that of image.tag
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.colors.green.workers=true
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.activeColor=green
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.colors.blue.workers=false
```

Not `--reuse-values`: a newer chart's new values would be missing.

With `rollout.strategy=canary` and the Gateway API the other colour gets a share first, its workers beside the old ones; then it answers:

```
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --set rollout.colors.green.enabled=true \\
    --set rollout.colors.green.workers=true,rollout.colors.blue.tag=1.0.0,rollout.colors.green.tag=1.1.0
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.canary.weight=5    # then 25, 50; 0 takes it back
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.activeColor=green,rollout.canary.weight=0
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks --set rollout.colors.blue.workers=false
```

With `rollout.strategy=rolling`, or Argo Rollouts, `helm upgrade --set image.tag=1.1.0` is all: pods are replaced one by one, or in
`rollout.canary.steps`.

## The account's key

Without `account.existingSecret` the first `helm install` makes one, in the Secret `quietzone-account`. Helm keeps it with the release
too: `helm get hooks quietzone` shows it to whoever may read the release, and after an upgrade shows another one, which was never applied:
believe the Secret. A key of your own stands in no release, and is in no later install's way:

```
kubectl create secret generic quietzone-key --from-literal=QUIETZONE_API_KEY=qz_$(openssl rand -hex 32) \\
    --from-literal=QUIETZONE_GATEWAY_SECRET_KEY=$(openssl rand -hex 32) \\
    --from-literal=QUIETZONE_NOTIFICATION_SECRET_KEY=$(openssl rand -hex 32)
helm install quietzone charts/quietzone --values values.yaml --set account.existingSecret=quietzone-key
```

An installation that a chart before 0.5.0 has made lacks the last one: it has no webhooks, and mails
about people's accounts wait. Add it to its Secret, and have pods see it.

```
kubectl patch secret quietzone-account \\
    --patch "{{\\"stringData\\":{{\\"QUIETZONE_NOTIFICATION_SECRET_KEY\\":\\"$(openssl rand -hex 32)\\"}}}}"
kubectl rollout restart deployment --selector=app.kubernetes.io/component=notification-serve
kubectl rollout restart deployment --selector=app.kubernetes.io/component=notification-send
```

## If the first install fails

```
kubectl logs job/quietzone-prepare --all-containers --ignore-errors # why
helm upgrade quietzone charts/quietzone --reset-then-reuse-values # and --set what was wrong
```

The keys were made before anything could fail, and stay; `helm upgrade --install` does as well. `--atomic` takes the release away again:
then, and when Helm itself was interrupted and `helm uninstall` has tidied up, install as below.

## Install again after an uninstall

`helm uninstall` leaves the Secrets `quietzone-account` and `quietzone-caller`, and the claims of spools, which may hold scans that nobody
else has. The next install refuses to replace the account's key (*secrets "quietzone-account" already exists*): name it.

```
helm install quietzone charts/quietzone --values values.yaml --set account.existingSecret=quietzone-account
```

`quietzone-caller` only signs calls within the release: an install makes it anew, unless `callerKey.existingSecret=quietzone-caller`
keeps it. Edges of the same names take their claims up again.

## Operators' commands

Runbooks say `quietzone doctor`, `dlq`, `topics`, `trace` and `reconcile`. In a cluster they run in a Job that knows all servers and the
account's key, and ends by itself after an hour:

```
kubectl create job console --from=cronjob/quietzone-console-blue # the colour that answers
kubectl wait --for=jsonpath='{{.status.ready}}'=1 job/console --timeout=2m
quietzone() {{ kubectl exec -it job/console -- python -m quietzone_cli "$@"; }}
quietzone doctor
quietzone dlq list
kubectl exec -it job/console -- python -m quietzone_analytics adopt # where services/analytics/README.md asks for it
kubectl delete job console
```

`quietzone release` and `quietzone cost` run where you have `helm`, `kubectl` and Prometheus.

## Files

With `QUIETZONE_STORAGE_SCANNER_URL` in the servers' Secret a clamd looks at uploads; with `QUIETZONE_STORAGE_COPIES_URL` a cache
(docs/varnish.vcl) or CloudFront is told when files change. Both may be values as well, which come first, like the rest of storage's
settings:

| `parts.storage.settings.…` | takes | default | why |
| --- | --- | --- | --- |
{files}

All its roles have the same then, so that a clean-up on request goes by the same days as the daily one. Where policies name single
servers, and `networkPolicies.public.from` the ingress controller, say where these two are, and that the cache may fetch files:

```
networkPolicies:
  servers:
    scanner: {{to: [{{podSelector: {{matchLabels: {{app: clamd}}}}}}]}}
    copies: # the cache, and what the host of files leads to
      to:
        - {{podSelector: {{matchLabels: {{app: varnish}}}}}}
        - {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ingress}}}}}}
parts: {{storage: {{roles: {{files: {{callers: [{{podSelector: {{matchLabels: {{app: varnish}}}}}}]}}}}}}}}
```

The cache lets pods of storage `serve` and `work` purge (`acl purgers` in docs/varnish.vcl). Uploads and clean-ups need no hand; what
operators do now and then are Jobs, which say in their log what they did:

```
kubectl create job scrub --from=cronjob/quietzone-storage-scrub-blue # the colour that answers; `clean-up` and `sweep` likewise
kubectl wait --for=condition=complete job/scrub --timeout=3h
kubectl logs job/scrub # what is gone or damaged; the Job fails then
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --no-hooks \\
    --set parts.storage.jobs.sweep.settings.STORAGE_SWEEP_DRY_RUN=true # the next sweep only says what it would do
```

## Events and notifications

notification `send` goes to the world: to webhooks and to push's providers by `networkPolicies.internet`, to a mail server by
`networkPolicies.servers.mail`. It is the only role that does so of what accounts say, so that nodes of its own (`nodeSelector`) and a way
out of its own are possible. Its sender is called as its pod: a container that is started again has its deliveries at once, those of a
pod that was killed are another's after 5 s, those of one that ends by itself at once. Without `QUIETZONE_NOTIFICATION_MAIL_URL` in the
servers' Secret mails are printed, the gateway's too, which it hands to notification. What else can be set for both `serve` and `send`:

| `parts.notification.settings.…` | takes | default | why |
| --- | --- | --- | --- |
{events}

Files that they name (`?password_file=…`, FCM's credentials) lie in `servers.filesSecret`. Ports that `NOTIFICATION_WEBHOOK_PORTS` adds
are opened by `networkPolicies.internet.ports`, for all roles with `internet`. Through a proxy instead:

```
networkPolicies: {{servers: {{proxy: {{to: [{{podSelector: {{matchLabels: {{app: egress}}}}}}], ports: [3128]}}}}}}
parts:
  notification:
    settings: {{NOTIFICATION_WEBHOOK_PROXY: "http://egress.proxies:3128"}}
    roles: {{send: {{internet: false, servers: [bus, documents, mail, proxy]}}}}
```

For little traffic `serve` can do it all: `match.enabled=false`, `send.enabled=false`, and for `serve` the settings
`NOTIFICATION_MATCH` and `NOTIFICATION_SEND` `"true"`, and servers, `internet` and `dnsOptions` of `send`.

## Fewer edges

Fewer `parts.tracking.roles.edge.replicas`, and an autoscaler too, end the edges with the highest numbers. A forwarder that ends still sends
what waits; what the bus doesn't take within seconds stays in the claim `spool-quietzone-edge-blue-<number>`, which Kubernetes keeps.
Helm can refuse nothing of this, so look before whether scans wait (`quietzone_tracking_scans_waiting`); `quietzone release retire` does
so by itself. An edge that comes back under the same number sends the rest. For those that don't, and for claims that an uninstall or a
colour left, `adopt` makes a Job for each:

```
kubectl get pvc
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --set-json 'adopt=["spool-quietzone-edge-blue-2"]'
kubectl wait --for=condition=complete job --selector=quietzone/role=adopt --timeout=10m
kubectl logs --selector=quietzone/role=adopt # "… sources drained"
helm upgrade quietzone charts/quietzone --reset-then-reuse-values --set-json 'adopt=[]'
kubectl delete pvc spool-quietzone-edge-blue-2
```

A Job refuses a spool that an edge has. One that gave up, since the bus was away for long, is made anew by `adopt=[]` and `adopt` again.

## Values

Lists are replaced, maps are merged. `<part>` and `<role>` stand for any of `parts`.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A value: where it stands, what it may be, what it is by default, and what for."""

    path: str
    type: str
    default: str
    description: str


def readme() -> str:
    """The whole page."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    parts = values["parts"]
    files = _settings(parts["storage"], "QUIETZONE_STORAGE_", StorageSettings, CleanUpSettings)
    events = _settings(parts["notification"], "QUIETZONE_NOTIFICATION_", NotificationSettings)
    lines = [HEAD.format(servers=_servers(values), roles=_roles(values), files=files, events=events)]
    for name, node in schema["properties"].items():
        if name == "global":
            continue
        lines += [f"### {name}", "", node.get("description", ""), ""]
        rows = list(_rows(name, node, values.get(name), schema["$defs"]))
        lines += ["| value | type | default | what for |", "| --- | --- | --- | --- |"]
        lines += [f"| `{row.path}` | {row.type} | {row.default} | {row.description} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _servers(values: Mapping[str, Any]) -> str:
    users: dict[str, list[str]] = {}
    for part, its in values["parts"].items():
        for role, own in its["roles"].items():
            for key in [*own.get("secrets", ()), *own.get("optionalSecrets", ())]:
                users.setdefault(key, []).append(f"{part} {role}")
    return "\n".join(f"| `{key}` | {', '.join(roles)} |" for key, roles in users.items())


def _roles(values: Mapping[str, Any]) -> str:
    rows = []
    for part, its in values["parts"].items():
        for role, own in its["roles"].items():
            name = own.get("name") or (part if role == "serve" else f"{part}-{role}")
            kind = "StatefulSet" if own["kind"] == "edge" else "Deployment"
            beside = "".join(f", with `{sidecar}` beside it" for sidecar in own.get("sidecars", ()))
            rows.append(f"| {part} `{role}` | {own['kind']} | {kind} `quietzone-{name}-blue`{beside} |")
    return "\n".join(rows)


def _settings(part: Mapping[str, Any], prefix: str, *kinds: type[Settings]) -> str:
    """Settings of a part whose names begin so, without what Secrets hold and what the chart sets itself."""
    roles = part["roles"].values()
    given = EACH_ITS_OWN | {f"QUIETZONE_{name}" for layer in (part, *roles) for name in layer.get("settings", ())}
    given |= {f"QUIETZONE_{role['port']['setting']}" for role in roles if "port" in role}
    given |= {name for role in roles for name in role["secrets"]}
    given |= {f"QUIETZONE_{key.upper()}_SECRET_KEY" for role in roles for key in role.get("keys", ())}
    return "\n".join(
        f"| `{one.name.removeprefix('QUIETZONE_')}` | {_cell(one.type)}{f' ({one.unit})' if one.unit else ''} "
        f"| {f'`{one.default}`' if one.default else ''} | {_cell(one.why)} |"
        for one in describe(*kinds)
        if one.name.startswith(prefix) and one.name not in given
    )


def _rows(path: str, node: Mapping[str, Any], default: Any, shared: Mapping[str, Any]) -> Iterator[Row]:
    """A leaf is one row; an object is the rows of its properties, a map those of any of its entries."""
    known = shared[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    description = node.get("description", known.get("description", ""))
    inside = known.get("additionalProperties")
    if "properties" in known:
        for name, child in known["properties"].items():
            yield from _rows(f"{path}.{name}", child, default.get(name) if isinstance(default, dict) else None, shared)
    elif isinstance(inside, dict) and ("properties" in inside or "$ref" in inside):
        placeholder = {"parts": "<part>", "roles": "<role>", "jobs": "<job>"}.get(path.rpartition(".")[2], "<name>")
        yield from _rows(f"{path}.{placeholder}", inside, None, shared)
    else:
        yield Row(path, _type(known), _shown(default), _cell(description))


def _type(node: Mapping[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"] if value)
    kind = node.get("type", "object")
    name = " or ".join(kind) if isinstance(kind, list) else {"array": "list", "object": "map"}.get(kind, kind)
    match node.get("minimum"), node.get("maximum"):
        case None, _:
            return name
        case low, None:
            return f"{name} ≥ {low}"
        case low, high:
            return f"{name} {low} to {high}"
    return name


def _shown(default: Any) -> str:
    if default in (None, "", [], {}):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return f"`{_cell(text)}`" if len(text) <= LONGEST_DEFAULT else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme())
