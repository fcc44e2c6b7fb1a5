"""The key that encrypts secrets in the gateway's store, kept beside it: without it second factors can't be read again."""

import os
from pathlib import Path

from quietzone_kit.runtime import SystemRandomness

SECRET_KEY = "QUIETZONE_GATEWAY_SECRET_KEY"  # noqa: S105 - a variable's name

FILE = "gateway.secret"


def gateway_secret(data: Path) -> str:
    """The key of a data folder that is locked, made when there is none; only this user can read it."""
    path = data / FILE
    if not path.exists():
        making = data / f"{FILE}.new"
        making.unlink(missing_ok=True)
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(SystemRandomness().token(32).hex())
            file.flush()
            os.fsync(file.fileno())
        making.rename(path)  # whole, or not there
    return path.read_text(encoding="ascii").strip()
