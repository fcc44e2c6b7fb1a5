"""Endpoints and deliveries as others meet them, by gRPC, on every store."""

from typing import Any

import pytest
from contract.notification.world import CLOCK, World
from unit.notification.world import OURS, THEIRS

from quietzone.notification.v1 import delivery_pb2, webhook_pb2
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, RevisionMismatch
from quietzone_notification.delivery.domain import CONFIRM_CAUSE, Attempt, NewDelivery

TOKEN = b"token=secret"


def new(name: str, **fields: Any) -> NewDelivery:
    given: dict[str, Any] = {
        "account_id": OURS,
        "cause": "rule:r1:t",
        "event_id": f"event-{name}",
        "event_type": "Order",
        "kind": "webhook",
        "destination": "e1",
        "body": b'{"n": 1}',
        "content_type": "application/json",
        "headers": (("x-n", "1"),),
        "max_attempts": None,
        "max_age_ms": None,
        "created_ms": CLOCK.now_ms(),
    }
    return NewDelivery(id=name, **given | fields)


async def ended(world: World, *names: str) -> None:
    """Have deliveries end without success."""
    for name in names:
        held = await world.deliveries.get(OURS, name)
        attempt = Attempt(CLOCK.now_ms(), 5, "https://example.com/hook", 500, answer="no")
        await world.deliveries.put([(held, held.delivery.attempted(attempt, retry_after_ms=None, jitter=0, is_last=True))])


async def create(world: World, **fields: Any) -> webhook_pb2.CreateEndpointResponse:
    request = webhook_pb2.CreateEndpointRequest(**{"url": "https://example.com/hook"} | fields)
    answer: webhook_pb2.CreateEndpointResponse = await world.call(world.webhooks.CreateEndpoint, request)
    return answer


async def get(world: World, name: str, account_id: str = OURS) -> delivery_pb2.Delivery:
    request = delivery_pb2.GetDeliveryRequest(delivery_id=name)
    delivery: delivery_pb2.Delivery = (await world.call(world.sent.GetDelivery, request, account_id)).delivery
    return delivery


async def listed(world: World, **wanted: Any) -> list[str]:
    request = delivery_pb2.ListDeliveriesRequest(filter=delivery_pb2.DeliveryFilter(**wanted))
    return [each.id for each in (await world.call(world.sent.ListDeliveries, request)).deliveries]


async def test_a_secret_is_told_when_it_is_made_and_never_again(world: World) -> None:
    made = await create(world, headers=[delivery_pb2.Header(name="Authorization", value="Bearer hidden")])
    request = webhook_pb2.GetEndpointRequest(endpoint_id=made.endpoint.id)

    told = await world.call(world.webhooks.GetEndpoint, request)
    every = await world.call(world.webhooks.ListEndpoints, webhook_pb2.ListEndpointsRequest())

    assert made.secret.startswith("whsec_")
    assert told.endpoint == made.endpoint == every.endpoints[0]
    assert list(told.endpoint.header_names) == ["Authorization"]
    assert "hidden" not in f"{made}{told}{every}"


async def test_a_rotation_gives_another_secret(world: World) -> None:
    made = await create(world)

    request = webhook_pb2.RotateSecretRequest(endpoint_id=made.endpoint.id, overlap_ms=1_000)
    rotated = await world.call(world.webhooks.RotateSecret, request)

    assert rotated.secret.startswith("whsec_")
    assert rotated.secret != made.secret
    assert rotated.endpoint.revision == made.endpoint.revision + 1


