"""Copies are forgotten of exactly what has changed; CloudFront is played by botocore's Stubber, since it can't be had."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber
from ports import Hands, Inline
from unit.storage.world import OURS, World

from quietzone.storage.v1.asset_pb2 import ASSET_KIND_CODE, ASSET_KIND_PRINT, ASSET_KIND_UPLOAD, Asset, AssetEvent, AssetKind
from quietzone_kit.errors import InvalidInput, NotFound, Unavailable
from quietzone_kit.events import Event
from quietzone_storage.assets.domain import AccountId, Tier
from quietzone_storage.copies import CopiesUnavailable, Purge, open_copies
from quietzone_storage.copies._cloudfront import CloudFrontCopies
from quietzone_storage.copies.consumers import SETTLED_S, ForgetCopies
from quietzone_storage.copies.use_cases import CopyDesk
from quietzone_storage.serving.links import UrlKeys
from quietzone_topics import TYPE_STORAGE_ASSET

LONG_AGO = Hands(since_ms=3_600_000)
"""A clock by which no server hands out any more what was so at 0."""


class Noted:
    """Notes what is to be forgotten; `away` when it can't be told."""

    def __init__(self) -> None:
        self.purges: list[Purge] = []
        self.away = False

    async def purge(self, what: Purge) -> None:
        if self.away:
            raise CopiesUnavailable("away")
        self.purges.append(what)


def told(*gone: str, kind: AssetKind = ASSET_KIND_UPLOAD, at_ms: int = 0) -> Event:
    event = AssetEvent(gone=gone, after=Asset(id="a1", kind=kind))
    return Event("a1.asset.2", "/storage", TYPE_STORAGE_ASSET, "a1", at_ms, event.SerializeToString())


async def test_exactly_the_files_that_are_others_now_are_purged() -> None:
    noted = Noted()
    await ForgetCopies(noted, LONG_AGO).react(told("a1.pdf", "a1_thumb.jpeg", "a1_thumb_webp.webp", kind=ASSET_KIND_PRINT))

    assert noted.purges == [Purge("a1.asset.2", paths=("/files/a1.pdf", "/files/a1_thumb.jpeg", "/files/a1_thumb_webp.webp"))]


@pytest.mark.parametrize("kind", [ASSET_KIND_CODE, ASSET_KIND_UPLOAD])
async def test_sizes_that_nobody_keeps_are_purged_by_their_assets_tag(kind: AssetKind) -> None:
    noted = Noted()
    await ForgetCopies(noted, LONG_AGO).react(told("a1.png", kind=kind))

    assert noted.purges == [Purge("a1.asset.2", paths=("/files/a1.png",), tags=("a1",))]


async def test_a_change_that_leaves_all_files_as_they_are_purges_nothing() -> None:
    noted = Noted()
    await ForgetCopies(noted, Hands()).react(told(kind=ASSET_KIND_CODE))

    assert noted.purges == []


