"""The keys that sign access tokens: each is published before it signs, and stays until the last token that it signed has ended."""

import base64
from dataclasses import dataclass
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from quietzone_gateway.identity.seal import Seal
from quietzone_gateway.identity.sessions.repository import SIGNING_KEYS
from quietzone_gateway.identity.shelf import Shelf, value_of
from quietzone_kit.documents import Documents, DuplicateKey, Stored
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock, Randomness

SKEW_S = 30
"""How far clocks of machines may differ."""

AHEAD_MS = 600_000
"""A key is published for so long before it signs: twice what others may keep the list for (`max-age` 300)."""

LOADED_S = 60.0
"""Between looks into the store."""

AGAIN_S = 1.0
"""Between looks for a key that isn't known: whoever makes up names of keys costs one look a second."""

MAX_KEYS = 100

SEED_BYTES = 32  # RFC 8032, 5.1.5


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair (Ed25519): `public` is base64url as in a JWK, `sealed_seed` the private half. It signs from `signs_from_ms` on."""

    number: str
    kid: str
    public: str
    sealed_seed: str
    created_at_ms: int
    signs_from_ms: int


class SigningKeys:
    """The installation's keys, made and put aside as time goes; several replicas make one between them."""

    def __init__(self, documents: Documents, seal: Seal, clock: Clock, randomness: Randomness, *, rotate_ms: int, token_ms: int) -> None:
        """Each key signs for `rotate_ms`, tokens that are good for `token_ms`."""
        self._shelf = Shelf(documents, SIGNING_KEYS, SigningKey)
        self._seal = seal
        self._clock = clock
        self._randomness = randomness
        self._rotate_ms = rotate_ms
        self._token_ms = token_ms
        self._keys: tuple[SigningKey, ...] = ()
        self._private: dict[str, OKPKey] = {}
        self._loaded_at: float | None = None

    async def signer(self) -> tuple[str, OKPKey]:
        """The key that signs now, and its name; made when there is none."""
        keys = await self._known()
        if not keys:
            await self.rotate()
            keys = await self._load()
        if not keys:
            raise Unavailable("the key that signs was made and isn't there; try again")
        now_ms = self._clock.now_ms()
        signing = [key for key in keys if key.signs_from_ms <= now_ms] or [keys[0]]
        return signing[-1].kid, self._private_key(signing[-1])

    async def public(self, kid: str) -> OKPKey | None:
        """The key with this name, to check with; None when there is none."""
        keys = await self._known()
        if not any(key.kid == kid for key in keys) and self._age_s() >= AGAIN_S:
            keys = await self._load()
        return next((OKPKey.import_key(_jwk(key)) for key in keys if key.kid == kid), None)

    async def published(self) -> list[dict[str, str | list[str]]]:
        """All keys that sign, will sign or have signed what is still good, as JWKs (RFC 7517, RFC 8037)."""
        return [{**_jwk(key), "kid": key.kid, "use": "sig", "alg": "Ed25519"} for key in await self._known()]

    async def rotate(self) -> None:
        """Make the first key, or the next one in time, and put aside those whose last token has ended."""
        self._seal.check()
        keys, now_ms = await self._load(), self._clock.now_ms()
        if not keys:
            await self._make(1, now_ms, signs_from_ms=now_ms)
        elif (due_ms := keys[-1].signs_from_ms + self._rotate_ms) <= now_ms + AHEAD_MS:
            await self._make(int(keys[-1].number) + 1, now_ms, signs_from_ms=max(due_ms, now_ms + AHEAD_MS))
        for key, after in pairwise(keys):
            if after.signs_from_ms + self._token_ms + (LOADED_S + SKEW_S) * 1000 < now_ms:
                await self._shelf.delete(key.number)
        await self._load()

    async def _make(self, number: int, now_ms: int, *, signs_from_ms: int) -> None:
        seed = self._randomness.token(SEED_BYTES)
        name = f"{number:08d}"
        public = _encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())
        kid = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public}).thumbprint()
        key = SigningKey(name, kid, public, self._seal.seal(seed, f"signing key {name}"), now_ms, signs_from_ms)
        try:
            await self._shelf.insert(key)
        except DuplicateKey:
            return  # another replica has made it

    async def _known(self) -> tuple[SigningKey, ...]:
        return self._keys if self._keys and self._age_s() < LOADED_S else await self._load()

    async def _load(self) -> tuple[SigningKey, ...]:
        found = await self._shelf.scan(limit=MAX_KEYS, after=None)
        self._keys, self._loaded_at = found.items, self._clock.monotonic()
        self._private = {kid: key for kid, key in self._private.items() if any(each.kid == kid for each in found.items)}
        return self._keys

    def _age_s(self) -> float:
        return LOADED_S if self._loaded_at is None else self._clock.monotonic() - self._loaded_at

    def _private_key(self, key: SigningKey) -> OKPKey:
        if key.kid not in self._private:
            seed = self._seal.open(key.sealed_seed, f"signing key {key.number}")
            self._private[key.kid] = OKPKey.import_key({**_jwk(key), "d": _encode(seed)})
        return self._private[key.kid]


def signing_key_of(stored: Stored) -> SigningKey:
    """The key in a document, for `verify`."""
    return value_of(stored.body, SigningKey)


def _jwk(key: SigningKey) -> dict[str, str | list[str]]:
    return {"kty": "OKP", "crv": "Ed25519", "x": key.public}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
