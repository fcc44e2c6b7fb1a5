"""What an account may see of its deliveries, and have done with them."""

import msgspec

from quietzone_kit.errors import FailedPrecondition, Unavailable
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.tasks import NewTask, Task, Tasks
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.deliveries.repository import Deliveries, DeliveryPage, Wanted
from quietzone_notification.delivery.domain import Delivery, NewDelivery
from quietzone_notification.delivery.endpoints.domain import State as EndpointState
from quietzone_notification.delivery.endpoints.repository import Endpoints

REDRIVE = "redrive-deliveries"
TEST_TYPE = "Webhook Test"
TEST_SOURCE = "quietzone.notification"


class DeliveryDesk:
    """Deliveries as people have them."""

    def __init__(self, deliveries: Deliveries, endpoints: Endpoints, tasks: Tasks, clock: Clock, randomness: Randomness) -> None:
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._tasks = tasks
        self._clock = clock
        self._randomness = randomness

    async def get(self, account_id: str, delivery_id: str) -> Delivery:
        """A delivery with its body and its latest attempts; raises NotFound."""
        return (await self._deliveries.get(account_id, delivery_id)).delivery

    async def listed(self, account_id: str, wanted: Wanted, *, limit: int, after: str | None = None) -> DeliveryPage:
        """An account's deliveries, newest first; raises InvalidCursor."""
        return await self._deliveries.listed(account_id, wanted, limit=limit, after=after)

    async def retry(self, account_id: str, delivery_id: str) -> Delivery:
        """Have a delivery sent again, now, with the same id and all its attempts; also one that was delivered.

        Raises:
            NotFound: this account has none with this id.
            FailedPrecondition: it asks a stranger for a confirmation.
            Unavailable: it changes all the time.
        """
        held = await self._deliveries.get(account_id, delivery_id)
        if held.delivery.is_asking:
            raise FailedPrecondition(
                "a mail that asks for a confirmation is sent once: subscribe the address anew when two days have passed"
            )
        if not await self._deliveries.begin_again([held]):
            raise Unavailable(f"delivery {delivery_id} is being sent just now: try again")
        return await self.get(account_id, delivery_id)

    async def redrive(self, account_id: str, wanted: Wanted, *, request_id: str | None) -> Task:
        """Have all that fit sent again, as a task; the same `request_id` again gives the task that is there. Raises Unavailable."""
        payload = msgspec.to_builtins(wanted)
        async with store_answers():
            return await self._tasks.add(NewTask(account_id, REDRIVE, payload, dedup_key=request_id))

    async def test(self, account_id: str, endpoint_id: str) -> Delivery:
        """Send a signed test event to an endpoint, once: what its answer is, the delivery tells.

        Raises:
            NotFound: this account has no such endpoint.
            FailedPrecondition: it is disabled.
        """
        endpoint = (await self._endpoints.get(account_id, endpoint_id)).endpoint
        if endpoint.state is EndpointState.DISABLED:
            raise FailedPrecondition("the endpoint is disabled: enable it first")
        test_id, now_ms = uuid7(self._clock, self._randomness), self._clock.now_ms()
        event = {"id": test_id, "source": TEST_SOURCE, "type": TEST_TYPE, "account": account_id, "detail": {"endpointId": endpoint_id}}
        new = NewDelivery(
            id=f"test_{test_id}",
            account_id=account_id,
            cause=f"test:{test_id}",
            event_id=test_id,
            event_type=TEST_TYPE,
            kind="webhook",
            destination=endpoint_id,
            body=msgspec.json.encode(event),
            content_type="application/json",
            headers=(),
            max_attempts=1,
            max_age_ms=None,
            created_ms=now_ms,
        )
        await self._deliveries.enqueue([new])
        return await self.get(account_id, new.id)
