"""What only S3 can do wrong: be elsewhere, refuse, or change between two requests."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.stub import Stubber

from quietzone_kit.blobs import About, AlreadyThere, BlobArchived, Blobs, BlobsUnavailable, Tier, open_blobs
from quietzone_kit.runtime import Executor, SystemRandomness

pytestmark = pytest.mark.server("s3")


@pytest.fixture
def own_url(s3_url: str) -> str:
    bucket, _, options = s3_url.partition("?")
    return f"{bucket}/{SystemRandomness().token(6).hex()}?{options}"


def opened(url: str, executor: Executor) -> Blobs:
    return open_blobs(url, executor=executor, randomness=SystemRandomness())


async def test_prefixes_keep_stores_of_one_bucket_apart(s3_url: str, executor: Executor) -> None:
    bucket, _, options = s3_url.partition("?")
    prefix = SystemRandomness().token(6).hex()
    one, other = (opened(f"{bucket}/{prefix}/{name}?{options}", executor) for name in ("one", "other"))
    await one.put("key", b"1")

    assert [entry.key for entry in (await one.list()).entries] == ["key"]
    assert (await other.list()).entries == []
    await one.delete("key")


async def test_a_stream_whose_blob_is_replaced_says_so(own_url: str, executor: Executor) -> None:
    blobs = opened(own_url, executor)
    await blobs.put("key", b"1" * 5_000_000)

    async def read() -> None:
        async for _ in blobs.stream("key"):
            await blobs.put("key", b"2" * 5_000_000)

    with pytest.raises(BlobsUnavailable, match="was changed while it was read"):
        await read()
    await blobs.delete("key")


async def test_a_put_if_absent_whose_answer_was_lost_is_recognised(own_url: str, executor: Executor) -> None:
    class Same:
        """Draws the same each time, as if one write were sent twice."""

        def token(self, size: int) -> bytes:
            return bytes(size)

        def choice(self, symbols: str) -> str:
            return symbols[0]

        def uniform(self, low: float, high: float) -> float:
            return low + high

    twice = open_blobs(own_url, executor=executor, randomness=Same())
    first = await twice.put_if_absent("key", b"1")
    again = await twice.put_if_absent("key", b"1")

    assert again == first
    with pytest.raises(AlreadyThere):
        await opened(own_url, executor).put_if_absent("key", b"1")
    await twice.delete("key")


async def test_keys_from_a_file_are_read_again_for_each_request(
    own_url: str, executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {name: taken_away(monkeypatch, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    file = tmp_path / "credentials"
    blobs = opened(f"{own_url}&credentials_file={file}", executor)
    with pytest.raises(BlobsUnavailable, match=r"credentials_file=.*/credentials can't be read: No such file"):
        await blobs.list()
    file.write_text("[default]\naws_access_key_id = nobody\naws_secret_access_key = wrong%\n")
    with pytest.raises(BlobsUnavailable, match="look at the access key"):
        await blobs.list()
    file.write_text("[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in keys.items()))

    assert (await blobs.list()).entries == []


def taken_away(monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    value = os.environ[name]
    monkeypatch.delenv(name)
    return value


async def test_a_wrong_secret_is_named(own_url: str, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")

    with pytest.raises(BlobsUnavailable, match=r"SignatureDoesNotMatch.*; look at the secret key"):
        await opened(own_url, executor).get("key")


async def test_a_bucket_that_is_not_there_is_named(s3_url: str, executor: Executor) -> None:
    url = "s3://no-such-bucket-here?" + s3_url.partition("?")[2]

    with pytest.raises(BlobsUnavailable, match=r"s3://no-such-bucket-here/ at http.*NoSuchBucket.*; create the bucket"):
        await opened(url, executor).put("key", b"1")


async def test_a_server_that_cannot_be_reached_is_named_with_what_to_do(executor: Executor, s3_url: str) -> None:
    assert s3_url
    blobs = opened("s3://bucket/prefix?endpoint=http://127.0.0.1:1&region=us-east-1", executor)

    with pytest.raises(
        BlobsUnavailable, match=r"s3://bucket/prefix/ at http://127\.0\.0\.1:1: .*EndpointConnectionError.*; see whether the server runs"
    ):
        await blobs.get("key")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://", "use s3://bucket/prefix"),
        ("s3://key:secret@bucket", "use s3://bucket/prefix"),
        ("s3://bucket?endpont=http://x", "no such option: endpont; there are ca_file"),
        ("s3://bucket?endpoint=localhost:9000", "an address such as https://host:9000"),
        ("s3://bucket?endpoint=http://me:hunter2@host", "without user and password"),
        ("s3://bucket/a b", "is no key"),
    ],
)
def test_a_wrong_url_is_refused_with_what_would_do(url: str, said: str, executor: Executor) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        opened(url, executor)

    assert "hunter2" not in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_tags_are_those_of_the_last_write_or_move(own_url: str, executor: Executor) -> None:
    blobs = opened(own_url, executor)
    await blobs.put("key", b"1", About(tags={"StorageTier": "HOT", "CreatedBy": "us"}))
    client = blobs._client()  # type: ignore[attr-defined] # what an operator sees
    where = {"Bucket": blobs._place.bucket, "Key": f"{blobs._place.prefix}key"}  # type: ignore[attr-defined]
    written = client.get_object_tagging(**where)["TagSet"]
    await blobs.move("key", Tier.ARCHIVE, {"StorageTier": "ARCHIVE"})

    assert {tag["Key"]: tag["Value"] for tag in written} == {"StorageTier": "HOT", "CreatedBy": "us"}
    assert client.get_object_tagging(**where)["TagSet"] == [{"Key": "StorageTier", "Value": "ARCHIVE"}]
    await blobs.delete("key")


HEAD = {"ContentLength": 1, "ETag": '"1"', "LastModified": datetime(2026, 11, 22, tzinfo=UTC), "Metadata": {"uploadedat": "1"}}
WHERE = {"Bucket": "bucket", "Key": "key"}


@pytest.fixture
async def stubbed(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Blobs, Stubber]]:
    """botocore's own stand-in for S3: no server that we can have keeps classes and restores."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    blobs = opened("s3://bucket?region=us-east-1", executor)
    with Stubber(blobs._client()) as stubber:  # type: ignore[attr-defined]
        yield blobs, stubber
    stubber.assert_no_pending_responses()
    await blobs.close()


