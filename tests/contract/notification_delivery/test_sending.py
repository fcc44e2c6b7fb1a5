"""What is taken goes out: signed, again when it fails, never to who isn't there, and each lane for itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from contract.notification_delivery.world import ACCOUNT, BODY, OTHER, Sending, all_ended, delivery
from standardwebhooks import Webhook

from quietzone_kit.breaker import FAILURES
from quietzone_kit.documents import Collection, Documents, DocumentsUnavailable, Outcome, Put
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.deliveries.repository import DELIVERIES, SHARDS, Deliveries, Waiting
from quietzone_notification.delivery.domain import DELAYS_MS, MAX_ATTEMPTS, Delivery, InvalidDelivery, State
from quietzone_notification.delivery.endpoints.use_cases import Draft, EndpointDesk
from quietzone_notification.delivery.sender import Bounds, Ended, lanes, shares

ERROR = b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops"
OK = b"HTTP/1.1 204 Fine\r\n\r\n"


async def test_a_delivery_arrives_signed_as_the_specification_s_own_library_wants_it(sending: Sending) -> None:
    endpoint, secret = await sending.desk.create(
        ACCOUNT, Draft(f"http://127.0.0.1:{sending.receiver.port}/hook", headers=(("X-Shop", "7"),))
    )
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await sending.ended("one")

    (got,) = sending.receiver.got
    Webhook(secret).verify(got.body, got.headers)
    assert (got.path, got.body, got.headers["webhook-id"], got.headers["x-shop"]) == ("/hook", BODY, "one", "7")


async def test_within_an_overlap_it_is_signed_for_both_secrets(sending: Sending) -> None:
    endpoint, before = await sending.desk.create(ACCOUNT, Draft(f"http://127.0.0.1:{sending.receiver.port}/"))
    _, after = await sending.desk.rotate(ACCOUNT, endpoint.endpoint_id)
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await sending.ended("one")

    (got,) = sending.receiver.got
    Webhook(before).verify(got.body, got.headers)
    Webhook(after).verify(got.body, got.headers)


async def test_the_log_has_the_request_and_the_answer(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        delivered = await sending.ended("one")

    (attempt,) = delivered.attempts
    assert (delivered.state, delivered.body, delivered.ended_ms is not None) == (State.DELIVERED, BODY, True)
    assert (attempt.url, attempt.status, attempt.error, attempt.answer) == (endpoint.url, 200, None, "ok")


async def test_the_same_delivery_taken_twice_goes_out_once(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id), delivery("one", endpoint.endpoint_id))
        await sending.ended("one")
        await sending.take(delivery("one", endpoint.endpoint_id), delivery("two", endpoint.endpoint_id))
        await sending.ended("two")

    assert sending.receiver.ids == {"one": 1, "two": 1}


async def test_what_failed_goes_out_again_by_the_schedule_with_the_same_id(sending: Sending) -> None:
    sending.randomness.uniform = lambda _low, _high: 0.0  # type: ignore[method-assign]
    sending.receiver.answers["/"] = [ERROR, ERROR, OK]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        first = await sending.tried("one", 1)
        sending.move(DELAYS_MS[0] / 1_000)
        second = await sending.tried("one", 2)
        sending.move(DELAYS_MS[1] / 1_000)
        delivered = await sending.ended("one")

    ended_ms = [attempt.at_ms + attempt.took_ms for attempt in delivered.attempts]
    assert first.due_ms == ended_ms[0] + DELAYS_MS[0]
    assert second.due_ms == ended_ms[1] + DELAYS_MS[1]
    assert (delivered.state, sending.receiver.ids) == (State.DELIVERED, {"one": 3})


async def test_after_the_last_attempt_a_delivery_is_dead_and_says_why(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        for number, delay_ms in enumerate(DELAYS_MS, start=1):
            await sending.tried("one", number)
            sending.move(1.2 * delay_ms / 1_000)
        dead = await sending.ended("one")

    assert (dead.state, dead.tries, dead.error) == (State.DEAD, MAX_ATTEMPTS, "answered 500")


async def test_retry_after_is_honoured_and_holds_up_the_endpoint_s_other_deliveries(sending: Sending) -> None:
    sending.receiver.answers["/"] = [b"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", OK]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        waiting = await sending.tried("one", 1)
        await sending.take(delivery("two", endpoint.endpoint_id))
        assert waiting.due_ms is not None
        assert waiting.due_ms >= waiting.attempts[0].at_ms + 60_000
        sending.move(30)
        await asyncio.sleep(0.1)
        early = sending.receiver.ids.total()
        sending.move(31)
        await all_ended(sending, ["one", "two"])

    assert early == 1


async def test_whoever_counts_is_told_of_each_end_once_whichever_it_is(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR, OK]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(
            delivery("again", endpoint.endpoint_id), delivery("dead", endpoint.endpoint_id, max_attempts=1), delivery("nobody", "not-there")
        )
        await sending.tried("again", 1)
        sending.move(DELAYS_MS[0] * 1.2 / 1_000)
        await all_ended(sending, ["again", "dead", "nobody"])
        async with asyncio.timeout(10):
            while len(sending.told_ended) < 3:
                await asyncio.sleep(0.005)

    states = {ended.delivery_id: ended.state for ended in sending.told_ended}
    assert len(sending.told_ended) == len(states) == 3
    assert states["nobody"] is State.DROPPED
    assert {states["again"], states["dead"]} <= {State.DELIVERED, State.DEAD}


async def test_a_mail_server_that_hangs_leaves_room_for_webhooks(sending: Sending) -> None:
    class Hanging:
        def __init__(self) -> None:
            self.under_way = 0

        async def carry(self, delivery: Delivery) -> Ended:
            self.under_way += 1
            await asyncio.Event().wait()
            raise AssertionError(delivery)

        async def settled(self, delivery: Delivery, ended: Ended) -> None:
            raise AssertionError(delivery, ended)

    mails, bounds = Hanging(), Bounds(under_way=8)
    endpoint = await sending.endpoint()
    many = [delivery(f"mail-{number}", f"{number}@example.com", f"account-{number % 3}", kind="mail") for number in range(20)]
    async with sending.sending(bounds=bounds, mail=mails):
        await sending.take(*many)
        async with asyncio.timeout(20):
            while mails.under_way < bounds.of_kind:
                await asyncio.sleep(0.005)
        await sending.take(delivery("hook", endpoint.endpoint_id))
        hook = await sending.ended("hook")

    assert (hook.state, mails.under_way) == (State.DELIVERED, 6)


async def test_whoever_counts_is_told_of_what_became_too_old(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    await sending.take(replace(delivery("old", endpoint.endpoint_id), max_age_ms=1_000))
    sending.move(2)
    async with sending.sending():
        await sending.ended("old")
        async with asyncio.timeout(10):
            while not sending.told_ended:
                await asyncio.sleep(0.005)

    assert [(ended.delivery_id, ended.state) for ended in sending.told_ended] == [("old", State.DEAD)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_into_the_house_is_not_followed(sending: Sending, status: int) -> None:
    to = f"http://127.0.0.1:{sending.receiver.port}/inside".encode()
    sending.receiver.answers["/"] = [b"HTTP/1.1 %d Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to)]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id, max_attempts=1))
        dead = await sending.ended("one")

    assert (dead.state, [got.path for got in sending.receiver.got]) == (State.DEAD, ["/"])


async def test_who_never_answers_is_given_up_in_time(sending: Sending) -> None:
    sending.receiver.answers["/"] = [None]
    endpoint = await sending.endpoint()
    async with sending.sending(total_s=0.05):
        await sending.take(delivery("one", endpoint.endpoint_id, max_attempts=1))
        dead = await sending.ended("one")

    assert (dead.state, dead.error) == (State.DEAD, "no answer within 0.05 s")


async def test_a_dead_endpoint_is_left_alone_while_others_are_sent_to(sending: Sending) -> None:
    sending.receiver.answers["/hang"] = [None]
    dead, well = await sending.endpoint("/hang"), await sending.endpoint()
    async with sending.sending(total_s=0.2):
        await sending.take(*(delivery(f"dead-{number}", dead.endpoint_id) for number in range(100)))
        await sending.take(*(delivery(f"well-{number}", well.endpoint_id) for number in range(50)))
        await all_ended(sending, [f"well-{number}" for number in range(50)])

    assert sending.receiver.paths["/hang"] <= FAILURES + 8 + 2  # those under way together, and a trial or two


async def test_one_endpoint_never_has_more_at_once_than_it_may(sending: Sending) -> None:
    sending.receiver.answers["/hang"] = [None]
    endpoint = await sending.endpoint("/hang")
    async with sending.sending(bounds=Bounds(of_one=3)):
        await sending.take(*(delivery(f"{number}", endpoint.endpoint_id) for number in range(20)))
        async with asyncio.timeout(10):
            while sending.receiver.connections < 3:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert sending.receiver.connections == 3


async def test_with_little_room_in_memory_all_arrive_once(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "HELD_BYTES", 3 * len(BODY))
    endpoints = [await sending.endpoint(f"/{number}") for number in range(5)]
    names = [f"{number}" for number in range(60)]
    await sending.take(*(delivery(name, endpoints[int(name) % 5].endpoint_id) for name in names))
    async with sending.sending():
        await all_ended(sending, names)

    assert sending.receiver.ids == dict.fromkeys(names, 1)


async def test_a_store_with_many_lanes_is_gone_through_once_and_no_lease_is_lost_by_that(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage there may be tens of thousands: going through them takes longer than a lease."""
    monkeypatch.setattr(shares, "LEASE_MS", 1_500)
    next_lane, asked = Deliveries.next_lane, 0

    async def slow(self: Deliveries, shard: int, after: str) -> Waiting | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return await next_lane(self, shard, after)

    monkeypatch.setattr(Deliveries, "next_lane", slow)
    names = [f"{number}" for number in range(60)]
    for name in names:
        await sending.take(delivery(name, (await sending.endpoint(f"/{name}")).endpoint_id))
    async with sending.sending():
        await all_ended(sending, names)

    assert asked <= len(names) + SHARDS