@pytest.mark.parametrize(("age_s", "waited_s"), [(0, SETTLED_S), (SETTLED_S - 1, 1), (SETTLED_S, 0), (3_600, 0), (-3_600, SETTLED_S)])
async def test_a_purge_waits_until_no_server_hands_out_the_file_of_before(
    age_s: float, waited_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def noted_sleep(delay_s: float) -> None:
        waited.append(delay_s)

    clock = Hands()
    monkeypatch.setattr("quietzone_storage.copies.consumers.asyncio.sleep", noted_sleep)
    await ForgetCopies(Noted(), clock).react(told("a1.png", at_ms=clock.now_ms() - int(age_s * 1000)))

    assert waited == [waited_s]


async def test_a_purge_that_fails_is_tried_again_by_the_reaction() -> None:
    noted = Noted()
    noted.away = True

    with pytest.raises(CopiesUnavailable):
        await ForgetCopies(noted, LONG_AGO).react(told("a1.png"))


@pytest.fixture
def cloudfront(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[CloudFrontCopies, Stubber]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    copies = open_copies("cloudfront://E2EXAMPLE", Inline())
    assert isinstance(copies, CloudFrontCopies)
    with Stubber(copies.client()) as stubber:
        yield copies, stubber
    stubber.assert_no_pending_responses()


async def test_cloudfront_gets_one_invalidation_named_by_the_event(cloudfront: tuple[CloudFrontCopies, Stubber]) -> None:
    copies, stubber = cloudfront
    items = ["/files/a1.png*", "/files/b*", "/files/a2*"]
    batch = {"Paths": {"Quantity": 3, "Items": items}, "CallerReference": "a1.asset.2"}
    stubber.add_response("create_invalidation", {}, {"DistributionId": "E2EXAMPLE", "InvalidationBatch": batch})

    await copies.purge(Purge("a1.asset.2", paths=("/files/a1.png",), prefixes=("/files/b",), tags=("a2",)))


async def test_cloudfront_forgets_several_files_of_an_asset_by_one_item(cloudfront: tuple[CloudFrontCopies, Stubber]) -> None:
    copies, stubber = cloudfront
    batch = {"Paths": {"Quantity": 2, "Items": ["/files/a1*", "/files/a2_large.png*"]}, "CallerReference": "1"}
    stubber.add_response("create_invalidation", {}, {"DistributionId": "E2EXAMPLE", "InvalidationBatch": batch})

    await copies.purge(Purge("1", paths=("/files/a1.png", "/files/a1_thumb.webp", "/files/a2_large.png")))


async def test_cloudfronts_refusal_is_said_with_what_to_look_at(cloudfront: tuple[CloudFrontCopies, Stubber]) -> None:
    copies, stubber = cloudfront
    stubber.add_client_error("create_invalidation", "AccessDenied", http_status_code=403)

    with pytest.raises(CopiesUnavailable, match=r"E2EXAMPLE.*rights of this key"):
        await copies.purge(Purge("1", paths=("/files/a1.png",)))


@pytest.mark.parametrize("url", ["", "none", "ftp://host", "cloudfront://", "http://"])
def test_what_names_nobody_who_keeps_copies_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cloudfront://distribution"):
        open_copies(url, Inline())


def desk(world: World, noted: Noted) -> CopyDesk:
    return CopyDesk(world.assets, noted, UrlKeys(["k" * 32]), world.clock, world.randomness, base="http://127.0.0.1:1")


async def test_an_owner_has_all_copies_of_an_asset_forgotten(world: World) -> None:
    await world.fill("a1", b"one")
    noted = Noted()
    await desk(world, noted).purge(OURS, ["a1"])

    assert [purge.tags for purge in noted.purges] == [("a1",)]


async def test_anothers_copies_are_not_found(world: World) -> None:
    await world.fill("a1", b"one")

    with pytest.raises(NotFound):
        await desk(world, Noted()).purge(AccountId("others"), ["a1"])
    with pytest.raises(NotFound):
        await desk(world, Noted()).warm_up(AccountId("others"), ["a1"], 0)


async def test_a_purge_that_fails_is_said_to_who_asked_for_it(world: World) -> None:
    await world.fill("a1", b"one")
    noted = Noted()
    noted.away = True

    with pytest.raises(Unavailable, match="away"):
        await desk(world, noted).purge(OURS, ["a1"])


async def test_files_that_cant_be_warmed_up_are_only_reported(world: World) -> None:
    await world.fill("a1", b"one", b"two")

    warmed = await desk(world, Noted()).warm_up(OURS, ["a1"], 0)

    assert [(each.name, bool(each.failure)) for each in warmed] == [("a1_0.png", True), ("a1_1.png", True)]


async def test_one_asset_that_is_archived_keeps_no_other_from_being_warmed_up(world: World) -> None:
    archived = await world.fill("a1", b"one")
    await world.keeper.change(archived, archived.asset.tiered(Tier.ARCHIVE, world.clock.now_ms()))
    await world.fill("a2", b"two")

    first, second = await desk(world, Noted()).warm_up(OURS, ["a1", "a2"], 0)

    assert ("archived" in first.failure, first.url, bool(second.url)) == (True, "", True)


async def test_an_expiry_that_no_url_has_is_refused_whole(world: World) -> None:
    await world.fill("a1", b"one")

    with pytest.raises(InvalidInput, match="expires_s"):
        await desk(world, Noted()).warm_up(OURS, ["a1"], 10**9)


@pytest.mark.parametrize("count", [0, 21])
async def test_so_many_assets_at_once_are_refused(world: World, count: int) -> None:
    with pytest.raises(InvalidInput, match="name 1 to 20"):
        await desk(world, Noted()).purge(OURS, ["a1"] * count)
