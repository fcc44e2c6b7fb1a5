"""Who calls, by whatever he shows."""

from dataclasses import dataclass

from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.keys.known import KnownKeys
from quietzone_kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows, as it came; empty where it shows nothing. `address` is the client's, whole."""

    address: str
    bearer: str = ""
    api_key: str = ""


class Authentication:
    """Finds principals."""

    def __init__(self, keys: KnownKeys) -> None:
        self._keys = keys

    async def principal_of(self, shown: Credentials) -> Principal:
        """Whoever shows these.

        Raises:
            Unauthenticated: nobody known.
            PermissionDenied: somebody known, who may not come in this way or now.
            Unavailable: that can't be found out now.
        """
        secret = shown.bearer or shown.api_key
        if not secret:
            raise Unauthenticated("send an API key as `Authorization: Bearer qz_…` or `X-Api-Key: qz_…`")
        return await self._keys.principal_of(secret, shown.address)
