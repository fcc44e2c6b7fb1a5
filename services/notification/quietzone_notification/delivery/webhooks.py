"""Carrying webhooks: to an account's endpoint, signed, and what its answers say of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import msgspec

from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.seal import CantOpen
from quietzone_kit.telemetry import logger
from quietzone_notification.delivery.client import Client, NoAnswer, Target
from quietzone_notification.delivery.domain import MAX_ERROR, MAX_EXCERPT, MAX_RETRY_AFTER_MS, Attempt, Delivery
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason, State
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.endpoints.use_cases import EndpointDesk, Opened
from quietzone_notification.delivery.headers import InvalidHeader
from quietzone_notification.delivery.metrics import DISABLED
from quietzone_notification.delivery.reach import InvalidUrl
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.delivery.signing import signed_headers

log = logger(__name__)

KNOWN_S = 5.0
"""For which a sender goes by what it knows of an endpoint: so long it takes until a change, or a new secret, is in use everywhere."""
MOST_KNOWN = 10_000
"""Endpoints that are remembered, at some 2 kB."""
MAX_PAUSE_MS = 3_600_000
"""For which a receiver's Retry-After holds up all of its lane."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An endpoint is about to be disabled by us. The same `notice_id` may come again: what is made of it has ids that follow from it."""

    notice_id: str
    endpoint: Endpoint
    reason: Reason


Tell: TypeAlias = Callable[[Notice], Awaitable[None]]
"""Tells the account, durably; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An endpoint as it was read, until when (monotonic); `lost` says why nothing can ever be sent to it, `away` why not now,
    `refused` why not as this process was set up: another may.
    """

    until_s: float
    endpoint: Endpoint | None
    opened: Opened | None = None
    target: Target | None = None
    lost: str = ""
    away: str = ""
    refused: str = ""