async def test_accounts_take_turns(sending: Sending) -> None:
    many, few = await sending.endpoint("/many"), await sending.endpoint("/few", OTHER)
    await sending.take(*(delivery(f"many-{number}", many.endpoint_id) for number in range(200)))
    await sending.take(*(delivery(f"few-{number}", few.endpoint_id, OTHER) for number in range(5)))
    async with sending.sending():
        for number in range(5):
            await sending.ended(f"few-{number}", OTHER)
        assert sending.receiver.paths["/many"] < 150


async def test_what_another_process_has_taken_is_found(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await sending.ended("one")
        await sending.deliveries.enqueue([delivery("two", endpoint.endpoint_id)])  # nobody is told

        assert (await sending.ended("two")).state is State.DELIVERED


async def test_two_senders_share_the_work_and_nothing_goes_out_twice(sending: Sending) -> None:
    endpoints = [await sending.endpoint(f"/{number}") for number in range(20)]
    names = [f"{number}" for number in range(200)]
    async with sending.sending("first"), sending.sending("second"):
        await sending.take(*(delivery(name, endpoints[int(name) % 20].endpoint_id) for name in names))
        await all_ended(sending, names)

    assert set(sending.receiver.ids.values()) == {1}
    assert len(sending.receiver.ids) == 200


async def test_another_account_s_endpoint_gets_nothing(sending: Sending) -> None:
    endpoint = await sending.endpoint(account_id=OTHER)
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        dropped = await sending.ended("one")

    assert (dropped.state, dropped.error, sending.receiver.got) == (State.DROPPED, "its endpoint is gone", [])


async def test_what_nobody_carries_is_dropped_never_a_success(sending: Sending) -> None:
    async with sending.sending():
        await sending.take(delivery("one", "topic", kind="kafka"))

        assert (await sending.ended("one")).state is State.DROPPED


async def test_a_delivery_that_would_be_too_old_for_its_next_attempt_is_dead(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id, max_age_ms=1_000))

        assert "older than" in str((await sending.ended("one")).error)


