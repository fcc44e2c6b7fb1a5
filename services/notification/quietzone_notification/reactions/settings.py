"""What an operator says of the product's own mails."""

from pydantic import Field, field_validator

from quietzone_kit.settings import Settings
from quietzone_notification.reports.domain import Schedule

MAX_URL = 300


class ReactionSettings(Settings):
    """A mix-in of the service's own settings."""

    notification_dashboard_url: str = Field(
        "",
        description="The page that mails about codes lead to, as https://console.example.com/dashboard; without it they lead nowhere",
    )
    notification_created_mails: bool = Field(
        True, description="Whether an account's owner gets a mail about each new code; codes that are made while not are told of never"
    )
    notification_weekly_summary: bool = Field(
        True, description="Whether owners of accounts that were scanned get a summary of each week, as mail and PDF"
    )
    notification_weekly_summary_at: str = Field(
        "monday 08:00", description="When they get it, a day of the week and a time in UTC; it is about the seven whole days before"
    )
    qr_address: str = Field(
        "", description="Where the qr service is asked what codes are called; without it mails about milestones and weeks say Untitled"
    )
    analytics_address: str = Field(
        "", description="Where the analytics service is asked for an account's scans; without it there is no weekly summary"
    )

    @field_validator("notification_dashboard_url")
    @classmethod
    def _is_page_of_codes(cls, value: str) -> str:
        is_plain = value.isascii() and value.isprintable() and not any(each in value for each in "<> ")
        if value and (not value.startswith(("http://", "https://")) or not is_plain or len(value) > MAX_URL):
            raise ValueError(f"write it as https://console.example.com/dashboard, in at most {MAX_URL} characters")
        return value

    @field_validator("notification_weekly_summary_at")
    @classmethod
    def _is_moment(cls, value: str) -> str:
        Schedule.parse(value)
        return value

    def weekly_schedule(self) -> Schedule | None:
        """When weekly summaries are made; None: never."""
        is_on = self.notification_weekly_summary and self.analytics_address
        return Schedule.parse(self.notification_weekly_summary_at) if is_on else None
