"""What can be asked of topics."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlencode

from quietzone_kit.documents import InvalidCursor, VersionConflict
from quietzone_kit.errors import (
    FailedPrecondition,
    FieldViolation,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Violations,
)
from quietzone_kit.ids import derived_id, uuid7
from quietzone_kit.mail import check_address
from quietzone_kit.runtime import Clock, Randomness
from quietzone_notification.delivery.domain import CONFIRM_CAUSE, MAX_BODY_BYTES, Outbound
from quietzone_notification.destinations import Endpoints, refusal
from quietzone_notification.filters import Readable, compile_filter
from quietzone_notification.metrics import DECIDED, PUBLISHED
from quietzone_notification.rules.domain import Kind, check_destination
from quietzone_notification.slots import free_slot
from quietzone_notification.topics.deliveries import asking, delivery_of, in_parts, wants
from quietzone_notification.topics.domain import (
    CONFIRM_WITHIN_MS,
    MAX_ASKED,
    MAX_ASKED_BY_ACCOUNT,
    MAX_REQUEST_ID,
    MAX_SUBSCRIPTIONS,
    MAX_TOPICS,
    TOKEN_BYTES,
    Attribute,
    Message,
    Options,
    State,
    Subscription,
    Topic,
    check_attributes,
    check_display_name,
    check_name,
    check_size,
    check_subject,
)
from quietzone_notification.topics.repository import HeldTopic, SubscriptionPage, Taken, TopicPage, Topics

ATTEMPTS = 5  # people don't make topics against each other: a fifth meeting means that something else is going on
MAX_PAGE = 1_000
DEFAULT_PAGE = 50
MAX_POLICY = 16_384  # characters: SNS takes 256 KB, and a topic's 1,000 policies shall not have 256 MB


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Who is to get messages, unchecked; `verified`: a mail address is known to be that of a verified member."""

    topic: str
    kind: Kind
    destination: str
    options: Options = field(default_factory=Options)
    verified: bool = False


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message, unchecked. Messages of a topic with the same `request_id` are one."""

    topic: str
    text: str
    subject: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    request_id: str | None = None


class Sent(Outbound, Protocol):
    """Takes deliveries, and knows what was sent lately."""

    async def number_since(self, account_id: str, destination: str, cause: str, since_ms: int) -> int:
        """How many deliveries to a destination have this cause and were created since a moment. Raises Unavailable."""


class TopicDesk:
    """Keeps topics and subscriptions, and publishes. `confirm_url` is the page that takes confirmations; account and token are added."""

    def __init__(
        self,
        topics: Topics,
        outbound: Sent,
        endpoints: Endpoints,
        clock: Clock,
        randomness: Randomness,
        *,
        confirm_url: str,
    ) -> None:
        self._topics = topics
        self._outbound = outbound
        self._endpoints = endpoints
        self._clock = clock
        self._randomness = randomness
        self._confirm_url = confirm_url

    async def put(self, account_id: str, name: str, display_name: str) -> Topic:
        """Make a topic, or give the one that is there this display name.

        Raises:
            InvalidInput: nothing that a topic can be.
            ResourceExhausted: the account has as many as it may.
        """
        violations = Violations()
        with violations.field("name"):
            check_name(name)
        with violations.field("display_name"):
            check_display_name(display_name)
        violations.check()
        for _ in range(ATTEMPTS):
            try:
                held = await self._topics.get(account_id, name)
                if held is not None:
                    after = replace(held.topic, display_name=display_name)
                    if after != held.topic:
                        await self._topics.replace(held, after)
                    return after
                slot = free_slot(await self._topics.slots(account_id), MAX_TOPICS)
                if slot is None:
                    raise ResourceExhausted(f"an account has at most {MAX_TOPICS:,} topics: take one away first")
                topic = Topic(account_id, name, display_name, self._clock.now_ms(), slot)
                await self._topics.insert(topic)
            except (Taken, VersionConflict):
                continue
            return topic
        raise Unavailable("the account's topics change all the time: try again")

    async def list(self, account_id: str, *, page_size: int, page_token: str) -> TopicPage:
        """An account's topics by name; raises InvalidInput."""
        try:
            return await self._topics.page(account_id, limit=_limit(page_size), after=page_token or None)
        except InvalidCursor as error:
            raise _no_token() from error

    async def delete(self, account_id: str, name: str) -> None:
        """Take a topic away.

        Raises:
            NotFound: this account has no such topic.
            FailedPrecondition: it has subscriptions.
        """
        held = await self._found(account_id, name)
        if await self._topics.has_subscriptions(account_id, name):
            raise FailedPrecondition(f"topic {name} has subscriptions: end these first")
        try:
            await self._topics.delete(held)
        except VersionConflict as error:
            raise Unavailable("the topic was changed at the same time: try again") from error

    async def subscribe(self, account_id: str, new: NewSubscription) -> Subscription:
        """Have a topic's messages sent somewhere; the same destination again gets these options, and is not asked again.

        Raises:
            InvalidInput: names each field that is wrong.
            NotFound: this account has no such topic.
            ResourceExhausted: it has as many subscriptions as it may, or the address was asked as often as it may be, or the account had
                as many asked as it may.
        """
        await self._check(account_id, new)
        if new.kind is Kind.MAIL:  # however it is written, it is one mailbox to whoever has it
            new = replace(new, destination=new.destination.lower())
        topic = (await self._found(account_id, new.topic)).topic
        for _ in range(ATTEMPTS):
            try:
                held = await self._topics.by_destination(account_id, new.topic, new.kind.value, new.destination)
                if held is not None and await self._is_void(held.subscription):
                    await self._topics.unsubscribe(held)
                    held = None
                if held is None:
                    return await self._begin(topic, new)
                after = replace(held.subscription, options=new.options)
                if new.verified and new.kind is Kind.MAIL:
                    after = replace(after, state=State.CONFIRMED, expires_at_ms=None)
                if after != held.subscription:
                    await self._topics.change(held, after)
            except (Taken, VersionConflict):
                continue
            return after
        raise Unavailable("the topic's subscriptions change all the time: try again")

    async def confirm(self, account_id: str, token: str) -> Subscription:
        """Take the word of whoever was sent a token; again changes nothing.

        Raises:
            NotFound: no such token, or it has expired.
        """
        for _ in range(ATTEMPTS):
            held = await self._topics.subscription(account_id, token.partition(".")[0])
            if held is None or not hmac.compare_digest(_digest(token), held.subscription.token_digest):
                raise NotFound("no such token: have the address subscribed again")
            if held.subscription.state is State.CONFIRMED:
                return held.subscription
            if held.subscription.has_lapsed(self._clock.now_ms()):
                raise NotFound("the token has expired: have the address subscribed again")
            after = replace(held.subscription, state=State.CONFIRMED, expires_at_ms=None)
            try:
                await self._topics.change(held, after)
            except VersionConflict:
                continue
            return after
        raise Unavailable("the subscription changes all the time: try again")

    async def subscriptions(self, account_id: str, topic: str, *, page_size: int, page_token: str) -> SubscriptionPage:
        """A topic's subscriptions, oldest first; raises InvalidInput."""
        try:
            return await self._topics.subscriptions(account_id, topic, limit=_limit(page_size), after=page_token or None)
        except InvalidCursor as error:
            raise _no_token() from error

    async def unsubscribe(self, account_id: str, subscription_id: str) -> None:
        """End a subscription; raises NotFound."""
        for _ in range(ATTEMPTS):
            held = await self._topics.subscription(account_id, subscription_id)
            if held is None:
                raise NotFound(f"no subscription {subscription_id!r:.60}")
            try:
                await self._topics.unsubscribe(held)
            except VersionConflict:
                continue
            return
        raise Unavailable("the subscription changes all the time: try again")

    async def publish(self, account_id: str, new: NewMessage) -> str:
        """Send a message to all who want it; when this returns, all their deliveries are stored. The answer is the message's id.

        Raises:
            InvalidInput: names each field that is wrong.
            NotFound: this account has no such topic.
            Unavailable: some may be stored; the same request id repeats it safely.
        """
        _check_message(new)
        topic = (await self._found(account_id, new.topic)).topic
        made = uuid7(self._clock, self._randomness)
        message_id = made if new.request_id is None else derived_id("message", account_id, new.topic, new.request_id)
        message = Message(message_id, account_id, new.topic, new.text, new.subject, new.attributes, self._clock.now_ms())
        if len(message.wrapped(made).encode()) > MAX_BODY_BYTES:  # quotes and the like become two bytes in JSON, and more
            raise InvalidInput(FieldViolation("message", f"as JSON it has more than {MAX_BODY_BYTES:,} bytes: make it shorter"))
        readable = Readable(message.for_filters(), message.text)
        async for page in self._topics.all_subscriptions(account_id, new.topic):
            wanted = (delivery_of(derived_id, topic, each, message) for each in page if wants(each, readable))
            for part in in_parts(wanted):
                await self._outbound.enqueue(part)
                for delivery in part:
                    DECIDED.labels(delivery.kind).inc()
        PUBLISHED.inc()
        return message_id

    async def _begin(self, topic: Topic, new: NewSubscription) -> Subscription:
        slot = free_slot(await self._topics.subscription_slots(topic.account_id, topic.name), MAX_SUBSCRIPTIONS)
        if slot is None:
            raise ResourceExhausted(f"a topic has at most {MAX_SUBSCRIPTIONS:,} subscriptions: end one, or make another topic")
        now_ms = self._clock.now_ms()
        made = uuid7(self._clock, self._randomness)
        if new.kind is not Kind.MAIL or new.verified:
            given = Subscription(made, topic.account_id, topic.name, new.kind, new.destination, State.CONFIRMED, now_ms, slot, new.options)
            await self._topics.subscribe(given)
            return given
        since_ms = now_ms - CONFIRM_WITHIN_MS
        if await self._outbound.number_since(topic.account_id, new.destination, CONFIRM_CAUSE, since_ms) >= MAX_ASKED:
            raise ResourceExhausted(f"{new.destination} was asked {MAX_ASKED} times within two days: wait until one of them is answered")
        if not await self._topics.count_asking(topic.account_id, now_ms):
            raise ResourceExhausted(f"{MAX_ASKED_BY_ACCOUNT:,} addresses were asked within two days: go on when these are over")
        token = f"{made}.{base64.urlsafe_b64encode(self._randomness.token(TOKEN_BYTES)).decode().rstrip('=')}"
        asked = Subscription(
            subscription_id=made,
            account_id=topic.account_id,
            topic=topic.name,
            kind=new.kind,
            destination=new.destination,
            state=State.PENDING,
            created_at_ms=now_ms,
            slot=slot,
            options=new.options,
            token_digest=_digest(token),
            expires_at_ms=now_ms + CONFIRM_WITHIN_MS,
        )
        await self._topics.subscribe(asked)
        link = f"{self._confirm_url}?{urlencode({'account': topic.account_id, 'token': token})}"
        try:
            await self._outbound.enqueue([asking(derived_id, topic, asked, link)])
        except Unavailable:
            # Nobody would ever be asked: who subscribes again begins anew.
            held = await self._topics.subscription(topic.account_id, made)
            if held is not None:
                await self._topics.unsubscribe(held)
            raise
        return asked

    async def _is_void(self, subscription: Subscription) -> bool:
        """Whether a subscription can't be confirmed any more, so that who subscribes again is asked again: its time is over, or nobody was
        asked, since whoever would have done so was killed before.
        """
        if subscription.state is not State.PENDING:
            return False
        asked = (subscription.account_id, subscription.destination, CONFIRM_CAUSE, subscription.created_at_ms)
        return subscription.has_lapsed(self._clock.now_ms()) or not await self._outbound.number_since(*asked)

    async def _check(self, account_id: str, new: NewSubscription) -> None:
        violations = Violations()
        with violations.field("destination"):
            check_destination(new.kind, new.destination)
            if new.kind is Kind.MAIL:
                check_address(new.destination)
        with violations.field("filter_policy"):
            if len(new.options.filter_policy) > MAX_POLICY:
                raise ValueError(f"a policy has at most {MAX_POLICY:,} characters")
            if new.options.filter_policy:
                compile_filter(new.options.filter_policy, new.options.filter_scope.value)
        violations.check()
        if new.kind is Kind.WEBHOOK and (reason := await refusal(self._endpoints, account_id, new.kind, new.destination, ())):
            raise InvalidInput(FieldViolation("destination", reason))

    async def _found(self, account_id: str, name: str) -> HeldTopic:
        held = await self._topics.get(account_id, name)
        if held is None:
            raise NotFound(f"no topic {name!r:.110}")
        return held


def _check_message(new: NewMessage) -> None:
    violations = Violations()
    with violations.field("subject"):
        check_subject(new.subject)
    with violations.field("attributes"):
        check_attributes(new.attributes)
    with violations.field("message"):
        check_size(new.text, new.attributes)
    if new.request_id is not None and not (1 <= len(new.request_id) <= MAX_REQUEST_ID and new.request_id.isprintable()):
        violations.add("request_id", f"use 1 to {MAX_REQUEST_ID} printable characters")
    violations.check()


def _limit(page_size: int) -> int:
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE:,}, or 0 for {DEFAULT_PAGE}"))
    return page_size or DEFAULT_PAGE


def _no_token() -> InvalidInput:
    return InvalidInput(FieldViolation("page_token", "not a token that a page of this list gave; leave it out to begin anew"))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
