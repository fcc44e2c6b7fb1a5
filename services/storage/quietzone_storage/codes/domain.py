"""What an event tells of a code, and whether its image follows. Pure."""

from dataclasses import dataclass

from quietzone_storage.assets.domain import AccountId, Asset, AssetId, State, Tier
from quietzone_storage.variants.domain import CODE_FORMS

CONSUMER = "storage-codes"
"""The group of the consumer that hears of codes."""

COPIES_CONSUMER = "storage-copies"
"""The group of the consumer that has copies forgotten."""

DRAWN_FROM = frozenset({"payload"})
"""Fields of a code that its image depends on; all others change nothing here."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event tells. `looks_different`: the code is new, or a field of DRAWN_FROM is another."""

    code_id: AssetId
    account_id: AccountId
    revision: int
    looks_different: bool
    is_deleted: bool


def is_to_draw(asset: Asset, told: Heard) -> bool:
    """Whether the image that there is isn't the code's. Events that are old, or came before, change nothing; one that was cut off, and
    comes again, is taken up where it ended.
    """
    if asset.state is State.DELETED:
        return False
    if asset.state is State.PENDING:
        return True
    return told.looks_different and told.revision > asset.code_revision


def lacks_files(asset: Asset) -> bool:
    """Whether files of a code's image aren't kept, or cost something to read, and can be drawn from its modules."""
    if asset.state is not State.READY or asset.symbol is None:
        return False
    kept = {variant.name for variant in asset.variants}
    return asset.tier is not Tier.HOT or any(form.variant not in kept for form in CODE_FORMS)
