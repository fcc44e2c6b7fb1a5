"""Settings of gRPC."""

from pydantic import Field, SecretStr, field_validator

from quietzone_kit.settings import Settings

MIN_KEY_CHARACTERS = 32


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

    @field_validator("caller_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(key.strip()) < MIN_KEY_CHARACTERS for key in value.get_secret_value().split(",")):
            raise ValueError(f"each key has at least {MIN_KEY_CHARACTERS} characters; `openssl rand -hex 32` makes one")
        return value
