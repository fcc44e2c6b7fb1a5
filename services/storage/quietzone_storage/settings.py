"""Settings of the storage service."""

from pydantic import Field, SecretStr, field_validator

from quietzone_kit.lifecycle import ProcessSettings
from quietzone_kit.rpc import RpcSettings
from quietzone_storage.lifecycle.domain import FOLDERS, may_be_prefix
from quietzone_storage.serving.links import MAX_KEYS

MIN_KEY_CHARACTERS = 32


class StorageStoreSettings(ProcessSettings):
    """What every role needs; `migrate` needs no more."""

    storage_documents_url: str = Field(description="The service's own store, such as sqlite:///data/storage.db; nobody else may use it")


class SweepSettings(StorageStoreSettings):
    """Roles `sweep` and `scrub`, and what all that touch files share with it."""

    storage_blobs_url: str = Field(
        description="Where files are kept, such as file:///data/files or s3://bucket/prefix?endpoint=https://host:port; "
        "nobody else writes there"
    )
    storage_sweep_grace_h: int = Field(
        24,
        ge=1,
        le=720,
        description="How long bytes are left alone that no asset has; longer than a restored copy of the store is old keeps what it needs",
    )
    storage_sweep_dry_run: bool = Field(False, description="Whether the role `sweep` only says what it would remove")
    storage_idle_days: int = Field(30, ge=1, le=3_650, description="Days without use after which a file is kept where reading costs more")
    storage_archive_days: int = Field(90, ge=1, le=3_650, description="Days without use after which an upload is archived")
    storage_delete_days: int = Field(365, ge=1, le=36_500, description="Days without use after which an upload is deleted")
    storage_moved_from_bytes: int = Field(
        131_072,
        ge=0,
        le=10_000_000,
        description="A smaller file stays where it is until it is deleted: S3's cheaper classes bill 128 KiB for it at least",
    )


class ChangingSettings(SweepSettings):
    """What every role needs that changes assets, and tells of it."""

    bus_url: str = Field(description="The event bus, such as sqlite:///data/bus.db; the same for all parts")


class CleanUpSettings(ChangingSettings):
    """Role `clean-up`."""

    storage_clean_up_prefix: str = Field("", description="What the role `clean-up` looks at alone: codes/ or uploads/, also with an id")
    storage_clean_up_dry_run: bool = Field(False, description="Whether the role `clean-up` only says what it would do")

    @field_validator("storage_clean_up_prefix")
    @classmethod
    def _is_prefix(cls, value: str) -> str:
        if not may_be_prefix(value):
            raise ValueError(f"use {' or '.join(FOLDERS)}, with the beginning of an id or without")
        return value


class WorkSettings(ChangingSettings, RpcSettings):
    """Roles `work` and `verify`."""

    storage_scanner_url: str = Field(
        "none:",
        description="Who looks for malware in uploads: clamd://host:3310, clamd:///run/clamav/clamd.ctl, or none: where everybody who may "
        "upload is trusted. While it is away uploads wait, and none is served unseen",
    )
    storage_copies_url: str = Field(
        "none:",
        description="Who keeps copies of files and is told when they change: http://host:port of a cache that takes PURGE "
        "(docs/varnish.vcl), cloudfront://distribution, or none:",
    )
    storage_clean_up_every_h: int = Field(
        24, ge=0, le=8_760, description="Hours between clean-ups of all accounts; 0: only when somebody asks for one"
    )
    storage_scrub_every_days: int = Field(
        7, ge=0, le=365, description="Days between two times that all bytes are read and compared with their digests; 0: never"
    )
    qr_address: str = Field(description="Where the qr service is asked for the modules of codes: host:port or unix:/path")


class UrlSettings(ChangingSettings):
    """What whoever signs or checks URLs needs."""

    storage_public_url: str = Field(
        "http://localhost:8082",
        description="What signed URLs begin with: the public address of the files, without a slash at its end; a CDN's, if there is one",
    )
    storage_url_keys: SecretStr = Field(
        description="Signs URLs of files, equal in all processes: 32 or more random characters; of several (a,b) the first signs, all are "
        "known: keep a replaced one for a week"
    )
    storage_upload_bytes: int = Field(
        10_000_000, ge=1_000, le=20_000_000, description="A file that is sent, at most; its decoder may take 128 MB in all"
    )

    @field_validator("storage_url_keys")
    @classmethod
    def _is_long_enough_each(cls, value: SecretStr) -> SecretStr:
        keys = [key.strip() for key in value.get_secret_value().split(",")]
        if len(keys) > MAX_KEYS or any(len(key) < MIN_KEY_CHARACTERS for key in keys):
            raise ValueError(f"use 1 to {MAX_KEYS} keys of at least {MIN_KEY_CHARACTERS} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("storage_public_url")
    @classmethod
    def _is_base(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or value.endswith("/") or "?" in value:
            raise ValueError("write it as https://files.example.com, without a slash at its end")
        return value


class FilesSettings(UrlSettings):
    """Role `files`."""

    storage_host: str = Field("0.0.0.0", description="Address that files are served on; 127.0.0.1 keeps them to this machine")
    storage_port: int = Field(8082, ge=0, le=65535, description="Port that files are served on")
    storage_connections: int = Field(
        4096, ge=1, le=1_000_000, description="Connections for files at once, about 20 kB each; below the bound of open files (ulimit -n)"
    )
    storage_uploads_at_once_bytes: int = Field(
        100_000_000, ge=1_000_000, le=10_000_000_000, description="What all uploads under way may have in memory; who comes then gets 503"
    )
    storage_held_bytes: int = Field(
        64_000_000, ge=0, le=100_000_000_000, description="Files held in memory by each process; a code's take 1 to 15 kB each"
    )


class StorageSettings(WorkSettings, FilesSettings):
    """Role `serve`."""

    storage_listen: str = Field(
        "127.0.0.1:9103", description="Where other parts reach this service: host:port, or unix:/path on one machine"
    )
    storage_work: bool = Field(True, description="Whether `serve` draws codes and cleans up; else run `work`")
    storage_files: bool = Field(True, description="Whether `serve` serves files, and takes uploads; else run `files`")
