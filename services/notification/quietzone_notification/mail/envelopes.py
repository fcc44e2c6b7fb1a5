"""What the house's mails are filled with, as it lies in the store: sealed, since it holds links that open accounts."""

import json

from quietzone_kit.seal import CantOpen, Seal
from quietzone_notification.mail.letters import Data, InvalidLetter

SEALED = "sealed"


class Envelopes:
    """Seals and opens data of one delivery."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def close(self, data: Data, delivery_id: str) -> Data:
        """Data as it is stored; raises FailedPrecondition: there is no key."""
        return {SEALED: self._seal.seal(json.dumps(data).encode(), _place(delivery_id))}

    def open(self, data: Data, delivery_id: str) -> Data:
        """What was sealed.

        Raises:
            InvalidLetter: with a key that is gone, or for another delivery.
            FailedPrecondition: there is no key.
        """
        try:
            opened: Data = json.loads(self._seal.open(str(data[SEALED]), _place(delivery_id)))
        except (CantOpen, KeyError) as error:
            raise InvalidLetter(f"what it says can't be opened: {error}") from error
        return opened


def _place(delivery_id: str) -> str:
    return f"mail {delivery_id}"
