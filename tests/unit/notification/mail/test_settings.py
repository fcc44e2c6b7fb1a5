"""What an operator says of mail."""

import pytest

from quietzone_kit.settings import SettingsError, load
from quietzone_notification.settings import SendSettings

TOLD = {"QUIETZONE_CALLER_KEY": "k" * 32, "QUIETZONE_BUS_URL": "sqlite:///bus.db", "QUIETZONE_NOTIFICATION_DOCUMENTS_URL": "sqlite:///n.db"}


@pytest.mark.parametrize(
    "url", ["ftp://x", "console.example", "https://x/?a=1", "https://x/#a", "https://x/<y>", "https://x/a b", "https://x/" + "y" * 300]
)
def test_a_page_for_who_wants_no_mails_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL"):
        load(SendSettings, {**TOLD, "QUIETZONE_NOTIFICATION_UNSUBSCRIBE_URL": url})


def test_nothing_has_to_be_said_of_mail() -> None:
    assert load(SendSettings, TOLD).notification_mail_url == "print://"
