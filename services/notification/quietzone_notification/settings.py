"""Settings of the notification service."""

import socket

from pydantic import Field, field_validator

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings
from quietzone_notification.delivery.settings import DeliverySettings
from quietzone_notification.mail.settings import MailSettings
from quietzone_notification.push.settings import PushSettings
from quietzone_notification.reactions.settings import ReactionSettings


class NotificationStoreSettings(ProcessSettings):
    """What every role needs; `migrate` needs no more."""

    notification_documents_url: str = Field(
        description="The service's own store, such as sqlite:///data/notification.db; nobody else may use it"
    )


class MatchSettings(NotificationStoreSettings):
    """Roles `match` and `verify`, and what `serve` shares with them."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")


class SendSettings(MatchSettings, DeliverySettings, MailSettings, PushSettings, ReactionSettings, RpcSettings):
    """Role `send`, and what `serve` shares with it."""

    def sender(self) -> str:
        """The sender's name."""
        return self.notification_sender or socket.gethostname()


class NotificationSettings(SendSettings):
    """Role `serve`."""

    notification_listen: str = Field(
        "127.0.0.1:9104", description="Where other parts reach this service: host:port, or unix:/path on one machine"
    )
    notification_match: bool = Field(True, description="Whether `serve` holds events against rules too; else run `match`")
    notification_send: bool = Field(True, description="Whether `serve` sends what is to be delivered too; else run `send`")
    notification_confirm_url: str = Field(
        "http://localhost:8000/subscriptions/confirm",
        description="The page that takes the word of people who were asked by mail whether they want a topic's messages; account and token "
        "are added to it",
    )

    @field_validator("notification_confirm_url")
    @classmethod
    def _is_page(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or "?" in value or "#" in value:
            raise ValueError("write it as https://console.example.com/subscriptions/confirm, without ? and #")
        return value
