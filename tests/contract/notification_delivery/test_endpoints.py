"""An account's webhook endpoints."""

import pytest
from contract.notification_delivery.world import ACCOUNT, OTHER, World

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, RevisionMismatch
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.seal import CantOpen, Seal
from quietzone_notification.delivery.endpoints.domain import DISABLED_AFTER_MS, MAX_ENDPOINTS, Reason, State
from quietzone_notification.delivery.endpoints.repository import ENDPOINTS
from quietzone_notification.delivery.endpoints.use_cases import Change, Draft, EndpointDesk
from quietzone_notification.delivery.reach import Reach
from quietzone_notification.delivery.signing import MAX_OVERLAP_MS

URL = "https://example.com/hook"


async def test_a_new_endpoint_is_listed_with_what_was_asked_for(world: World) -> None:
    endpoint, _ = await world.desk.create(ACCOUNT, Draft(URL, "the shop", (("X-Shop", "1"),)))

    assert await world.desk.listed(ACCOUNT) == (endpoint,)
    assert (endpoint.url, endpoint.description, endpoint.header_names, endpoint.state) == (URL, "the shop", ("X-Shop",), State.ENABLED)


async def test_its_secret_is_shown_once_and_signs(world: World) -> None:
    endpoint, secret = await world.desk.create(ACCOUNT, Draft(URL))

    opened = world.desk.opened(await world.desk.get(ACCOUNT, endpoint.endpoint_id))

    assert [each.text() for each in opened.secrets] == [secret]


async def test_neither_secret_nor_header_lies_open_in_the_store_or_is_printed(world: World) -> None:
    endpoint, secret = await world.desk.create(ACCOUNT, Draft(URL, headers=(("Authorization", "Bearer geheim"),)))

    stored = await world.documents.get(ENDPOINTS, endpoint.endpoint_id)
    shown = repr((stored, endpoint, world.desk.opened(endpoint)))
    assert secret.removeprefix("whsec_") not in shown
    assert "geheim" not in shown


async def test_a_secret_that_was_copied_to_another_endpoint_opens_nothing(world: World) -> None:
    mine, _ = await world.desk.create(ACCOUNT, Draft(URL))
    other, _ = await world.desk.create(OTHER, Draft(URL))

    with pytest.raises(CantOpen):
        world.desk.opened(other.with_secrets(mine.secrets, 0))


async def test_headers_come_back_to_who_sends(world: World) -> None:
    endpoint, _ = await world.desk.create(ACCOUNT, Draft(URL, headers=(("X-Shop", "1"), ("Authorization", "Bearer a"))))

    assert world.desk.opened(endpoint).headers.pairs == (("X-Shop", "1"), ("Authorization", "Bearer a"))


async def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.desk.create(ACCOUNT, Draft("http://10.0.0.1/", "a\nb", (("Host", "x"),), "secret"))

    assert [violation.field for violation in refused.value.violations] == ["url", "description", "headers", "secret"]


async def test_another_account_finds_nothing(world: World) -> None:
    endpoint = await world.endpoint()

    assert await world.desk.listed(OTHER) == ()
    for attempt in (
        world.desk.get(OTHER, endpoint.endpoint_id),
        world.desk.change(OTHER, endpoint.endpoint_id, Change(description="mine")),
        world.desk.rotate(OTHER, endpoint.endpoint_id),
        world.desk.delete(OTHER, endpoint.endpoint_id),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_rotated_secret_signs_beside_the_one_before_until_the_overlap_ends(world: World) -> None:
    endpoint, before = await world.desk.create(ACCOUNT, Draft(URL))

    after, new = await world.desk.rotate(ACCOUNT, endpoint.endpoint_id, overlap_ms=1_000)

    secrets = world.desk.opened(after).secrets
    assert [each.text() for each in secrets if each.holds(world.clock.now_ms() + 999)] == [new, before]
    assert [each.text() for each in secrets if each.holds(world.clock.now_ms() + 1_000)] == [new]


async def test_an_overlap_that_is_too_long_changes_nothing(world: World) -> None:
    endpoint = await world.endpoint()

    with pytest.raises(InvalidInput, match="overlap"):
        await world.desk.rotate(ACCOUNT, endpoint.endpoint_id, overlap_ms=MAX_OVERLAP_MS + 1)

    assert await world.desk.get(ACCOUNT, endpoint.endpoint_id) == endpoint


async def test_a_change_of_an_endpoint_that_has_moved_on_is_refused(world: World) -> None:
    endpoint = await world.endpoint()
    await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(description="first"), expected=1)

    with pytest.raises(RevisionMismatch):
        await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(description="second"), expected=1)


async def test_a_changed_endpoint_keeps_what_another_release_has_added(world: World) -> None:
    endpoint = await world.endpoint()
    stored = await world.documents.get(ENDPOINTS, endpoint.endpoint_id)
    assert stored is not None
    await world.documents.replace(ENDPOINTS, {**stored.body, "newer": 7}, if_version=stored.version)

    await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(url="https://example.com/other", headers=(("X-A", "1"),)))

    stored = await world.documents.get(ENDPOINTS, endpoint.endpoint_id)
    assert stored is not None
    assert stored.body["newer"] == 7


async def test_enabling_gives_a_clean_slate(world: World) -> None:
    endpoint = await world.endpoint()
    failing = await world.endpoints.change(ACCOUNT, endpoint.endpoint_id, lambda before: before.heard(is_well=False, at_ms=5))
    assert failing.is_given_up(5 + DISABLED_AFTER_MS)
    assert not failing.is_given_up(4 + DISABLED_AFTER_MS)
    await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=State.DISABLED))

    enabled = await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=State.ENABLED))

    assert (enabled.state, enabled.reason, enabled.failing_since_ms) == (State.ENABLED, None, None)


async def test_who_disables_is_the_reason(world: World) -> None:
    endpoint = await world.endpoint()

    disabled = await world.desk.change(ACCOUNT, endpoint.endpoint_id, Change(state=State.DISABLED))

    assert (disabled.reason, disabled.disabled_ms) == (Reason.OWNER, world.clock.now_ms())


async def test_a_deleted_endpoint_is_gone(world: World) -> None:
    endpoint = await world.endpoint()

    await world.desk.delete(ACCOUNT, endpoint.endpoint_id)

    assert await world.desk.listed(ACCOUNT) == ()


async def test_an_account_has_a_bounded_number(world: World) -> None:
    for _ in range(MAX_ENDPOINTS):
        await world.endpoint()

    with pytest.raises(FailedPrecondition, match="at most"):
        await world.endpoint()


async def test_without_a_key_no_endpoint_is_made(world: World) -> None:
    seal = Seal([], SystemRandomness(), setting="QUIETZONE_NOTIFICATION_SECRET_KEY", lacks="webhooks can't be signed here")
    desk = EndpointDesk(world.endpoints, seal, Reach(), world.clock, world.randomness)

    with pytest.raises(FailedPrecondition, match="QUIETZONE_NOTIFICATION_SECRET_KEY"):
        await desk.create(ACCOUNT, Draft(URL))


async def test_a_secret_that_is_in_use_is_no_new_one(world: World) -> None:
    endpoint, secret = await world.desk.create(ACCOUNT, Draft(URL))

    with pytest.raises(InvalidInput, match="in use already"):
        await world.desk.rotate(ACCOUNT, endpoint.endpoint_id, secret=secret)
