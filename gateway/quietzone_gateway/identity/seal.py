"""The gateway's secrets that must be read again: second factors and authorisers' secrets, sealed with QUIETZONE_GATEWAY_SECRET_KEY."""

from collections.abc import Sequence

from quietzone_kit import seal
from quietzone_kit.runtime import Randomness
from quietzone_kit.seal import CantOpen

__all__ = ["CantOpen", "Seal"]


class Seal(seal.Seal):
    """Without any of `keys` people can't sign in here."""

    def __init__(self, keys: Sequence[str], randomness: Randomness) -> None:
        lacks = "people can't sign in at this installation, API keys work"
        super().__init__(keys, randomness, setting="QUIETZONE_GATEWAY_SECRET_KEY", lacks=lacks)
