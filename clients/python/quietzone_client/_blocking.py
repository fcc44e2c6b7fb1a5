"""The blocking client: every method says what `_requests` builds, and runs it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, overload

import httpx

from quietzone_client import _bulk, _files, _keys, _stream, _usage
from quietzone_client import _requests as requests
from quietzone_client._auth import ApiKey, Auth, sign_in, sign_out, tokens_in
from quietzone_client._bulk import RowResult
from quietzone_client._calls import Calls
from quietzone_client._inputs import (
    CodeFilter,
    Create,
    ExportFormat,
    ImageFormat,
    Interval,
    Listing,
    Row,
    SortBy,
    SortOrder,
    Span,
    Update,
    When,
)
from quietzone_client._keys import Key, KeyChange, NewKey
from quietzone_client._models import Analytics, Code, CodePart, DestinationHealth, Export, Image, Page, Reconciliation
from quietzone_client._retries import Retries
from quietzone_client._runtime import Runtime
from quietzone_client._stream import Reconnects
from quietzone_client._told import Told, Watch
from quietzone_client._transports import BlockingTransport, each, run
from quietzone_client._usage import Usage

EVERY = CodeFilter()
LAST_30_DAYS = Span()
PATIENT = Retries()
REAL = Runtime()
RECONNECTS = Reconnects()


class Client:
    """An account's Quietzone, by blocking calls; threads may share one. `AsyncClient` has the same methods for an event loop.

    Every method raises as `QuietzoneError` says. What can't be told from a success whose answer was lost is sent again, under a name that
    keeps the server from doing it twice.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth | str,
        *,
        retries: Retries = PATIENT,
        transport: httpx.BaseTransport | None = None,
        runtime: Runtime = REAL,
    ) -> None:
        """Connect with the first call.

        Args:
            base_url: Where the API is, such as `https://api.example.com`.
            auth: An API key, or another way to say who calls.
            retries: How patient it is.
            transport: In the place of httpx's own: for proxies, other certificates, tests.
            runtime: Time and chance, for tests.

        Raises:
            ValueError: the address or the key can't be one.
        """
        self._transport = BlockingTransport(base_url, runtime, transport)
        self._calls = Calls(self._transport, ApiKey(auth) if isinstance(auth, str) else auth, retries, runtime)
        self.codes = Codes(self._calls)
        self.exports = Exports(self._calls)
        self.keys = Keys(self._calls)

    def sign_in(self, email: str, password: str, *, code: str = "") -> None:
        """Begin a person's session; the client was made with `Tokens()`. `code` is of the second factor, for who has one.

        Raises:
            SecondFactorNeeded: a code is needed too.
            TypeError: the client says otherwise who calls.
        """
        tokens = tokens_in(self._calls.auth)
        run(self._calls.make(sign_in(tokens, email, password, code, self._calls.runtime.now_s)))

    def sign_out(self) -> None:
        """End the session, and forget its tokens."""
        tokens = tokens_in(self._calls.auth)
        run(self._calls.make(sign_out()))
        tokens.forget()

    def usage(self) -> Usage:
        """What the account has used of its plan, today and this month."""
        return run(self._calls.make(_usage.get_usage()))

    def reconcile(self) -> Reconciliation:
        """Whether every accepted scan of all accounts was counted once; for operators. It reads everything, and may take minutes."""
        return run(self._calls.make(requests.reconcile()))

    def stream(
        self,
        kinds: Sequence[str] | None = None,
        *,
        code_ids: Sequence[str] = (),
        task_ids: Sequence[str] = (),
        state: str | None = None,
        tag: str | None = None,
        folder: str | None = None,
        cursor: str | None = None,
        reconnects: Reconnects = RECONNECTS,
    ) -> Iterator[Told]:
        """What happens from now on, or from the cursor of an event that you kept: `Watch` says what can be asked for.

        It goes on by itself where it broke off; a `Reset` among the events means that some can't be told any more.

        Raises:
            Disconnected: the server has ended it for good.
        """
        return each(_stream.stream(self._calls, Watch(kinds, code_ids, task_ids, state, tag, folder, cursor), reconnects))

    def close(self) -> None:
        """Close all connections."""
        run(self._transport.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Codes:
    """The account's codes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        destination: str,
        *,
        title: str = "",
        slug: str | None = None,
        tags: Sequence[str] = (),
        folder: str = "",
        idempotency_key: str | None = None,
    ) -> Code:
        """Issue a code; it redirects within a second. With an `idempotency_key` of yours a later call with it finds this code again."""
        return run(self._calls.make(requests.create_code(Create(destination, title, slug, tags, folder), idempotency_key=idempotency_key)))

    def get(self, code_id: str) -> Code:
        """One code."""
        return run(self._calls.make(requests.get_code(code_id)))

    @overload
    def list(
        self,
        where: CodeFilter = ...,
        *,
        sort_by: SortBy | None = ...,
        sort_order: SortOrder | None = ...,
        fields: None = ...,
        page_size: int = ...,
    ) -> Iterator[Code]: ...

    @overload
    def list(
        self,
        where: CodeFilter = ...,
        *,
        sort_by: SortBy | None = ...,
        sort_order: SortOrder | None = ...,
        fields: Sequence[str],
        page_size: int = ...,
    ) -> Iterator[CodePart]: ...

    def list(
        self,
        where: CodeFilter = EVERY,
        *,
        sort_by: SortBy | None = None,
        sort_order: SortOrder | None = None,
        fields: Sequence[str] | None = None,
        page_size: int = 200,
    ) -> Iterator[Code] | Iterator[CodePart]:
        """All codes that fit, newest first unless something else is asked for; pages are fetched as they are needed.

        With `fields`, such as `("slug", "title")`, only these and the id.
        """
        listing = Listing(where, sort_by, sort_order, fields)
        if fields is None:
            return each(self._calls.pages(lambda cursor: requests.page_of_codes(listing, limit=page_size, cursor=cursor)))
        return each(self._calls.pages(lambda cursor: requests.page_of_parts(listing, limit=page_size, cursor=cursor)))

    @overload
    def page(
        self,
        number: int = ...,
        where: CodeFilter = ...,
        *,
        sort_by: SortBy | None = ...,
        sort_order: SortOrder | None = ...,
        fields: None = ...,
        page_size: int = ...,
    ) -> Page[Code]: ...

    @overload
    def page(
        self,
        number: int = ...,
        where: CodeFilter = ...,
        *,
        sort_by: SortBy | None = ...,
        sort_order: SortOrder | None = ...,
        fields: Sequence[str],
        page_size: int = ...,
    ) -> Page[CodePart]: ...

    def page(
        self,
        number: int = 1,
        where: CodeFilter = EVERY,
        *,
        sort_by: SortBy | None = None,
        sort_order: SortOrder | None = None,
        fields: Sequence[str] | None = None,
        page_size: int = 50,
    ) -> Page[Code] | Page[CodePart]:
        """One page by its number from 1 on, for people who leaf; the API passes over 9,000 codes at most, `list` over any number."""
        listing = Listing(where, sort_by, sort_order, fields)
        if fields is None:
            return run(self._calls.make(requests.page_of_codes(listing, limit=page_size, number=number)))
        return run(self._calls.make(requests.page_of_parts(listing, limit=page_size, number=number)))

    def change(
        self,
        code_id: str,
        *,
        destination: str | None = None,
        title: str | None = None,
        state: str | None = None,
        tags: Sequence[str] | None = None,
        folder: str | None = None,
        revision: int | None = None,
    ) -> Code:
        """Change what is given; what is printed stays as it is, and scans follow within a second.

        With a `revision` RevisionMismatch is raised unless the code has it. After an answer that was lost it may be this very change that
        made it another: read the code to know.
        """
        return run(self._calls.make(requests.change_code(Update(code_id, destination, title, state, tags, folder, revision))))

    def delete(self, code_id: str, *, revision: int | None = None) -> None:
        """Delete a code for good: scans get 410, and its slug is never given out again."""
        run(self._calls.make(requests.delete_code(code_id, revision=revision)))

    def bulk(self, rows: Iterable[Row], *, idempotency_key: str | None = None) -> Iterator[RowResult]:
        """Create, change and delete any number of codes: a result for each row, in order, as soon as there is one.

        Each row stands for itself: see `RowResult.error`. With an `idempotency_key` of yours the same rows, sent again in a day, create
        each code once.
        """
        return each(_bulk.bulk(self._calls, rows, idempotency_key=idempotency_key))

    def image(self, code_id: str, image_format: ImageFormat = "png", *, size: int = 1036) -> Image:
        """The code's symbol as a file that two decoders have read back; `size` is its width in pixels with the quiet zone."""
        return run(self._calls.make(requests.image(code_id, image_format=image_format, size=size)))

    def health(self, code_id: str) -> DestinationHealth:
        """Whether the code's destination answered when it was last asked."""
        return run(self._calls.make(requests.health(code_id)))

    def analytics(
        self, code_id: str, *, start: When | None = None, end: When | None = None, interval: Interval = "day", zone: str = "UTC"
    ) -> Analytics:
        """The code's counts, about a second behind its scans; as `Span` says, the last 30 days by default."""
        return run(self._calls.make(requests.analytics(code_id, Span(start, end, interval, zone))))


class Exports:
    """Counts as files."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def begin(
        self,
        span: Span = LAST_30_DAYS,
        *,
        code_id: str | None = None,
        file_format: ExportFormat = "csv",
        idempotency_key: str | None = None,
    ) -> Export:
        """Begin an export of one code, or of every code that was ever scanned."""
        call = requests.begin_export(span, code_id=code_id, file_format=file_format, idempotency_key=idempotency_key)
        return run(self._calls.make(call))

    def get(self, export_id: str) -> Export:
        """One export, with how far it has come."""
        return run(self._calls.make(requests.get_export(export_id)))

    def list(self) -> Iterator[Export]:
        """All exports, newest first."""
        return each(self._calls.pages(lambda cursor: requests.page_of_exports(limit=100, cursor=cursor)))

    def wait(self, export_id: str, *, within_s: float = 600.0, progress: Callable[[Export], None] | None = None) -> Export:
        """Look at an export until it is done; `progress` is told of each look.

        Raises:
            ExportFailed: it ended without a file.
            TimeoutError: it isn't done within `within_s`.
        """
        return run(_files.wait(self._calls, export_id, within_s=within_s, progress=progress))

    def download(self, export_id: str, path: str | PathLike[str]) -> int:
        """Write the file of an export that is done, checked by its digest; how many bytes it has. What stood at `path` is replaced.

        Raises:
            OSError: it can't be written.
        """
        return run(_files.download(self._calls, export_id, Path(path)))

    def cancel(self, export_id: str) -> None:
        """Cancel an export that isn't done."""
        run(self._calls.make(requests.cancel_export(export_id)))


class Keys:
    """The account's API keys. What makes a secret isn't tried again once it may have been done: look at `list`, then revoke or rotate."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def make(self, name: str, scopes: Sequence[str], *, networks: Sequence[str] = (), expires_at: When | None = None) -> NewKey:
        """Make a key that may do at most what you may; its secret is told this once. `networks` (CIDR) are those that it works from."""
        return run(self._calls.make(_keys.make_key(name, scopes, networks=networks, expires_at=expires_at)))

    def list(self) -> tuple[Key, ...]:
        """The account's keys, newest first; revoked ones for 30 days more."""
        return run(self._calls.make(_keys.list_keys()))

    def get(self, key_id: str) -> Key:
        """One key."""
        return run(self._calls.make(_keys.get_key(key_id)))

    def change(
        self, key_id: str, *, name: str | None = None, scopes: Sequence[str] | None = None, networks: Sequence[str] | None = None
    ) -> Key:
        """Change what is given; heeded within a second."""
        return run(self._calls.make(_keys.change_key(key_id, KeyChange(name, scopes, networks))))

    def rotate(self, key_id: str, *, grace_s: int = 86_400) -> NewKey:
        """Give a key another secret; the one that it has works for `grace_s` more."""
        return run(self._calls.make(_keys.rotate_key(key_id, grace_s=grace_s)))

    def revoke(self, key_id: str) -> None:
        """End a key for good; heeded within a second."""
        run(self._calls.make(_keys.revoke_key(key_id)))
