"""Blobs in a bucket of Amazon S3, or of what speaks its protocol. boto3 is used in this module only; it blocks, and runs on the executor.

Signatures are of version 4. Whatever goes wrong on the way is tried again by botocore, and nowhere else. Multipart uploads that a killed
process left cost storage: give the bucket a life-cycle rule AbortIncompleteMultipartUpload.
"""

import configparser
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from quietzone_kit.blobs import (
    AT_ONCE,
    MAX_GET_BYTES,
    MAX_PAGE,
    PLAIN,
    About,
    AlreadyThere,
    Blob,
    BlobArchived,
    BlobNotFound,
    BlobsError,
    BlobsUnavailable,
    BlobTooLarge,
    Content,
    Entry,
    Page,
    Tier,
)
from quietzone_kit.blobs._checks import OWN, Calls, check_about, check_key, check_page, check_range, check_tags, pieces
from quietzone_kit.blobs._metrics import BYTES
from quietzone_kit.runtime import Executor, Randomness

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Options: TypeAlias = Any
"""Parameters of a request, by name: the stubs have a type for each, which no dict can show."""

PART_BYTES = 8_000_000
"""Of an upload: S3 wants at least 5 MiB, and each upload under way keeps one in memory."""
PIECE_BYTES = 4_000_000
"""Of a stream: a request each."""
CONNECT_S, READ_S, ATTEMPTS = 2, 10, 3
"""A server that doesn't take connections in 2 s, or says nothing for 10, won't; with pauses the third attempt ends after 40 s."""
CONNECTIONS = 32
"""Kept open; more than an executor has threads would be idle."""
CONFLICTS = 3
"""Conditional writes that met another one under way, as S3 says, before that is called unavailable."""

RESTORED_DAYS = 7
"""How long a copy of what was archived stays readable: time enough for whoever asks again, and S3 charges it by the day."""

