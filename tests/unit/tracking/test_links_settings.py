import pytest

from quietzone_kit.settings import Settings, SettingsError, describe, load
from quietzone_tracking.settings import ForwarderSettings, LinksSettings
from quietzone_tracking.settings.edge import EdgeSettings

ENVIRON = {
    "QUIETZONE_BUS_URL": "sqlite:///bus.db",
    "QUIETZONE_TRACKING_DOCUMENTS_URL": "sqlite:///tracking.db",
    "QUIETZONE_TRACKING_SPOOL": "data/tracking",
    "QUIETZONE_QR_ADDRESS": "127.0.0.1:9101",
    "QUIETZONE_CALLER_KEY": "k" * 32,
}


@pytest.mark.parametrize("kind", [EdgeSettings, ForwarderSettings, LinksSettings])
def test_a_role_needs_only_what_has_no_default(kind: type[Settings]) -> None:
    load(kind, ENVIRON)


@pytest.mark.parametrize("kind", [EdgeSettings, ForwarderSettings, LinksSettings])
def test_each_setting_says_why_one_would_change_it(kind: type[Settings]) -> None:
    assert [setting.name for setting in describe(kind) if len(setting.why) < 20] == []


def test_a_proxy_that_is_no_network_is_named_with_what_would_do() -> None:
    with pytest.raises(SettingsError, match=r"QUIETZONE_TRUSTED_PROXIES: .*10\.0\.0\.1/8.*10\.0\.0\.0/8 or 2001:db8::/32"):
        load(EdgeSettings, ENVIRON | {"QUIETZONE_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.1/8"})


def test_an_ack_level_that_isnt_built_yet_is_refused() -> None:
    with pytest.raises(SettingsError, match="QUIETZONE_SCAN_ACK: 'bus' is not one of spool, disk"):
        load(EdgeSettings, ENVIRON | {"QUIETZONE_SCAN_ACK": "bus"})