async def test_a_delivery_that_has_waited_for_too_long_is_dead_and_not_sent(sending: Sending) -> None:
    """No sender was there, or its receiver had asked for a pause."""
    endpoint = await sending.endpoint()
    await sending.take(delivery("one", endpoint.endpoint_id, max_age_ms=60_000))
    sending.move(61)
    async with sending.sending():
        dead = await sending.ended("one")

    assert (dead.state, dead.error, sending.receiver.got) == (State.DEAD, "older than 60,000 ms when its turn came", [])


async def test_a_failed_delivery_is_tried_again_when_somebody_asks(sending: Sending) -> None:
    sending.receiver.answers["/"] = [ERROR, OK]
    endpoint = await sending.endpoint()
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id, max_attempts=1))
        await sending.ended("one")
        await sending.log.retry(ACCOUNT, "one")
        again = await sending.until("one", lambda each: each.state is State.DELIVERED)

    assert [attempt.status for attempt in again.attempts] == [500, 204]


async def test_the_test_button_sends_a_signed_event_once(sending: Sending) -> None:
    endpoint, secret = await sending.desk.create(ACCOUNT, Draft(f"http://127.0.0.1:{sending.receiver.port}/"))
    async with sending.sending():
        test = await sending.log.test(ACCOUNT, endpoint.endpoint_id)
        await sending.ended(test.delivery_id)

    (got,) = sending.receiver.got
    assert Webhook(secret).verify(got.body, got.headers)["type"] == "Webhook Test"


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": (("X-A", "1\r\nHost: inside"),)},
        {"headers": (("Host", "x"),)},
        {"content_type": "a/b\r\nX: 1"},
        {"body": b"a" * 300_001},
    ],
)
async def test_a_delivery_that_would_inject_a_header_or_is_too_large_is_not_taken(sending: Sending, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidDelivery if "body" in wrong else ValueError):
        await sending.take(delivery("one", "endpoint", **wrong))


