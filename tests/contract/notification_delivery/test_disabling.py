"""What answers, people and other releases do to an endpoint, and that to its deliveries."""

import asyncio
from typing import Any

import pytest
from contract.notification_delivery.world import ACCOUNT, Sending, all_ended, delivery

from quietzone_notification.delivery.domain import State
from quietzone_notification.delivery.endpoints.domain import DISABLED_AFTER_MS, Reason
from quietzone_notification.delivery.endpoints.domain import State as EndpointState
from quietzone_notification.delivery.endpoints.repository import ENDPOINTS
from quietzone_notification.delivery.endpoints.use_cases import Change, EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.delivery.webhooks import Notice

ERROR = b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 204 Fine\r\n\r\n"


async def test_410_disables_the_endpoint_and_what_waits_is_dropped(sending: Sending) -> None:
    sending.receiver.answers["/"] = [GONE]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        dead = await sending.ended("one")
        async with asyncio.timeout(10):
            while (disabled := await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).state is EndpointState.ENABLED:
                await asyncio.sleep(0.005)
        await sending.take(delivery("two", endpoint.endpoint_id))
        dropped = await sending.ended("two")

    assert (dead.state, dropped.state, dropped.error) == (State.DEAD, State.DROPPED, "its endpoint is disabled")
    assert disabled.reason is Reason.GONE
    assert [(notice.reason, notice.endpoint.endpoint_id) for notice in sending.notices] == [(Reason.GONE, endpoint.endpoint_id)]


async def test_several_410_at_once_are_one_notice(sending: Sending) -> None:
    sending.receiver.answers["/"] = [GONE]
    endpoint = await sending.endpoint()
    names = [f"{number}" for number in range(20)]
    await sending.take(*(delivery(name, endpoint.endpoint_id) for name in names))
    async with sending.sending():
        await all_ended(sending, names)
        async with asyncio.timeout(10):
            while (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).state is EndpointState.ENABLED:
                await asyncio.sleep(0.005)

    assert len({notice.notice_id for notice in sending.notices}) == 1


async def test_an_endpoint_that_was_given_another_url_meanwhile_is_not_disabled_for_what_the_old_one_said(sending: Sending) -> None:
    sending.receiver.answers["/old"] = [GONE]
    endpoint = await sending.endpoint("/old")
    tell, moved = sending.tell, Change(url=f"http://127.0.0.1:{sending.receiver.port}/new")

    async def meanwhile(notice: Notice) -> None:
        await sending.desk.change(ACCOUNT, endpoint.endpoint_id, moved)
        await tell(notice)

    sending.tell = meanwhile  # type: ignore[method-assign]
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await sending.ended("one")
        async with asyncio.timeout(10):
            while not sending.notices:
                await asyncio.sleep(0.005)
        await sending.take(delivery("two", endpoint.endpoint_id))
        await sending.ended("two")

    assert (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).state is EndpointState.ENABLED


async def test_what_goes_to_a_port_that_is_closed_to_webhooks_now_is_tried_again_when_it_is_open(sending: Sending) -> None:
    """A sender that was started with other settings than the one that took the endpoint."""
    endpoint = await sending.endpoint()
    sending.desk = EndpointDesk(sending.endpoints, sending.seal, Reach(), sending.clock, sending.randomness)
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        waiting = await sending.tried("one", 1)

    assert (waiting.state, waiting.error, sending.receiver.got) == (State.PENDING, waiting.attempts[0].error, [])
    assert "webhooks go to" in str(waiting.error)


async def test_an_endpoint_that_fails_for_days_is_disabled_with_a_notice(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id, max_attempts=1))
        await sending.ended("one")
        async with asyncio.timeout(10):
            while (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).failing_since_ms is None:
                await asyncio.sleep(0.005)
        sending.move(DISABLED_AFTER_MS / 1_000)
        await sending.take(delivery("two", endpoint.endpoint_id, max_attempts=1))
        await sending.ended("two")
        async with asyncio.timeout(10):
            while (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).state is EndpointState.ENABLED:
                await asyncio.sleep(0.005)

    assert [notice.reason for notice in sending.notices] == [Reason.FAILED]


async def test_one_success_ends_a_run_of_failures(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR, OK]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id, max_attempts=1))
        async with asyncio.timeout(10):
            while (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).failing_since_ms is None:
                await asyncio.sleep(0.005)
        await sending.take(delivery("two", endpoint.endpoint_id))
        await sending.ended("two")
        async with asyncio.timeout(10):
            while (await sending.desk.get(ACCOUNT, endpoint.endpoint_id)).failing_since_ms is not None:
                await asyncio.sleep(0.005)


async def test_a_disabled_endpoint_that_is_enabled_again_gets_what_is_sent_again(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    await sending.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=EndpointState.DISABLED))
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await sending.ended("one")
        await sending.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=EndpointState.ENABLED))
        sending.move(5.1)  # what is known of an endpoint is forgotten
        await sending.log.retry(ACCOUNT, "one")
        await sending.until("one", lambda each: each.state is State.DELIVERED)

    assert sending.receiver.ids == {"one": 1}


@pytest.mark.parametrize("newer", [{"state": "resting"}, {"secrets": "of another form"}])
async def test_an_endpoint_that_can_not_be_read_holds_up_no_other(sending: Sending, newer: dict[str, Any]) -> None:
    """A release that knew more wrote it, or it was damaged: its deliveries wait."""
    strange, well = await sending.endpoint("/strange"), await sending.endpoint()
    stored = await sending.documents.get(ENDPOINTS, strange.endpoint_id)
    assert stored is not None
    await sending.documents.replace(ENDPOINTS, {**stored.body, **newer}, if_version=stored.version)
    async with sending.sending():
        await sending.take(delivery("strange", strange.endpoint_id))
        for name in "123":
            await sending.take(delivery(name, well.endpoint_id))
            await sending.ended(name)

    assert (await sending.log.get(ACCOUNT, "strange")).state is State.PENDING


async def test_a_header_that_this_release_does_not_send_makes_deliveries_wait(sending: Sending) -> None:
    endpoint, well = await sending.endpoint("/strange"), await sending.endpoint()
    stored = await sending.documents.get(ENDPOINTS, endpoint.endpoint_id)
    assert stored is not None
    sealed = sending.seal.seal(b'[["Priority", "1"]]', f"headers of webhook endpoint {endpoint.endpoint_id}")
    await sending.documents.replace(ENDPOINTS, {**stored.body, "sealed_headers": sealed}, if_version=stored.version)
    async with sending.sending():
        await sending.take(delivery("strange", endpoint.endpoint_id))
        for name in "123":
            await sending.take(delivery(name, well.endpoint_id))
            await sending.ended(name)

    assert (await sending.log.get(ACCOUNT, "strange")).state is State.PENDING
