"""Who carries to which platform follows from settings; another place than the provider's is reached safely or not at all."""

from pathlib import Path

import pytest
from ports import Inline, MovableClock
from pydantic import ValidationError

from quietzone_kit.outside import SystemResolver
from quietzone_notification.delivery.client import Client, Connector
from quietzone_notification.push.domain import Platform
from quietzone_notification.push.fcm import FcmPusher
from quietzone_notification.push.pushers import carried, pushers_of
from quietzone_notification.push.settings import PushSettings
from quietzone_notification.push.sns import SnsPusher

APNS = "arn:aws:sns:eu-central-1:123456789012:app/APNS/shop"
GCM = "arn:aws:sns:eu-central-1:123456789012:app/GCM/shop"


def kinds_of(**settings: str) -> dict[Platform, type]:
    """Who pushes to which platform; carriers and what is said to be carried agree."""
    read = PushSettings(**{f"notification_push_{name}": value for name, value in settings.items()})  # type: ignore[arg-type] # all are texts
    clock = MovableClock()
    client = Client(Connector(SystemResolver(Inline()), read.fcm_reach(), clock), clock)
    pushers = pushers_of(read, client, Inline(), clock)
    assert carried(read) == pushers.keys()
    return {platform: type(pusher) for platform, pusher in pushers.items()}


def test_by_default_nobody_pushes() -> None:
    assert kinds_of() == {}


def test_sns_carries_to_both() -> None:
    assert kinds_of(sns_fcm=GCM, sns_apns=APNS) == {Platform.FCM: SnsPusher, Platform.APNS: SnsPusher}


def test_fcm_is_asked_itself_where_its_credentials_are() -> None:
    assert kinds_of(sns_fcm=GCM, fcm_credentials_file="account.json") == {Platform.FCM: FcmPusher}


def test_google_is_reached_by_https_and_nothing_of_this_machine_is() -> None:
    reach = PushSettings().fcm_reach()

    assert (reach.ports, reach.refusal("127.0.0.1", 443) is not None) == (frozenset({443}), True)


def test_a_place_of_our_own_is_reached_at_its_port_only() -> None:
    reach = PushSettings(notification_push_fcm_url="http://127.0.0.1:9099").fcm_reach()

    assert (reach.refusal("127.0.0.1", 9_099), reach.refusal("127.0.0.1", 443) is not None) == (None, True)


@pytest.mark.parametrize("url", ["http://sns.example.com", "ftp://127.0.0.1", "https://a.example/path", "https://", "https://u@a.example"])
def test_what_would_show_tokens_on_the_way_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="http:// only on this machine"):
        PushSettings(notification_push_sns_url=url)


def test_an_application_is_an_arn() -> None:
    with pytest.raises(ValidationError, match="a platform application is written as"):
        PushSettings(notification_push_sns_apns="shop")


def test_without_a_file_there_are_no_credentials() -> None:
    assert (PushSettings().fcm_credentials(), PushSettings(notification_push_fcm_credentials_file="a").fcm_credentials()) == (
        None,
        Path("a"),
    )