_WRITE = f"{OWN}write"
_TIERS = {"STANDARD": Tier.HOT, "STANDARD_IA": Tier.WARM, "GLACIER": Tier.COLD, "DEEP_ARCHIVE": Tier.ARCHIVE}
_OPTIONS = frozenset({"endpoint", "region", "credentials_file", "ca_file"})
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound", "NoSuchVersion"})
_THERE = frozenset({"PreconditionFailed", "412"})
_ADVICE = {
    "NoSuchBucket": "create the bucket, or correct its name in the URL",
    "AccessDenied": "look at the rights of this access key on this bucket",
    "InvalidAccessKeyId": "look at the access key: in the environment, or in credentials_file",
    "XAdminUserNotFound": "look at the access key: in the environment, or in credentials_file",  # versitygw's word for it
    "SignatureDoesNotMatch": "look at the secret key: in the environment, or in credentials_file",
    "RequestTimeTooSkewed": "set this machine's clock",
    "PermanentRedirect": "look at endpoint and region in the URL",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL taken apart."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    credentials_file: str | None
    ca_file: str | None

    @classmethod
    def parse(cls, url: str) -> "_Place":
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(set(options) - _OPTIONS):
            raise ValueError(f"no such option: {', '.join(unknown)}; there are {', '.join(sorted(_OPTIONS))}")
        if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
            raise ValueError("use s3://bucket/prefix; keys come from the environment or credentials_file, the server is ?endpoint=")
        endpoint = options.get("endpoint")
        if endpoint is not None and (urlsplit(endpoint).scheme not in ("http", "https") or "@" in endpoint):
            raise ValueError("endpoint is an address such as https://host:9000, without user and password")
        prefix = parts.path.strip("/")
        if prefix:
            check_key(prefix)
        own = options.get("credentials_file")
        return cls(parts.netloc, f"{prefix}/" if prefix else "", endpoint, options.get("region"), own, options.get("ca_file"))

    @property
    def shown(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" + (f" at {self.endpoint}" if self.endpoint else "")


class _FileCredentials(Credentials):
    """Keys from a file, as they are when a request is signed."""

    def __init__(self, path: str) -> None:
        super().__init__("", "")
        self._path = path

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        keys = configparser.ConfigParser(interpolation=None)
        try:
            keys.read_string(Path(self._path).read_text(encoding="utf-8"))
            own = keys["default"]
            return ReadOnlyCredentials(own["aws_access_key_id"], own["aws_secret_access_key"], own.get("aws_session_token"))
        except OSError as error:
            raise BlobsUnavailable(f"credentials_file={self._path} can't be read: {error.strerror}") from error
        except (UnicodeDecodeError, KeyError, configparser.Error) as error:
            # not the error's own text, which repeats lines of the file: `from None`, since a log shows causes too
            what = "an INI file with a section [default] that has aws_access_key_id and aws_secret_access_key"
            raise BlobsUnavailable(f"credentials_file={self._path} isn't {what} ({type(error).__name__})") from None


class _FileProvider(CredentialProvider):
    """The only source of keys, when the URL names a file of them."""

    METHOD = "credentials_file"

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def load(self) -> Credentials:
        return _FileCredentials(self._path)


class S3Blobs:
    """See Blobs."""

    def __init__(self, url: str, *, executor: Executor, randomness: Randomness) -> None:
        self._place = _Place.parse(url)
        self._calls = Calls(executor, self._place.shown)
        self._randomness = randomness
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    async def put(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """See Blobs."""
        return await self._put(key, content, about, {})

    async def put_if_absent(self, key: str, content: Content, about: About = PLAIN) -> Blob:
        """See Blobs."""
        return await self._put(key, content, about, {"IfNoneMatch": "*"})

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        """See Blobs."""
        check_key(key)
        check_range(start, end)
        data, _ = await self._calls.run("get", partial(self._read, key, start, end))
        return data

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See Blobs. Each piece is a request for the version of the first."""
        check_key(key)
        check_range(start, end)
        etag: str | None = None
        if start == end:
            await self.head(key)  # raises what an open file would
        while end is None or start < end:
            until = start + PIECE_BYTES if end is None else min(start + PIECE_BYTES, end)
            piece, etag = await self._calls.run("stream", partial(self._read, key, start, until, etag))
            if piece:
                yield piece
            if len(piece) < until - start:
                return
            start = until

    async def head(self, key: str) -> Blob:
        """See Blobs."""
        check_key(key)
        return (await self._calls.run("head", partial(self._head, key)))[0]

    async def move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        """See Blobs. What was brought back stays readable for RESTORED_DAYS, in which it is copied to its new class."""
        check_key(key)
        check_tags(tags)
        return await self._calls.run("move", partial(self._move, key, tier, tags))

    async def delete(self, key: str) -> None:
        """See Blobs."""
        check_key(key)
        await self._do("delete", key, lambda client, where: client.delete_object(**where))

    async def list(self, prefix: str = "", *, limit: int = MAX_PAGE, after: str | None = None) -> Page:
        """See Blobs."""
        check_page(prefix, limit)
        return await self._calls.run("list", partial(self._page, prefix, limit, after))

    async def close(self) -> None:
        """See Blobs. The executor is the caller's."""
        if self._made is not None:
            self._made.close()

    async def _put(self, key: str, content: Content, about: About, condition: Options) -> Blob:
        check_key(key)
        check_about(about)
        write_id = self._randomness.token(12).hex()
        said: Options = {"ContentType": about.content_type, "Metadata": {**about.metadata, _WRITE: write_id}}
        if about.tags:
            said["Tagging"] = urlencode(about.tags)
        parts = pieces(content, PART_BYTES)
        first = await anext(parts)
        second = await anext(parts, None)
        try:
            if second is None:
                await self._write("put", key, lambda client, where: client.put_object(**where, **condition, **said, Body=first))
            else:
                await self._multipart(key, _joined(first, second, parts), condition, said)
        except AlreadyThere:
            if not await self._is_ours(key, write_id):  # an attempt whose answer was lost may have been the one
                raise
        return await self.head(key)

    async def _multipart(self, key: str, parts: AsyncIterator[bytes], condition: Options, said: Options) -> None:
        upload = await self._do("put", key, lambda client, where: client.create_multipart_upload(**where, **said)["UploadId"])
        done: list[dict[str, Any]] = []
        try:
            async for part in parts:
                number = {"UploadId": upload, "PartNumber": len(done) + 1}
                send = partial(_send_part, number=number, part=part)
                done.append({"ETag": await self._do("put", key, send), "PartNumber": number["PartNumber"]})
            await self._write("put", key, partial(_complete, upload=upload, parts=done, condition=condition))
        except BaseException:
            with suppress(BlobsError):
                await self._do("put", key, lambda client, where: client.abort_multipart_upload(**where, UploadId=upload))
            raise

    async def _write(self, operation: str, key: str, work: "Callable[[S3Client, Any], Any]") -> None:
        """A conditional write, which may meet another one."""
        for _ in range(CONFLICTS - 1):
            with suppress(_Conflict):
                await self._do(operation, key, work)
                return
        await self._do(operation, key, work)

    async def _do(self, operation: str, key: str, work: "Callable[[S3Client, Any], Any]") -> Any:
        """What the client answers to one request about a key."""
        return await self._calls.run(operation, partial(self._asked, key, work))

    async def _is_ours(self, key: str, write_id: str) -> bool:
        try:
            return (await self._calls.run("head", partial(self._head, key)))[1] == write_id
        except BlobNotFound:
            return False

    def _asked(self, key: str, work: "Callable[[S3Client, Any], Any]") -> Any:
        with self._told(key):
            return work(self._client(), {"Bucket": self._place.bucket, "Key": self._place.prefix + key})

    def _head(self, key: str) -> tuple[Blob, str | None]:
        """What is known of a blob, and which write it comes from."""
        head = self._asked(key, lambda client, where: client.head_object(**where))
        metadata = {name: value for name, value in head["Metadata"].items() if not name.startswith(OWN)}
        modified_ms = round(head["LastModified"].timestamp() * 1000)
        about = About(head.get("ContentType", PLAIN.content_type), metadata)
        tier = _TIERS.get(head.get("StorageClass", ""), Tier.HOT)
        return Blob(key, head["ContentLength"], head["ETag"].strip('"'), modified_ms, about, tier), head["Metadata"].get(_WRITE)

    def _move(self, key: str, tier: Tier, tags: Mapping[str, str]) -> bool:
        head = self._asked(key, lambda client, where: client.head_object(**where))
        before = _TIERS.get(head.get("StorageClass", ""), Tier.HOT)
        if before is tier and before not in AT_ONCE:
            return True  # by a copy whose answer was lost; S3 copies nothing that is archived
        if before not in AT_ONCE and 'ongoing-request="false"' not in head.get("Restore", ""):
            if "Restore" not in head:
                asked: Options = {"Days": RESTORED_DAYS, "GlacierJobParameters": {"Tier": "Standard"}}
                self._asked(key, lambda client, where: client.restore_object(**where, RestoreRequest=asked))
            return False
        copied: Options = {
            "CopySource": {"Bucket": self._place.bucket, "Key": self._place.prefix + key},
            "CopySourceIfMatch": head["ETag"],  # of a version that came meanwhile we know nothing
            "StorageClass": next(name for name, each in _TIERS.items() if each is tier),
            "MetadataDirective": "REPLACE",  # some servers copy nothing onto itself that changes nothing else
            "Metadata": head["Metadata"],
            "ContentType": head.get("ContentType", PLAIN.content_type),
            "TaggingDirective": "REPLACE",
            "Tagging": urlencode(tags),
        }
        self._asked(key, lambda client, where: client.copy_object(**where, **copied))
        return True

    def _read(self, key: str, start: int, end: int | None, etag: str | None = None) -> tuple[bytes, str | None]:
        """Some bytes, and the version that they are of."""
        if start == end:
            return b"", self._head(key)[0].etag  # HTTP has no range without bytes
        options: Options = {} if (start, end) == (0, None) else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        if etag is not None:
            options["IfMatch"] = etag
        with self._told(key):
            try:
                answer = self._client().get_object(Bucket=self._place.bucket, Key=self._place.prefix + key, **options)
            except ClientError as error:
                if _code(error) in ("InvalidRange", "416"):
                    return b"", etag
                if _code(error) == "InvalidObjectState":
                    raise BlobArchived(f"{key} is archived: move it to HOT, and read it then") from error
                raise
            if answer["ContentLength"] > MAX_GET_BYTES:
                answer["Body"].close()
                raise BlobTooLarge(f"{key}: {answer['ContentLength']} bytes at once; use stream, or a range")
            data = answer["Body"].read()
        BYTES.labels("read").inc(len(data))
        return data, answer["ETag"]

    def _page(self, prefix: str, limit: int, after: str | None) -> Page:
        own = self._place.prefix
        with self._told(prefix):
            start: Options = {} if after is None else {"StartAfter": own + after}
            answer = self._client().list_objects_v2(Bucket=self._place.bucket, Prefix=own + prefix, MaxKeys=limit, **start)
        found = [
            Entry(item["Key"].removeprefix(own), item["Size"], round(item["LastModified"].timestamp() * 1000))
            for item in answer.get("Contents", [])
        ]
        return Page(found, found[-1].key if answer["IsTruncated"] and found else None)

    def _client(self) -> "S3Client":
        with self._lock:  # threads share it; making it takes 0.1 s
            if self._made is None:
                self._made = self._connect()
            return self._made

    def _connect(self) -> "S3Client":
        place, session = self._place, botocore.session.get_session()
        if place.credentials_file is not None:
            session.register_component("credential_provider", CredentialResolver([_FileProvider(place.credentials_file)]))
        return boto3.Session(botocore_session=session).client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region,
            verify=place.ca_file,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if place.endpoint else "auto"},
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=CONNECTIONS,
            ),
        )

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """What went wrong as an error of the port, with what to do."""
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code in _ABSENT:
                raise BlobNotFound(f"there is no blob {key}") from error
            if code in _THERE and error.operation_name == "GetObject":
                raise BlobsUnavailable(f"{key} was changed while it was read; read it again") from error
            if code in _THERE:
                raise AlreadyThere(f"{key} is there; use another key, or put") from error
            kind = _Conflict if code == "ConditionalRequestConflict" else BlobsUnavailable
            refused = error.response["ResponseMetadata"]["HTTPStatusCode"] == 403  # each kind of server has codes of its own
            advice = _ADVICE.get(code, "look at the access key and its rights" if refused else "look at the server's log")
            raise kind(f"{self._place.shown}: {error.operation_name} {key}: {code}: {error}; {advice}") from error
        except (BotoCoreError, HTTPClientError, OSError) as error:
            advice = "see whether the server runs and can be reached from here, and whether endpoint and credentials are set"
            raise BlobsUnavailable(f"{self._place.shown}: {key}: {type(error).__name__}: {error}; {advice}") from error


class _Conflict(BlobsUnavailable):
    """Another conditional write of this key is under way."""


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _send_part(client: "S3Client", where: Options, *, number: Options, part: bytes) -> str:
    return client.upload_part(**where, **number, Body=part)["ETag"]


def _complete(client: "S3Client", where: Options, *, upload: str, parts: Options, condition: Options) -> None:
    client.complete_multipart_upload(**where, **condition, UploadId=upload, MultipartUpload={"Parts": parts})


async def _joined(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for part in rest:
        yield part
