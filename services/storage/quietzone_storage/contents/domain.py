"""Contents: bytes of an account under their own digest. Pure.

A content is one document, and a blob. References aren't counted, since a count can go wrong: each asset's document names the blobs that
it needs, and an index finds who names one. What is removed, and what is kept while others come and go, follows from an order that holds
without a clock:

======================================  ===================================================================================
whoever needs bytes                     the sweeper, of what was `checked` for too long
======================================  ===================================================================================
1. the content is LIVE, else made so    1. no asset names the blob: the content becomes CONDEMNED
2. the blob is written if absent        2. no asset names the blob, still: it becomes GONE, unless it was changed since 1
3. its asset's document names the blob  3. the blob is removed, then the document
4. the content is LIVE with this blob,  (in 2. an asset names it: LIVE again)
   else again from 1
5. its asset counts on it
======================================  ===================================================================================

Who names a blob before the sweeper's second look is seen by it; who names it later sees the content CONDEMNED in step 4. A content that
was GONE gets a blob of another name, so whoever still removes the old one removes nothing else; one that is only CONDEMNED keeps its own.
A crash anywhere leaves a content that is due to be looked at, never an asset without bytes.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from enum import Enum

from quietzone_storage.assets.domain import BlobKey, Tier

FOLDER = "contents"
TOKEN_BYTES = 8

_KEY = re.compile(rf"{FOLDER}/[0-9a-f]{{2}}/([0-9a-f]{{64}})\.[0-9a-f]{{16}}")


class Standing(Enum):
    """Whether a content can be counted on."""

    LIVE = "live"
    CONDEMNED = "condemned"
    """Nobody needed it when it was looked at."""
    GONE = "gone"
    """Its blob is being removed, and it never comes back under this name."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of an account. `check_at_ms` is since when nobody may need them, None when an asset was found that does. `tier` is where they
    are, or are on the way to since `moving_since_ms`.
    """

    content_id: str
    account_id: str
    digest: str
    blob: BlobKey
    size: int
    media_type: str
    standing: Standing
    check_at_ms: int | None
    tier: Tier = Tier.HOT
    moving_since_ms: int | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether they can be read at once, and nobody is moving them."""
        return self.tier is Tier.HOT and self.moving_since_ms is None

    def condemned(self) -> "Content":
        """When no asset names it."""
        return replace(self, standing=Standing.CONDEMNED)

    def gone(self) -> "Content":
        """When no asset names it after it was condemned."""
        return replace(self, standing=Standing.GONE)

    def needed(self) -> "Content":
        """When an asset names it."""
        return replace(self, standing=Standing.LIVE, check_at_ms=None)

    def revived(self) -> "Content":
        """When somebody begins to need it before it is GONE."""
        return replace(self, standing=Standing.LIVE)

    def moving(self, tier: Tier, at_ms: int) -> "Content":
        """When they are about to be moved."""
        return replace(self, tier=tier, moving_since_ms=at_ms)

    def heated(self) -> "Content":
        """When they were written anew, while somebody may still be moving them."""
        return replace(self, tier=Tier.HOT)

    def settled(self, tier: Tier) -> "Content":
        """When they are there."""
        return replace(self, tier=tier, moving_since_ms=None)

    def doubted(self, at_ms: int) -> "Content":
        """When an asset is about to name it no more."""
        return replace(self, check_at_ms=at_ms)


def digest(data: bytes) -> str:
    """What bytes are known by: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def content_id(account_id: str, sha256: str) -> str:
    """The key of a content. Accounts share none: nobody learns by an upload what another account has."""
    return f"{account_id}#{sha256}"


def new_blob(sha256: str, token: bytes) -> BlobKey:
    """Where bytes are put; `token` is TOKEN_BYTES random ones."""
    return BlobKey(f"{FOLDER}/{sha256[:2]}/{sha256}.{token.hex()}")


def is_blob(key: str) -> bool:
    """Whether `new_blob` has made it."""
    return _KEY.fullmatch(key) is not None


def token_of(blob: str) -> int:
    """The random number that `new_blob` has given a blob."""
    return int(blob[-2 * TOKEN_BYTES :], 16)


def digest_of(blob: BlobKey) -> str:
    """The digest of what is there.

    Raises:
        ValueError: `new_blob` hasn't made it.
    """
    found = _KEY.fullmatch(blob)
    if found is None:
        raise ValueError(f"{blob!r:.100} is no blob of a content")
    return found.group(1)
