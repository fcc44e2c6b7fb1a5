"""Tokens by which people unsubscribe: they name account, address and kind to us and nobody else, and nobody else can make one.

They are sealed (authenticated encryption, kit.seal) rather than signed in the clear, so that a link in somebody's mail tells nothing. They
don't expire: who finds a mail of last year wants none of this year's either.
"""

from dataclasses import dataclass

from quietzone_kit.errors import NotFound
from quietzone_kit.seal import CantOpen, Seal
from quietzone_notification.mail.kinds import OPTIONAL

PLACE = "mail unsubscription"
MAX_TOKEN = 900
"""Characters; an account's id, an address and a kind become some 500."""


@dataclass(frozen=True, slots=True)
class Way:
    """What a token is the way out of."""

    account_id: str
    address: str
    kind: str


class Tokens:
    """Makes and reads tokens."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def make(self, way: Way) -> str:
        """A token, of characters that a URL's query has as they are; raises FailedPrecondition: there is no key."""
        return self._seal.seal(f"{way.account_id}\n{way.kind}\n{way.address}".encode(), PLACE)

    def read(self, token: str) -> Way:
        """What a token is for.

        Raises:
            NotFound: none of ours.
            FailedPrecondition: there is no key.
        """
        self._seal.check()
        unknown = NotFound("no such token: use the whole link of the mail")
        if len(token) > MAX_TOKEN or not token.isascii():
            raise unknown
        try:
            account_id, kind, address = self._seal.open(token, PLACE).decode().split("\n")
        except (CantOpen, ValueError) as error:
            raise unknown from error
        if kind not in OPTIONAL:
            raise unknown
        return Way(account_id, address, kind)
