"""Settings of the qr service."""

from pydantic import Field, field_validator

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings
from quietzone_kit.settings import CommaList
from quietzone_qr.codes.domain import ScanBase

MAX_RETRIES, LONGEST_RETRY_S = 10, 86_400


class QrStoreSettings(ProcessSettings):
    """What every role needs; `migrate` needs no more."""

    qr_documents_url: str = Field(description="The service's own store, such as sqlite:///data/qr.db; nobody else may use it")


class HealthSettings(QrStoreSettings):
    """Role `health`, and what `serve` shares with it."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")
    scan_base_url: str = Field(
        "http://localhost:8080",
        description="What every printed symbol says before the slug: the public address of the scan host, without a path. "
        "Codes that are printed keep what it was; change it before the first print, and keep the old host answering for ever",
    )
    qr_health_every_hours: int = Field(
        24,
        ge=0,
        le=720,
        description="How often the destination of each active code is asked whether it is there; 0 asks none, for a machine that must "
        "not, or cannot, reach the internet",
    )
    qr_health_retry_s: CommaList = Field(
        ("600", "3600", "21600"),
        description="How long after the first, second, … failure in a row a destination is asked again, 1 to 10 whole numbers of up to "
        "86400. Two failures that say it is gone, or three of any kind, make it dead: shorter waits tell sooner, and more often in vain",
    )
    qr_health_private: bool = Field(
        False,
        description="Whether destinations at private addresses and on any port are asked too: for codes that lead into an intranet, where "
        "whoever may create codes may also learn what answers there",
    )

    @field_validator("scan_base_url")
    @classmethod
    def _is_scan_base(cls, value: str) -> str:
        return ScanBase.parse(value).origin

    @field_validator("qr_health_retry_s")
    @classmethod
    def _are_waits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [part for part in value if not (part.isascii() and part.isdecimal() and 1 <= int(part[:9]) <= LONGEST_RETRY_S)]
        if wrong or not 1 <= len(value) <= MAX_RETRIES:
            found = f"{wrong[0]!r} isn't a whole number of seconds from 1 to {LONGEST_RETRY_S}" if wrong else f"{len(value)} waits"
            raise ValueError(f"{found}; use 1 to {MAX_RETRIES} of them, such as 600,3600,21600")
        return value


class QrSettings(HealthSettings, RpcSettings):
    """Roles `serve` and `verify`."""

    qr_listen: str = Field("127.0.0.1:9101", description="Where other parts reach this service: host:port, or unix:/path on one machine")
    cache_url: str = Field(
        "memory://",
        description="What replicas share and can do without: memory:// for one process, redis://host:6379/0 for several "
        "(rediss://, redis+sentinel://, redis+cluster:// too)",
    )
    qr_health: bool = Field(
        True, description="Whether this process also asks destinations; false where `python -m quietzone_qr health` does that by itself"
    )
