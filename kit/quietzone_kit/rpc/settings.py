"""Settings of gRPC."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from quietzone_kit.settings import Settings, variable

MIN_KEY_CHARACTERS = 32

TLS_FIELDS = ("rpc_tls_cert", "rpc_tls_key", "rpc_tls_ca")


class RpcSettings(Settings):
    """What every process that calls or is called needs."""

    caller_key: SecretStr = Field(
        description="Signs who calls, equal in all processes: 32 or more random characters; of several (a,b) the first signs, all are known"
    )
    rpc_max_connection_age_s: int = Field(
        30, ge=1, le=3600, description="After this a client connects anew, and so finds the workers of a release; shorter costs handshakes"
    )
    rpc_max_concurrent: int = Field(
        1000, ge=1, le=100_000, description="Calls under way at once; more are refused, so that the others stay within memory"
    )

    rpc_tls_cert: Path | None = Field(
        None,
        description="This process's certificate (PEM, with what lies between it and the authority): calls between parts are encrypted, and "
        "each side must show one. Set it with _KEY and _CA, in all parts; files are read again when they change. unix: stays plain",
    )
    rpc_tls_key: Path | None = Field(None, description="The certificate's private key (PEM, without a password)")
    rpc_tls_ca: Path | None = Field(None, description="The authority that has signed the certificates of all parts (PEM)")

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = {name: getattr(self, name) is not None for name in TLS_FIELDS}
        if any(given.values()) and not all(given.values()):
            unset = ", ".join(variable(name) for name, is_given in given.items() if not is_given)
            raise ValueError(f"{unset}: not set; calls between parts are encrypted with all three of them, or plain with none")
        return self

    @field_validator("caller_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(key.strip()) < MIN_KEY_CHARACTERS for key in value.get_secret_value().split(",")):
            raise ValueError(f"each key has at least {MIN_KEY_CHARACTERS} characters; `openssl rand -hex 32` makes one")
        return value
