"""What can be asked of addresses."""

from collections.abc import Mapping

from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, Violations
from quietzone_kit.mail import check_address
from quietzone_kit.runtime import Clock
from quietzone_notification.mail.addresses.domain import ALL, MAX_DETAIL, Addressee, Reason, Suppression
from quietzone_notification.mail.addresses.repository import Addresses, AddressPage
from quietzone_notification.mail.kinds import OPTIONAL, check_optional
from quietzone_notification.mail.metrics import SUPPRESSED
from quietzone_notification.mail.tokens import Tokens, Way

DEFAULT_PAGE, MAX_PAGE = 50, 1_000


class AddressDesk:
    """Keeps suppressions and preferences."""

    def __init__(self, addresses: Addresses, tokens: Tokens, clock: Clock) -> None:
        self._addresses = addresses
        self._tokens = tokens
        self._clock = clock

    async def unsubscribe(self, token: str, *, all_kinds: bool) -> Way:
        """Take the word of whoever holds a mail's token; again changes nothing.

        Raises:
            NotFound: no token of ours.
            FailedPrecondition: there is no key that tokens are sealed with.
        """
        way = self._tokens.read(token)
        await self._suppress(way.account_id, way.address, ALL if all_kinds else way.kind, Reason.UNSUBSCRIBED)
        return way

    async def listed(self, account_id: str, *, page_size: int, page_token: str) -> AddressPage:
        """An account's suppressed addresses, the latest first; raises InvalidInput."""
        if not 0 <= page_size <= MAX_PAGE:
            raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE:,}, or 0 for {DEFAULT_PAGE}"))
        try:
            return await self._addresses.suppressed(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
        except InvalidCursor as error:
            reason = "not a token that a page of this list gave; leave it out to begin anew"
            raise InvalidInput(FieldViolation("page_token", reason)) from error

    async def put(self, account_id: str, address: str, kind: str, detail: str) -> Suppression:
        """Have an address get nothing; one that is there stays as it was. Raises InvalidInput."""
        violations = Violations()
        with violations.field("address"):
            check_address(address)
        with violations.field("kind"):
            if kind != ALL:
                check_optional(kind)
        if len(detail) > MAX_DETAIL or not detail.isprintable():
            violations.add("detail", f"use at most {MAX_DETAIL} printable characters")
        violations.check()
        after = await self._suppress(account_id, address, kind, Reason.BY_HAND, detail)
        found = after.suppression(kind)
        if found is None:
            raise AssertionError("what was suppressed just now isn't")
        return found

    async def delete(self, account_id: str, address: str, kind: str) -> None:
        """Lift a suppression; raises NotFound."""
        held = await self._addresses.get(account_id, address)
        if held.suppression(kind) is None:
            raise NotFound("no such suppression")
        await self._addresses.change(account_id, address, lambda before: before.lifted(kind))

    async def preferences(self, account_id: str, address: str) -> dict[str, bool]:
        """What a person gets, by kind; raises InvalidInput."""
        _check_address(address)
        return _gets(await self._addresses.get(account_id, address))

    async def prefer(self, account_id: str, address: str, wanted: Mapping[str, bool]) -> dict[str, bool]:
        """Take a person's word for what he wants; raises InvalidInput."""
        violations = Violations()
        with violations.field("preferences.address"):
            check_address(address)
        for kind in sorted(wanted):
            with violations.field("preferences.wanted"):
                check_optional(kind)
        violations.check()
        return _gets(await self._addresses.change(account_id, address, lambda before: before.preferring(wanted)))

    async def _suppress(self, account_id: str, address: str, kind: str, reason: Reason, detail: str = "") -> Addressee:
        now_ms, is_new = self._clock.now_ms(), False

        def change(before: Addressee) -> Addressee:
            nonlocal is_new
            after = before.suppressed(kind, reason, now_ms, detail)
            is_new = after is not before
            return after

        after = await self._addresses.change(account_id, address, change)
        if is_new:
            SUPPRESSED.labels(reason.value).inc()
        return after


def _gets(addressee: Addressee) -> dict[str, bool]:
    """Wishes and unsubscriptions together: what a person would tick in a list."""
    return {kind: addressee.wants(kind) and not _has_left(addressee, kind) for kind in OPTIONAL}


def _has_left(addressee: Addressee, kind: str) -> bool:
    return any(each.kind in (ALL, kind) and each.reason is Reason.UNSUBSCRIBED for each in addressee.suppressions)


def _check_address(address: str) -> None:
    violations = Violations()
    with violations.field("address"):
        check_address(address)
    violations.check()
