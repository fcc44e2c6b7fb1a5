"""What a client of one kind can do about events, by feature: events, buses, rules, topics, webhooks, deliveries, devices."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from quietzone_client import _deliveries, _devices, _endpoints, _events, _rules, _topics
from quietzone_client._calls import Calls
from quietzone_client._deliveries import Delivery, DeliveryFilter, OpenedDelivery, Redrive
from quietzone_client._devices import Device
from quietzone_client._endpoints import Endpoint, EndpointChange, NewEndpoint
from quietzone_client._events import Entry, JsonObject, PutResult, Tried
from quietzone_client._inputs import When
from quietzone_client._rules import Bus, NewRule, Rule, Target
from quietzone_client._topics import Attribute, NewMessage, NewSubscription, Subscription, Topic


class AsyncEvents:
    """Events of your own; what Quietzone tells itself comes to the bus `default`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def put(self, entries: Sequence[Entry], *, idempotency_key: str | None = None) -> tuple[PutResult, ...]:
        """Put 1 to 10 events. Each is taken or not on its own: look at `PutResult.ok` of each, in their order.

        With an `idempotency_key` of yours the same entries again are no other events; what wasn't taken is tried again then.
        """
        return await self._calls.make(_events.put_events(entries, idempotency_key=idempotency_key))

    async def test_pattern(self, pattern: JsonObject, event: JsonObject) -> Tried:
        """Whether an event matches a pattern, and why; the event needs only what is looked at."""
        return await self._calls.make(_events.try_pattern(pattern, event))


class AsyncBuses:
    """Where events come to."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self) -> tuple[Bus, ...]:
        """All buses by name, `default` first."""
        return await self._calls.make(_rules.list_buses())

    async def put(self, bus: str, *, description: str = "") -> Bus:
        """Make a bus for events of your own, or describe it anew."""
        return await self._calls.make(_rules.put_bus(bus, description))

    async def delete(self, bus: str) -> None:
        """Take a bus away that has no rules."""
        await self._calls.make(_rules.delete_bus(bus))


class AsyncRules:
    """Which events go where."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, bus: str = "default") -> AsyncGenerator[Rule, None]:
        """All rules of a bus by name; `get` has what they have done."""
        return self._calls.pages(lambda cursor: _rules.page_of_rules(bus, cursor=cursor))

    async def get(self, name: str, *, bus: str = "default") -> Rule:
        """One rule, with what it has done in `numbers`."""
        return await self._calls.make(_rules.get_rule(bus, name))

    async def put(
        self,
        name: str,
        pattern: JsonObject,
        targets: Sequence[Target] = (),
        *,
        bus: str = "default",
        description: str = "",
        enabled: bool = True,
        revision: int | None = None,
    ) -> Rule:
        """Make a rule, or make the one of this name what is given here, all of it; it holds within a second.

        With a `revision` RevisionMismatch is raised unless the rule has it; with 0, if there is such a rule.
        """
        new = NewRule(pattern, targets, description, enabled)
        return await self._calls.make(_rules.put_rule(bus, name, new, revision=revision))

    async def delete(self, name: str, *, bus: str = "default", revision: int | None = None) -> None:
        """Take a rule away; what it has decided is delivered all the same."""
        await self._calls.make(_rules.delete_rule(bus, name, revision=revision))