def copied(storage_class: str) -> dict[str, object]:
    """What a move asks for."""
    return {
        **WHERE,
        "CopySource": WHERE,
        "CopySourceIfMatch": '"1"',
        "StorageClass": storage_class,
        "MetadataDirective": "REPLACE",
        "Metadata": {"uploadedat": "1"},
        "ContentType": "image/png",
        "TaggingDirective": "REPLACE",
        "Tagging": "StorageTier=x",
    }


@pytest.mark.parametrize(
    ("tier", "storage_class"),
    [(Tier.HOT, "STANDARD"), (Tier.WARM, "STANDARD_IA"), (Tier.COLD, "GLACIER"), (Tier.ARCHIVE, "DEEP_ARCHIVE")],
)
async def test_each_tier_is_a_storage_class(stubbed: tuple[Blobs, Stubber], tier: Tier, storage_class: str) -> None:
    blobs, stubber = stubbed
    stubber.add_response("head_object", {**HEAD, "ContentType": "image/png"}, WHERE)
    stubber.add_response("copy_object", {}, copied(storage_class))
    stubber.add_response("head_object", {**HEAD, "StorageClass": storage_class}, WHERE)

    assert await blobs.move("key", tier, {"StorageTier": "x"})
    assert (await blobs.head("key")).tier is tier


async def test_what_is_archived_is_restored_once_and_then_copied_back(stubbed: tuple[Blobs, Stubber]) -> None:
    blobs, stubber = stubbed
    archived = {**HEAD, "ContentType": "image/png", "StorageClass": "DEEP_ARCHIVE"}
    stubber.add_response("head_object", archived, WHERE)
    stubber.add_response("restore_object", {}, {**WHERE, "RestoreRequest": {"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}})
    stubber.add_response("head_object", {**archived, "Restore": 'ongoing-request="true"'}, WHERE)
    stubber.add_response("head_object", {**archived, "Restore": 'ongoing-request="false", expiry-date="x"'}, WHERE)
    stubber.add_response("copy_object", {}, copied("STANDARD"))

    assert [await blobs.move("key", Tier.HOT, {"StorageTier": "x"}) for _ in range(3)] == [False, False, True]


async def test_what_is_archived_already_is_not_copied_again_which_s3_refuses(stubbed: tuple[Blobs, Stubber]) -> None:
    blobs, stubber = stubbed
    stubber.add_response("head_object", {**HEAD, "StorageClass": "DEEP_ARCHIVE"}, WHERE)

    assert await blobs.move("key", Tier.ARCHIVE, {"StorageTier": "x"})


async def test_what_is_archived_is_not_read(stubbed: tuple[Blobs, Stubber]) -> None:
    blobs, stubber = stubbed
    stubber.add_client_error("get_object", "InvalidObjectState", http_status_code=403)

    with pytest.raises(BlobArchived, match="move it to HOT"):
        await blobs.get("key")
