"""Settings of identity."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from quietzone_gateway.identity.keys.domain import MIN_KEY_CHARACTERS
from quietzone_gateway.identity.rules import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Guesses, Lifetimes, Rules
from quietzone_kit.settings import Settings

MIN_CHARACTERS = 32
"""Of a key that encrypts: what `openssl rand -hex 32` makes has 64."""


class FirstKeySettings(Settings):
    """Of whoever makes the first account."""

    api_key: SecretStr | None = Field(
        None,
        min_length=MIN_KEY_CHARACTERS,
        description="The first account's API key; without it one is made at the first start and shown once. Another value replaces the key",
    )


class IdentitySettings(Settings):
    """Of the API, and of the work behind it."""

    public_url: str = Field(
        "http://localhost:8000",
        description="Where people reach this installation, as https://qr.example.com: links in mails are made of it, and with a cookie "
        "only pages of its origin may change something",
    )
    gateway_secret_key: SecretStr | None = Field(
        None,
        description="Encrypts what must be read again (second factors, keys that sign), equal in all processes: 32 or more random "
        "characters; of several (a,b) the first encrypts, all decrypt. Without it people can't sign in, API keys work. Lost, and they "
        "need new second factors",
    )
    sign_up: Literal["open", "invited", "closed"] = Field(
        "invited", description="Who may sign up: everybody, who is invited into an account, or nobody"
    )
    sign_in_failures: int = Field(
        5,
        ge=1,
        le=100,
        description="How often signing in may fail for one e-mail address from one network within the window: who tries his three "
        "passwords gets through, a guesser gets 480 a day",
    )
    sign_in_failures_of_network: int = Field(
        50,
        ge=1,
        le=1_000,
        description="How often signing in may fail from one network within the window, whatever the e-mail address: stops who tries one "
        "password at many; an office is one network",
    )
    sign_in_failures_of_address: int = Field(
        100,
        ge=1,
        le=1_000,
        description="How often signing in may fail for one e-mail address from all networks within the window: stops guessing by many "
        "machines; low, and a stranger can keep its owner from signing in",
    )
    sign_in_window_s: int = Field(
        900, ge=60, le=86_400, description="The window of failures, in seconds; also of five mails that are asked for, and of five sign-ups"
    )
    session_days: int = Field(
        30, ge=1, le=365, description="How long a program's session goes on by refresh tokens, in days; then a person signs in again"
    )
    cookie_hours: int = Field(
        24, ge=1, le=720, description="How long a browser's session lasts, in hours: who finds the browser open is in for as long"
    )
    access_token_s: int = Field(
        300,
        ge=30,
        le=3_600,
        description="How long an access token is good, in seconds: as long as a stolen one works for those who check it themselves; "
        "shorter, and programs refresh more often",
    )
    refresh_leeway_s: int = Field(
        20,
        ge=0,
        le=120,
        description="How long a refresh token brings again what it has brought, in seconds, for an answer that was lost; 0: never",
    )
    invitation_days: int = Field(7, ge=1, le=60, description="How long an invitation can be accepted, in days: mails are found by others")
    verification_hours: int = Field(24, ge=1, le=168, description="How long a link that verifies an address is good, in hours")
    reset_minutes: int = Field(
        60, ge=5, le=1_440, description="How long a link to a new password is good, in minutes: who reads the mail has the account"
    )
    token_key_days: int = Field(
        30, ge=1, le=365, description="How long one key signs access tokens; the next is published ten minutes before"
    )
    argon2_memory_kib: int = Field(
        19_456, ge=8, le=4_194_304, description="Memory of a password's hash, in KiB (OWASP's advice); more makes guessing dearer, and us"
    )
    argon2_rounds: int = Field(2, ge=1, le=100, description="Rounds of a password's hash (OWASP's advice)")
    argon2_lanes: int = Field(1, ge=1, le=64, description="Lanes of a password's hash (OWASP's advice)")
    mail_url: str = Field(
        "print://",
        description="Who sends mail: print:// (stdout), smtp://user@host:587?password_file=…, smtps://host:465. Not used where "
        "QUIETZONE_NOTIFICATION_ADDRESS is set: then notification sends, by QUIETZONE_NOTIFICATION_MAIL_URL",
    )
    mail_from: str = Field(
        "Quietzone <quietzone@localhost.localdomain>",
        description="The sender of mail: an address, or Name <address>; not used where QUIETZONE_MAIL_URL isn't",
    )

    @field_validator("gateway_secret_key")
    @classmethod
    def _secrets_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(key.strip()) < MIN_CHARACTERS for key in value.get_secret_value().split(",")):
            raise ValueError(f"each key has at least {MIN_CHARACTERS} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("an http(s) URL without a path, such as https://qr.example.com")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    def secret_keys(self) -> tuple[str, ...]:
        """The keys that encrypt and decrypt; none where people can't sign in."""
        given = self.gateway_secret_key.get_secret_value() if self.gateway_secret_key else ""
        return tuple(key.strip() for key in given.split(",") if key.strip())

    def rules(self) -> Rules:
        """What they say about people."""
        lifetimes = Lifetimes(
            session_ms=self.session_days * DAY_MS,
            cookie_ms=self.cookie_hours * HOUR_MS,
            token_ms=self.access_token_s * SECOND_MS,
            leeway_ms=self.refresh_leeway_s * SECOND_MS,
            invitation_ms=self.invitation_days * DAY_MS,
            verification_ms=self.verification_hours * HOUR_MS,
            reset_ms=self.reset_minutes * MINUTE_MS,
        )
        guesses = Guesses(
            of_both=self.sign_in_failures,
            of_network=self.sign_in_failures_of_network,
            of_address=self.sign_in_failures_of_address,
            within_ms=self.sign_in_window_s * SECOND_MS,
        )
        return Rules(self.sign_up, lifetimes, guesses, "Quietzone")
