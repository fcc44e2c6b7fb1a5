"""Keys that must outlive a start, kept in the data folder: what they encrypt or sign is of no use without them."""

import os
from collections.abc import Mapping
from pathlib import Path

from quietzone_kit.runtime import SystemRandomness

FILES: Mapping[str, str] = {
    "QUIETZONE_GATEWAY_SECRET_KEY": "gateway.secret",
    "QUIETZONE_STORAGE_URL_KEYS": "storage.secret",
    "QUIETZONE_NOTIFICATION_SECRET_KEY": "notification.secret",
}
"""Variables, and where their keys are kept: two encrypt secrets in the stores of gateway and notification, one signs URLs of files."""


def kept_secrets(data: Path) -> Mapping[str, str]:
    """The keys of a data folder that is locked by their variables, made where there are none; only this user can read them."""
    return {variable: _kept(data, name) for variable, name in FILES.items()}


def _kept(data: Path, name: str) -> str:
    path = data / name
    if not path.exists():
        making = data / f"{name}.new"
        making.unlink(missing_ok=True)
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(SystemRandomness().token(32).hex())
            file.flush()
            os.fsync(file.fileno())
        making.rename(path)  # whole, or not there
    return path.read_text(encoding="ascii").strip()
