"""What an operator says of push."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from quietzone_kit.settings import Settings
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.push.sns import platform_of

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class PushSettings(Settings):
    """A mix-in of the service's own settings."""

    notification_push_fcm_credentials_file: str = Field(
        "", description="JSON file of a Firebase service account, to push by FCM; it is read again whenever an access token is asked for"
    )
    notification_push_fcm_url: str = Field(
        "", description="What takes the place of Google's hosts, for tests: https://…, or http:// on this machine"
    )
    notification_push_sns_fcm: str = Field(
        "", description="ARN of the SNS platform application that carries to FCM, where FCM isn't asked itself"
    )
    notification_push_sns_apns: str = Field(
        "", description="ARN of the SNS platform application that carries to APNs (APNS or APNS_SANDBOX)"
    )
    notification_push_sns_url: str = Field(
        "", description="What takes the place of SNS's own address, such as a VPC endpoint: https://…, or http:// on this machine"
    )

    def fcm_credentials(self) -> Path | None:
        """The service account's file."""
        return Path(self.notification_push_fcm_credentials_file) if self.notification_push_fcm_credentials_file else None

    def fcm_reach(self) -> Reach:
        """Where FCM's client may go: Google's hosts by HTTPS, or what takes their place; to this machine only then."""
        url = self.notification_push_fcm_url
        return Reach(frozenset({urlsplit(url).port or _default_port(url)}), LOOPBACK) if url else Reach(frozenset({443}))

    @field_validator("notification_push_fcm_url", "notification_push_sns_url")
    @classmethod
    def _is_base(cls, value: str) -> str:
        parts = urlsplit(value)
        is_near = parts.hostname in ("127.0.0.1", "::1", "localhost")
        is_fine = parts.scheme == "https" or (parts.scheme == "http" and is_near)
        if value and (not is_fine or not parts.hostname or parts.path or "?" in value or "@" in value):
            raise ValueError("write it as https://sns.example.com, without a path; http:// only on this machine")
        return value

    @field_validator("notification_push_sns_fcm", "notification_push_sns_apns")
    @classmethod
    def _is_application(cls, value: str) -> str:
        if value:
            platform_of(value)
        return value


def _default_port(url: str) -> int:
    return 80 if url.startswith("http:") else 443
