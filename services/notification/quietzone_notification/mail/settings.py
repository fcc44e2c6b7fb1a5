"""What an operator says of mail."""

from pydantic import Field, field_validator

from quietzone_kit.settings import Settings

MAX_URL = 300
"""With a token it must stay within what a header holds in one line."""


class MailSettings(Settings):
    """A mix-in of the service's own settings."""

    notification_mail_url: str = Field(
        "print://",
        description="Who sends mail: print:// (stdout), smtp://user@host:587?password_file=…, smtps://host:465, ses://eu-central-1",
    )
    notification_mail_from: str = Field(
        "Quietzone <quietzone@localhost.localdomain>",
        description="The sender of mail: an address, or Name <address>; accounts may have another name, never another address",
    )
    notification_mails_at_once: int = Field(
        20, ge=1, le=200, description="Mails that the server is handed at once, a connection each: providers cut off who opens too many"
    )
    notification_unsubscribe_url: str = Field(
        "http://localhost:8000/unsubscribe",
        description="The page, by https, that takes the word of people who want no more mails, also as one click (RFC 8058); the token is "
        "added to it",
    )

    @field_validator("notification_unsubscribe_url")
    @classmethod
    def _is_page_of_mails(cls, value: str) -> str:
        is_plain = value.isascii() and value.isprintable() and not any(each in value for each in "?#<> ")
        if not value.startswith(("http://", "https://")) or not is_plain or len(value) > MAX_URL:
            raise ValueError(f"write it as https://console.example.com/unsubscribe, in at most {MAX_URL} characters, without ? and #")
        return value
