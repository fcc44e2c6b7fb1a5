"""What Helm says once it is done."""

import shutil
from pathlib import Path

import pytest

from chart.combinations import GATEWAY_API, INSTALL, TWO
from chart.rendering import CHART, Helm, Values, merged

NOTES = '{kind: Notes, metadata: {name: notes}, text: {{ include (print $.Template.BasePath "/NOTES.txt") . | toJson }}}\n'
"""`helm template` doesn't show them."""

INGRESS = {"enabled": True}
PROXIES = "hosts.trustedProxies is empty"
CERTIFICATES = "makes no certificates"


@pytest.fixture(scope="module")
def noting(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    chart = Path(shutil.copytree(CHART, tmp_path_factory.mktemp("notes") / "chart"))
    (chart / "templates" / "notes.yaml").write_text(NOTES)
    return helm.on(chart)


def notes(noting: Helm, values: Values) -> str:
    (found,) = noting.render(merged(INSTALL, values)).of("Notes")
    return " ".join(str(found["text"]).split())


def test_notes_name_the_release_that_answers(noting: Helm) -> None:
    green = {"activeColor": "green", "colors": {"green": {"workers": True}}}

    assert "Quietzone 2.0.0 is installed; green answers." in notes(noting, {"rollout": merged(TWO, green)})


@pytest.mark.parametrize("way", [{"ingress": INGRESS}, {"gatewayApi": GATEWAY_API}], ids=["ingress", "gatewayApi"])
def test_notes_say_that_every_visitor_would_be_the_proxy(noting: Helm, way: Values) -> None:
    assert PROXIES in notes(noting, way)
    assert PROXIES not in notes(noting, merged(way, {"hosts": {"trustedProxies": ["10.0.0.0/8"]}}))


def test_without_a_proxy_none_is_missed(noting: Helm) -> None:
    assert PROXIES not in notes(noting, {})


@pytest.mark.parametrize("way", [{"ingress": INGRESS}, {"gatewayApi": GATEWAY_API}], ids=["ingress", "gatewayApi"])
def test_notes_name_the_certificates_that_nobody_here_makes(noting: Helm, way: Values) -> None:
    assert f"{CERTIFICATES}: the Secrets qz-scans-tls, qz-api-tls, qz-files-tls" in notes(noting, way)
    assert f"{CERTIFICATES}: the Secrets mine, qz-api-tls, qz-files-tls" in notes(
        noting, merged(way, {"tls": {"secrets": {"scans": "mine"}}})
    )


@pytest.mark.parametrize(
    "values",
    [
        {"ingress": INGRESS, "tls": {"certManager": {"enabled": True, "issuer": {"name": "letsencrypt"}}}},
        {"ingress": INGRESS, "hosts": {"https": False}},
        {"gatewayApi": {"enabled": True, "create": False, "parentRefs": [{"name": "shared"}]}},
        {},
    ],
    ids=["cert-manager makes them", "no https", "a Gateway of somebody else", "neither Ingress nor Gateway"],
)
def test_certificates_are_not_asked_for_where_none_are_read(noting: Helm, values: Values) -> None:
    assert CERTIFICATES not in notes(noting, values)