class AsyncTopics:
    """Messages, and who gets them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> AsyncGenerator[Topic, None]:
        """All topics by name."""
        return self._calls.pages(lambda cursor: _topics.page_of_topics(cursor=cursor))

    async def put(self, topic: str, *, display_name: str = "") -> Topic:
        """Make a topic, or give the one that is there another display name: what its mails are from."""
        return await self._calls.make(_topics.put_topic(topic, display_name))

    async def delete(self, topic: str) -> None:
        """Take a topic away that has no subscriptions."""
        await self._calls.make(_topics.delete_topic(topic))

    def subscriptions(self, topic: str) -> AsyncGenerator[Subscription, None]:
        """Who gets a topic's messages, oldest first."""
        return self._calls.pages(lambda cursor: _topics.page_of_subscriptions(topic, cursor=cursor))

    async def subscribe(
        self,
        topic: str,
        kind: str,
        destination: str,
        *,
        filter_policy: JsonObject | None = None,
        filter_scope: str = "message_attributes",
        raw: bool = False,
    ) -> Subscription:
        """Have a topic's messages sent somewhere: see `Target`. The same destination again gets these options.

        A mail address that isn't a verified member's is asked first, and gets nothing until it confirms, within two days.
        """
        new = NewSubscription(kind, destination, filter_policy, filter_scope, raw)
        return await self._calls.make(_topics.subscribe(topic, new))

    async def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        await self._calls.make(_topics.unsubscribe(subscription_id))

    async def publish(
        self,
        topic: str,
        message: JsonObject,
        *,
        subject: str = "",
        attributes: Mapping[str, Attribute] | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Send a message to all confirmed subscriptions whose policy lets it through; its id. A message is a text, or an object.

        With an `idempotency_key` of yours a later call with it is the same message.
        """
        new = NewMessage(message, subject, attributes or {})
        return await self._calls.make(_topics.publish(topic, new, idempotency_key=idempotency_key))


class AsyncWebhooks:
    """Where webhooks go. What makes a secret isn't tried again once it may have been done: look at `list`, then delete or rotate."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self, url: str, *, description: str = "", headers: Mapping[str, str] | None = None, secret: str | None = None
    ) -> NewEndpoint:
        """Make an endpoint; its secret is told this once, drawn unless you bring one. `headers` go with each of its webhooks."""
        call = _endpoints.create_endpoint(url, description=description, headers=headers or {}, secret=secret)
        return await self._calls.make(call)

    async def list(self) -> tuple[Endpoint, ...]:
        """All endpoints, oldest first."""
        return await self._calls.make(_endpoints.list_endpoints())

    async def get(self, endpoint_id: str) -> Endpoint:
        """One endpoint."""
        return await self._calls.make(_endpoints.get_endpoint(endpoint_id))

    async def change(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        headers: Mapping[str, str] | None = None,
        state: str | None = None,
        revision: int | None = None,
    ) -> Endpoint:
        """Change what is given; it holds within 5 seconds. `enabled` as its state begins with a clean slate.

        With a `revision` RevisionMismatch is raised unless the endpoint has it.
        """
        change = EndpointChange(url, description, headers, state)
        return await self._calls.make(_endpoints.change_endpoint(endpoint_id, change, revision=revision))

    async def delete(self, endpoint_id: str) -> None:
        """Take an endpoint away; what waits for it is dropped."""
        await self._calls.make(_endpoints.delete_endpoint(endpoint_id))

    async def rotate_secret(self, endpoint_id: str, *, secret: str | None = None, overlap_s: int = 86_400) -> NewEndpoint:
        """Give an endpoint another secret, which is told this once; those before it sign too for `overlap_s` more, a week at most."""
        return await self._calls.make(_endpoints.rotate_secret(endpoint_id, secret=secret, overlap_s=overlap_s))

    async def test(self, endpoint_id: str) -> Delivery:
        """Send a signed test event, once; `deliveries.get` says what became of it."""
        return await self._calls.make(_endpoints.send_test(endpoint_id))


class AsyncDeliveries:
    """What rules, topics and tests send, and what became of it: for 7 days after its end, unless the installation keeps it otherwise."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        *,
        destination: str | None = None,
        state: str | None = None,
        cause: str | None = None,
        since: When | None = None,
        until: When | None = None,
    ) -> AsyncGenerator[Delivery, None]:
        """All deliveries that fit, newest first. A cause may be cut off at a colon, such as `rule:<id>`."""
        where = DeliveryFilter(destination, state, cause, since, until)
        return self._calls.pages(lambda cursor: _deliveries.page_of_deliveries(where, cursor=cursor))

    async def get(self, delivery_id: str) -> OpenedDelivery:
        """One delivery, with its body and its latest attempts."""
        return await self._calls.make(_deliveries.get_delivery(delivery_id))

    async def retry(self, delivery_id: str) -> Delivery:
        """Have a delivery sent again, now, with the same id; also one that was delivered."""
        return await self._calls.make(_deliveries.retry_delivery(delivery_id))

    async def redrive(
        self,
        state: str,
        *,
        destination: str | None = None,
        cause: str | None = None,
        since: When | None = None,
        until: When | None = None,
        idempotency_key: str | None = None,
    ) -> Redrive:
        """Have all that fit sent again, in the background: of those `delivered`, `dead` or `dropped` so far.

        With an `idempotency_key` of yours the same call again tells how far it is.
        """
        where = DeliveryFilter(destination, state, cause, since, until)
        return await self._calls.make(_deliveries.redrive(where, idempotency_key=idempotency_key))


class AsyncDevices:
    """Devices that pushes go to."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def register(self, person: str, platform: str, token: str, *, topics: Sequence[str] = ()) -> Device:
        """Take up a device (`fcm` or `apns`), or what its app says of it now: the same token is the same device, whoever has it."""
        return await self._calls.make(_devices.register_device(person, platform, token, topics))

    def list(self, *, person: str | None = None) -> AsyncGenerator[Device, None]:
        """All devices, the first registered first; or those of a person."""
        return self._calls.pages(lambda cursor: _devices.page_of_devices(person, cursor=cursor))

    async def delete(self, device_id: str) -> None:
        """Forget a device and its token; what waits for it is dropped."""
        await self._calls.make(_devices.delete_device(device_id))
