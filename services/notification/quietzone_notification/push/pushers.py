"""Who carries to which platform in this installation."""

from quietzone_kit.runtime import Clock, Executor
from quietzone_notification.delivery.client import Client
from quietzone_notification.push.domain import Platform
from quietzone_notification.push.fcm import FcmPusher
from quietzone_notification.push.ports import Pusher
from quietzone_notification.push.settings import PushSettings
from quietzone_notification.push.sns import SnsPusher


def carried(settings: PushSettings) -> frozenset[Platform]:
    """Platforms that somebody carries to."""
    found = set()
    if settings.notification_push_fcm_credentials_file or settings.notification_push_sns_fcm:
        found.add(Platform.FCM)
    if settings.notification_push_sns_apns:
        found.add(Platform.APNS)
    return frozenset(found)


def pushers_of(settings: PushSettings, client: Client, executor: Executor, clock: Clock) -> dict[Platform, Pusher]:
    """The pushers; FCM is asked itself where its credentials are there. `client` goes where `settings.fcm_reach()` says."""
    found: dict[Platform, Pusher] = {}
    url = settings.notification_push_sns_url
    if settings.notification_push_sns_fcm:
        found[Platform.FCM] = SnsPusher(settings.notification_push_sns_fcm, executor, url=url)
    if (credentials := settings.fcm_credentials()) is not None:
        found[Platform.FCM] = FcmPusher(client, settings.fcm_reach(), credentials, clock, base=settings.notification_push_fcm_url)
    if settings.notification_push_sns_apns:
        found[Platform.APNS] = SnsPusher(settings.notification_push_sns_apns, executor, url=url)
    return found
