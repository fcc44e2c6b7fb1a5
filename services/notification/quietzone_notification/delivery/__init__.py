"""Delivery: how a webhook shows who it is from. Pure."""

from quietzone_notification.delivery.signing import (
    MAX_OVERLAP_MS,
    MAX_SECRETS,
    InvalidSecret,
    Secret,
    new_secret,
    read_secret,
    rotated,
    signed_headers,
)

__all__ = [
    "MAX_OVERLAP_MS",
    "MAX_SECRETS",
    "InvalidSecret",
    "Secret",
    "new_secret",
    "read_secret",
    "rotated",
    "signed_headers",
]
