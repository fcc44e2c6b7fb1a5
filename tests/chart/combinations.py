"""Values that people may choose, combined."""

from itertools import product
from typing import Any

from chart.rendering import SERVERS, Values, merged

TWO = {"colors": {"blue": {"tag": "1.0.0"}, "green": {"enabled": True, "tag": "2.0.0"}}}
GATEWAY_API = {"enabled": True, "className": "nginx"}

STRATEGIES: dict[str, Values] = {
    "blue alone": {},
    "green is staged": {"rollout": TWO},
    "green answers": {"rollout": merged(TWO, {"activeColor": "green", "colors": {"green": {"workers": True}, "blue": {"workers": False}}})},
    "canary by weights": {"rollout": merged(TWO, {"strategy": "canary", "canary": {"weight": 10}}), "gatewayApi": GATEWAY_API},
    "canary by Argo": {"rollout": {"strategy": "canary", "canary": {"provider": "argoRollouts"}}, "gatewayApi": GATEWAY_API},
    "rolling": {"rollout": {"strategy": "rolling"}},
}

SOURCES: dict[str, Values] = {
    "a Secret": {"servers": {"existingSecret": "quietzone-servers"}},
    "urls": {"servers": {"urls": SERVERS}},
    "a store of secrets": {"servers": {"externalSecret": {"enabled": True, "store": {"name": "vault"}, "key": "quietzone"}}},
}


def _each_role(**changes: Any) -> Values:
    return {"defaults": changes}


EXTRAS: dict[str, Values] = {
    "plain": {},
    "safest": {
        "tls": {"mtls": {"enabled": True}, "certManager": {"enabled": True, "issuer": {"name": "letsencrypt"}}},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"api": {"nginx.ingress.kubernetes.io/enable-modsecurity": "true"}},
        },
        "monitoring": {
            "labels": {"release": "prometheus"},
            "serviceMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboards": {"enabled": True},
        },
        "servers": {"filesSecret": "quietzone-files", "revision": "2"},
        "account": {"existingSecret": "account"},
        "callerKey": {"existingSecret": "caller"},
        "networkPolicies": {"public": {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]}},
        "costLabels": {"team": "codes"},
        "image": {"registry": "registry.example.com/acme", "pullSecrets": ["registry"]},
    },
    "largest": merged(
        _each_role(
            autoscaling={"enabled": True},
            nodeSelector={"disk": "ssd"},
            tolerations=[{"key": "scans", "operator": "Exists"}],
            priorityClassName="system-cluster-critical",
            podAnnotations={"sidecar.istio.io/inject": "false"},
        ),
        {
            "monitoring": {"prometheusUrl": "http://prometheus:9090"},
            "parts": {"analytics": {"roles": {"project": {"autoscaling": {"lag": {"enabled": True}}}}}},
            "settings": {"TRACES_URL": "http://collector:4317", "TRACES_RATIO": 0.1},
            "networkPolicies": {"traces": {"to": [{"podSelector": {"matchLabels": {"app": "collector"}}}]}},
            "adopt": ["spool-qz-edge-green-3"],
        },
    ),
    "smallest": {
        "parts": {
            "qr": {"roles": {"serve": {"replicas": 1}, "health": {"enabled": False}}},
            "tracking": {
                "roles": {
                    "edge": {
                        "replicas": 1,
                        "drainSeconds": 1,
                        "closeSeconds": 7,
                        "spool": {"storageClass": "fast"},
                        "service": {"type": "NodePort", "nodePort": 30480},
                    }
                }
            },
            "analytics": {"roles": {"serve": {"replicas": 1}, "archive": {"enabled": False}, "work": {"enabled": False}}},
            "notification": {
                "roles": {
                    "serve": {
                        "replicas": 1,
                        "internet": True,
                        "servers": ["bus", "documents", "mail"],
                        "settings": {"NOTIFICATION_MATCH": "true", "NOTIFICATION_SEND": "true"},
                    },
                    "match": {"enabled": False},
                    "send": {"enabled": False},
                }
            },
            "gateway": {"roles": {"serve": {"replicas": 1, "service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}}}},
        },
        "networkPolicies": {"enabled": False},
        "prepare": {"enabled": False},
        "tests": {"enabled": False},
        "hosts": {"https": False, "trustedProxies": ["10.0.0.0/8", "2001:db8::/32"]},
        "fullnameOverride": "qz",
    },
}

COMBINATIONS: dict[str, Values] = {
    ", ".join(names): merged(STRATEGIES[names[0]], SOURCES[names[1]], EXTRAS[names[2]]) for names in product(STRATEGIES, SOURCES, EXTRAS)
}
"""72 sets of values by name."""

INSTALL: Values = {"servers": {"existingSecret": "quietzone-servers"}}
"""The least that an installation says."""
