"""What can be asked of brands."""

from quietzone_kit.documents import DuplicateKey, VersionConflict
from quietzone_kit.errors import RevisionMismatch, Unavailable, Violations
from quietzone_kit.mail import check_address
from quietzone_kit.runtime import Clock
from quietzone_notification.mail.brands.domain import (
    MAX_LOGO_URL,
    Brand,
    Looks,
    check_colour,
    check_footer,
    check_link_base,
    check_name,
    check_url,
)
from quietzone_notification.mail.brands.repository import Brands

ATTEMPTS = 5  # people don't brand against each other: a fifth meeting means that something else is going on


class BrandDesk:
    """Keeps what mails look like."""

    def __init__(self, brands: Brands, clock: Clock) -> None:
        self._brands = brands
        self._clock = clock

    async def get(self, account_id: str) -> Brand:
        """An account's brand, as it is or as the house's."""
        return (await self._brands.get(account_id)).brand

    async def put(self, account_id: str, looks: Looks, *, verified: bool, expected: int | None = None) -> Brand:
        """Choose a brand; `verified`: its `reply_to` is known to be the address of a verified member.

        Raises:
            InvalidInput: names each field that is wrong.
            RevisionMismatch: `expected` is given and the brand has another revision.
        """
        for _ in range(ATTEMPTS):
            held = await self._brands.get(account_id)
            if expected not in (None, held.brand.revision):
                raise RevisionMismatch(f"the branding has revision {held.brand.revision}, not {expected}: read it again")
            _check(looks, is_known=verified or looks.reply_to == held.brand.looks.reply_to)
            after = held.brand.changed(looks, self._clock.now_ms())
            if after is held.brand:
                return after
            try:
                await self._brands.put(held, after)
            except (VersionConflict, DuplicateKey):
                continue
            return after
        raise Unavailable("the account's branding changes all the time: try again")


def _check(looks: Looks, *, is_known: bool) -> None:
    violations = Violations()
    with violations.field("branding.name"):
        check_name(looks.name)
    with violations.field("branding.colour"):
        check_colour(looks.colour)
    with violations.field("branding.logo_url"):
        check_url(looks.logo_url, MAX_LOGO_URL)
    with violations.field("branding.footer"):
        check_footer(looks.footer)
    with violations.field("branding.link_base"):
        check_link_base(looks.link_base)
    with violations.field("branding.reply_to"):
        if looks.reply_to:
            check_address(looks.reply_to)
            if not is_known:
                raise ValueError("use the address of a verified member of the account")
    violations.check()
