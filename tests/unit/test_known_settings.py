"""The kit's list of all variables, which a lone process goes by, against what the parts have."""

from collections.abc import Iterator

from quietzone_analytics.settings import AnalyticsSettings
from quietzone_gateway.settings import GatewaySettings
from quietzone_kit.settings import KNOWN, Settings, variable
from quietzone_notification.settings import NotificationSettings
from quietzone_qr.settings import QrSettings
from quietzone_standalone.roles import OF_THE_COMMAND
from quietzone_storage.settings import StorageSettings
from quietzone_tracking.settings import ForwarderSettings
from quietzone_tracking.settings.edge import EdgeSettings

PARTS = {QrSettings, AnalyticsSettings, ForwarderSettings, EdgeSettings, GatewaySettings, StorageSettings, NotificationSettings}
"""One of each module that declares settings; what is imported with it are the others."""


def declared(kind: type[Settings] = Settings) -> Iterator[type[Settings]]:
    """Every class of settings below this one, but for those of tests."""
    for each in kind.__subclasses__():
        yield from declared(each)
        if each.__module__.startswith("quietzone_"):
            yield each


def test_a_lone_process_knows_the_variables_of_all_parts() -> None:
    found = set(declared())

    assert found >= PARTS
    assert {variable(field) for kind in found for field in kind.model_fields} | OF_THE_COMMAND == KNOWN