class WebhookCourier:
    """The port `Courier` for webhooks."""

    def __init__(self, endpoints: Endpoints, desk: EndpointDesk, client: Client, clock: Clock, tell: Tell) -> None:
        self._endpoints = endpoints
        self._desk = desk
        self._client = client
        self._clock = clock
        self._tell = tell
        self._known: dict[tuple[str, str], _Known] = {}
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}

    async def carry(self, delivery: Delivery) -> Ended:
        """See Courier."""
        known = await self._endpoint(delivery)
        if known.away:
            raise Unavailable(known.away)
        if known.endpoint is not None and known.refused:
            return Ended(Attempt(self._clock.now_ms(), 0, known.endpoint.url, error=known.refused[:MAX_ERROR]))
        if known.opened is None or known.target is None:
            return Ended(None, known.lost)
        url, at_ms, began_s = known.opened.endpoint.url, self._clock.now_ms(), self._clock.monotonic()
        try:
            signed = signed_headers(known.opened.secrets, delivery.delivery_id, at_ms=at_ms, body=delivery.body)
            headers = (("Content-Type", delivery.content_type), *delivery.headers, *signed.items())
            answer = await self._client.post(known.target, headers, delivery.body)
        except NoAnswer as error:
            return Ended(Attempt(at_ms, self._took_ms(began_s), url, error=str(error)[:MAX_ERROR]))
        excerpt = answer.excerpt.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_EXCERPT]
        is_redirect = 300 <= answer.status < 400
        moved = "a redirect isn't followed: give its own URL" if is_redirect else None
        attempt = Attempt(at_ms, self._took_ms(began_s), url, answer.status, moved, excerpt)
        asked_ms = retry_after_ms(answer.retry_after, self._clock.now_ms())
        pause_ms = min(asked_ms or 0, MAX_PAUSE_MS) if answer.status in (429, 503) else 0
        retry_ms = None if attempt.is_success else asked_ms
        return Ended(attempt, retry_after_ms=retry_ms, pause_ms=pause_ms, is_last=answer.status == 410)

    async def settled(self, delivery: Delivery, ended: Ended) -> None:
        """See Courier: take down when a run of failures begins and ends, and disable who is gone."""
        known = self._known.get(_key(delivery))
        if ended.attempt is None or known is None or known.endpoint is None:
            return
        endpoint, now_ms = known.endpoint, self._clock.now_ms()
        if ended.attempt.status == 410:
            await self._disable(endpoint, Reason.GONE, str(endpoint.revision))
        elif not ended.attempt.is_success and endpoint.is_given_up(now_ms):
            await self._disable(endpoint, Reason.FAILED, str(endpoint.failing_since_ms))
        elif endpoint.heard(is_well=ended.attempt.is_success, at_ms=now_ms) != endpoint:
            is_well = ended.attempt.is_success
            await self._change(endpoint, lambda before: before.heard(is_well=is_well, at_ms=now_ms))

    async def _disable(self, endpoint: Endpoint, reason: Reason, run: str) -> None:
        """Tell the account, then disable: a crash in between tells it again, with the same id, and so do other attempts of the same `run`.
        What was changed since we read it, isn't what has failed.
        """
        held = await self._endpoints.find(endpoint.account_id, endpoint.endpoint_id)
        if endpoint.state is State.DISABLED or held is None or not held.endpoint.is_still(endpoint, reason):
            return
        await self._tell(Notice(derived_id("webhook disabled", endpoint.endpoint_id, reason.value, run), endpoint, reason))
        now_ms = self._clock.now_ms()
        await self._change(endpoint, lambda before: before.disabled(reason, now_ms) if before.is_still(endpoint, reason) else before)
        DISABLED.labels(reason.value).inc()

    async def _change(self, endpoint: Endpoint, change: Callable[[Endpoint], Endpoint]) -> None:
        key = (endpoint.account_id, endpoint.endpoint_id)
        try:
            after = await self._endpoints.change(*key, change)
        except NotFound:  # deleted meanwhile
            self._known.pop(key, None)
        else:
            self._remember(key, after)

    async def _endpoint(self, delivery: Delivery) -> _Known:
        key = _key(delivery)
        known = self._known.get(key)
        if known is not None and self._clock.monotonic() < known.until_s:
            return known
        async with self._asking.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if known is not None and self._clock.monotonic() < known.until_s:
                return known
            try:
                known = await self._read(key)
            finally:
                self._asking.pop(key, None)
        return known

    async def _read(self, key: tuple[str, str]) -> _Known:
        try:
            held = await self._endpoints.find(*key)
        except msgspec.ValidationError as error:  # others mustn't wait for it
            log.error("an endpoint can't be read, and its deliveries wait", endpoint_id=key[1], error=str(error))  # noqa: TRY400
            known = self._known[key] = _Known(self._clock.monotonic() + KNOWN_S, None, away=f"endpoint {key[1]} can't be read: {error}")
            return known
        return self._remember(key, None if held is None else held.endpoint)

    def _remember(self, key: tuple[str, str], endpoint: Endpoint | None) -> _Known:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        known = self._known[key] = self._open(endpoint, self._clock.monotonic() + KNOWN_S)
        return known

    def _open(self, endpoint: Endpoint | None, until_s: float) -> _Known:
        if endpoint is None:
            return _Known(until_s, None, lost="its endpoint is gone")
        if endpoint.state is State.DISABLED:
            return _Known(until_s, endpoint, lost="its endpoint is disabled")
        try:
            opened = self._desk.opened(endpoint)
        except InvalidUrl as error:
            return _Known(until_s, endpoint, refused=str(error))
        except (CantOpen, FailedPrecondition, InvalidHeader) as error:
            return _Known(until_s, endpoint, away=str(error))
        return _Known(until_s, endpoint, opened, Target.of(opened.place, opened.headers.pairs))

    def _took_ms(self, began_s: float) -> int:
        return int((self._clock.monotonic() - began_s) * 1_000)


def retry_after_ms(text: str | None, now_ms: int) -> int | None:
    """What a receiver asks us to wait (RFC 9110, 10.2.3): seconds, or a date; None for neither. At most MAX_RETRY_AFTER_MS."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return min(int(text) * 1_000, MAX_RETRY_AFTER_MS)
    try:
        at_ms = int(parsedate_to_datetime(text).timestamp() * 1_000)
    except (ValueError, OverflowError):
        return None
    return min(max(0, at_ms - now_ms), MAX_RETRY_AFTER_MS)


def _key(delivery: Delivery) -> tuple[str, str]:
    return delivery.account_id, delivery.destination