@pytest.mark.parametrize("name", ["a.b", "a b", "", "a\r\nX: 1", "a" * 129])
async def test_an_id_that_is_no_header_is_not_taken(sending: Sending, name: str) -> None:
    with pytest.raises(InvalidDelivery):
        await sending.take(delivery(name, "endpoint"))


async def test_a_delivery_that_was_damaged_in_the_store_holds_up_no_other(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    await sending.take(delivery("damaged", endpoint.endpoint_id))
    stored = await sending.documents.get(DELIVERIES, "damaged")
    assert stored is not None
    await sending.documents.replace(DELIVERIES, {**stored.body, "tries": "many"}, if_version=stored.version)
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))

        assert (await sending.ended("one")).state is State.DELIVERED


class Away:
    """A store that can't be reached for a number of writes."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.left = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        if collection is DELIVERIES and self.left:
            self.left -= 1
            raise DocumentsUnavailable("away")
        return await self._documents.bulk(collection, puts)


async def test_while_the_store_is_away_outcomes_wait_and_nothing_goes_out_twice(documents: Documents, sending: Sending) -> None:
    away = Away(documents)
    sending.documents = cast("Documents", away)
    endpoint = await sending.endpoint()
    names = [f"{number}" for number in range(30)]
    await sending.take(*(delivery(name, endpoint.endpoint_id) for name in names))
    away.left = 3
    async with sending.sending():
        await all_ended(sending, names)

    assert sending.receiver.ids == dict.fromkeys(names, 1)


async def test_a_secret_that_can_not_be_opened_makes_deliveries_wait_and_loses_none(sending: Sending) -> None:
    endpoint = await sending.endpoint()
    right, sending.desk = (
        sending.desk,
        EndpointDesk(
            sending.endpoints,
            Seal(["t" * 32], sending.randomness, setting="SECRET_KEY", lacks=""),
            sending.reach,
            sending.clock,
            sending.randomness,
        ),
    )
    async with sending.sending():
        await sending.take(delivery("one", endpoint.endpoint_id))
        await asyncio.sleep(0.1)
        waiting = await sending.log.get(ACCOUNT, "one")
    sending.desk = right
    async with sending.sending("other"):
        delivered = await sending.ended("one")

    assert (waiting.state, waiting.tries, delivered.state) == (State.PENDING, 0, State.DELIVERED)