async def test_only_what_is_given_changes(world: World) -> None:
    made = await create(world, description="orders", headers=[delivery_pb2.Header(name="X-Key", value="1")])
    disabled = webhook_pb2.ENDPOINT_STATE_DISABLED

    request = webhook_pb2.ChangeEndpointRequest(endpoint_id=made.endpoint.id, state=disabled, expected_revision=1)
    after = (await world.call(world.webhooks.ChangeEndpoint, request)).endpoint

    assert (after.state, after.reason) == (disabled, webhook_pb2.DISABLED_REASON_OWNER)
    assert (after.url, after.description, list(after.header_names)) == (made.endpoint.url, "orders", ["X-Key"])
    with pytest.raises(RevisionMismatch):
        await world.call(world.webhooks.ChangeEndpoint, request)


async def test_headers_are_taken_away_by_an_empty_change(world: World) -> None:
    made = await create(world, headers=[delivery_pb2.Header(name="X-Key", value="1")])

    request = webhook_pb2.ChangeEndpointRequest(endpoint_id=made.endpoint.id, headers=webhook_pb2.HeadersChange())

    assert not (await world.call(world.webhooks.ChangeEndpoint, request)).endpoint.header_names


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"description": "a\nb"}, "description"),
        ({"headers": [delivery_pb2.Header(name="Host", value="a")]}, "headers"),
        ({"headers": [delivery_pb2.Header(name="X-A", value="a\r\nX-B: b")]}, "headers"),
        ({"secret": "whsec_AAAA"}, "secret"),
    ],
)
async def test_what_cannot_be_an_endpoint_is_named(world: World, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        await create(world, **wrong)


async def test_an_endpoint_that_is_deleted_is_not_found(world: World) -> None:
    made = await create(world)
    await world.call(world.webhooks.DeleteEndpoint, webhook_pb2.DeleteEndpointRequest(endpoint_id=made.endpoint.id))

    with pytest.raises(NotFound):
        await world.call(world.webhooks.GetEndpoint, webhook_pb2.GetEndpointRequest(endpoint_id=made.endpoint.id))


async def test_a_test_is_a_delivery(world: World) -> None:
    made = await create(world)

    tested = (await world.call(world.webhooks.TestEndpoint, webhook_pb2.TestEndpointRequest(endpoint_id=made.endpoint.id))).delivery

    assert (tested.destination, tested.state, tested.max_attempts) == (made.endpoint.id, delivery_pb2.DELIVERY_STATE_PENDING, 1)
    assert (await get(world, tested.id)).body


async def test_a_disabled_endpoint_is_not_tested(world: World) -> None:
    made = await create(world)
    request = webhook_pb2.ChangeEndpointRequest(endpoint_id=made.endpoint.id, state=webhook_pb2.ENDPOINT_STATE_DISABLED)
    await world.call(world.webhooks.ChangeEndpoint, request)

    with pytest.raises(FailedPrecondition):
        await world.call(world.webhooks.TestEndpoint, webhook_pb2.TestEndpointRequest(endpoint_id=made.endpoint.id))


async def test_a_delivery_shows_its_body_and_what_was_answered(world: World) -> None:
    await world.deliveries.enqueue([new("d1")])
    await ended(world, "d1")

    told = await get(world, "d1")

    assert (told.state, told.body, told.error) == (delivery_pb2.DELIVERY_STATE_DEAD, b'{"n": 1}', "answered 500")
    assert [(each.name, each.value) for each in told.headers] == [("x-n", "1")]
    assert [(each.status, each.answer) for each in told.attempts] == [(500, "no")]


async def test_nobody_reads_the_token_of_a_confirmation_in_the_log(world: World) -> None:
    await world.deliveries.enqueue([new("d1", cause=CONFIRM_CAUSE, kind="mail", destination="ada@example.com", body=TOKEN)])

    told = [await get(world, "d1"), await world.call(world.sent.ListDeliveries, delivery_pb2.ListDeliveriesRequest())]

    assert told[0].destination == "ada@example.com"
    assert TOKEN not in b"".join(each.SerializeToString() for each in told)


async def test_nobody_has_a_confirmation_asked_for_again(world: World) -> None:
    """The attack: mails to a stranger, as many as somebody likes."""
    await world.deliveries.enqueue([new("d1", cause=CONFIRM_CAUSE, kind="mail", destination="ada@example.com", body=TOKEN)])
    await ended(world, "d1")

    with pytest.raises(FailedPrecondition, match="sent once"):
        await world.call(world.sent.RetryDelivery, delivery_pb2.RetryDeliveryRequest(delivery_id="d1"))


async def test_anothers_delivery_is_not_found(world: World) -> None:
    await world.deliveries.enqueue([new("d1")])

    with pytest.raises(NotFound):
        await get(world, "d1", THEIRS)


async def test_deliveries_are_found_by_what_they_are(world: World) -> None:
    await world.deliveries.enqueue([new("d1", created_ms=1_000), new("d2", destination="e2", created_ms=2_000)])
    await world.deliveries.enqueue([new("d3", cause="subscription:s1", created_ms=3_000)])
    await ended(world, "d1")

    assert await listed(world) == ["d3", "d2", "d1"]
    assert await listed(world, destination="e1") == ["d3", "d1"]
    assert await listed(world, state=delivery_pb2.DELIVERY_STATE_DEAD) == ["d1"]
    assert await listed(world, cause="rule:r1") == ["d2", "d1"]
    assert await listed(world, since_ms=2_000, until_ms=3_000) == ["d2"]


async def test_pages_have_every_delivery_once(world: World) -> None:
    await world.deliveries.enqueue([new(f"d{number}", created_ms=number) for number in range(5)])

    found, token = [], ""
    while True:
        request = delivery_pb2.ListDeliveriesRequest(page_size=2, page_token=token)
        page = await world.call(world.sent.ListDeliveries, request)
        found += [each.id for each in page.deliveries]
        token = page.next_page_token
        if not token:
            break

    assert found == ["d4", "d3", "d2", "d1", "d0"]


async def test_lists_have_no_bodies(world: World) -> None:
    await world.deliveries.enqueue([new(f"d{number}", body=b"x" * 300_000) for number in range(50)])

    page = await world.call(world.sent.ListDeliveries, delivery_pb2.ListDeliveriesRequest())

    assert len(page.SerializeToString()) < 20_000
    assert len(page.deliveries) == 50


async def test_what_was_given_up_is_sent_again(world: World) -> None:
    await world.deliveries.enqueue([new("d1")])
    await ended(world, "d1")

    told = (await world.call(world.sent.RetryDelivery, delivery_pb2.RetryDeliveryRequest(delivery_id="d1"))).delivery

    assert (told.state, told.tries, len(told.attempts)) == (delivery_pb2.DELIVERY_STATE_PENDING, 0, 1)


async def test_the_same_request_is_the_same_redrive(world: World) -> None:
    wanted = delivery_pb2.DeliveryFilter(state=delivery_pb2.DELIVERY_STATE_DEAD)
    request = delivery_pb2.RedriveDeliveriesRequest(filter=wanted, request_id="r1")

    first, again = [(await world.call(world.sent.RedriveDeliveries, request)).redrive for _ in range(2)]

    assert first.id == again.id
    assert first.state == delivery_pb2.REDRIVE_STATE_WAITING


async def test_nobody_sends_everything_again_by_leaving_out_the_state(world: World) -> None:
    with pytest.raises(InvalidInput, match="state"):
        await world.call(world.sent.RedriveDeliveries, delivery_pb2.RedriveDeliveriesRequest())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"page_size": 101}, "page_size"),
        ({"page_token": "none of ours"}, "page_token"),
        ({"filter": delivery_pb2.DeliveryFilter(state=99)}, "state"),  # type: ignore[arg-type] # what a later release may have
        ({"filter": delivery_pb2.DeliveryFilter(destination="a\0b")}, "destination"),
    ],
)
async def test_a_question_that_cannot_be_answered_names_the_field(world: World, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        await world.call(world.sent.ListDeliveries, delivery_pb2.ListDeliveriesRequest(**wrong))
