"""What a client of one kind can do, by feature: codes, exports, keys, files, operations; `_blocking` has the client itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import overload

from quietzone_client import _assets, _bulk, _facets, _files, _keys, _operations, _tasks
from quietzone_client import _requests as requests
from quietzone_client._assets import Asset, SignedUrl
from quietzone_client._bulk import RowResult
from quietzone_client._calls import Calls
from quietzone_client._facets import Facets
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
from quietzone_client._models import Analytics, Code, CodePart, DestinationHealth, Export, Image, Page
from quietzone_client._operations import Operation, PrintForm, Selection, Sheet, Warmed
from quietzone_client._tasks import Task
from quietzone_client._transports import each, run

EVERY = CodeFilter()
LAST_30_DAYS = Span()
A4_SHEET = Sheet()


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

    def facets(self, *, limit: int = 100) -> Facets:
        """What codes can be filtered by (states, tags, folders), and how many codes each brings; at most `limit` tags and folders."""
        return run(self._calls.make(_facets.get_facets(limit)))

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


class Assets:
    """Files: images of codes, and uploads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, kind: str | None = None, state: str | None = None) -> Iterator[Asset]:
        """All assets, newest first: of a kind (`code`, `upload`, `print`) or in a state, not both."""
        return each(self._calls.pages(lambda cursor: _assets.page_of_assets(kind, state, cursor=cursor)))

    def get(self, asset_id: str) -> Asset:
        """One asset with its files; that of a code has the code's id, and is there a second after it."""
        return run(self._calls.make(_assets.get_asset(asset_id)))

    def url(
        self, asset_id: str, variant: str = "", *, size: int | None = None, media_type: str | None = None, expires_s: int | None = None
    ) -> SignedUrl:
        """A URL by which anybody gets one file: a variant, the master without one, or an image in another size: 16 to 2,048
        pixels, of codes 2 at least for each module, which the URL itself checks.
        """
        call = _assets.sign_url(asset_id, variant, size=size, media_type=media_type, expires_s=expires_s)
        return run(self._calls.make(call))

    def upload(self, content: bytes, name: str, media_type: str) -> Asset:
        """Begin an upload and send its bytes; what they can't be is refused at once. `wait` until it is ready."""
        return run(_assets.upload(self._calls, content, name, media_type))

    def wait(self, asset_id: str, *, within_s: float = 120.0) -> Asset:
        """Look at an upload or a print until it is ready.

        Raises:
            AssetQuarantined: something is wrong with it.
            TimeoutError: it isn't ready within `within_s`.
        """
        return run(_assets.wait(self._calls, asset_id, within_s=within_s))

    def delete(self, asset_id: str, *, revision: int | None = None) -> None:
        """Delete an upload or a print; the image of a code goes with its code."""
        run(self._calls.make(_assets.delete_asset(asset_id, revision=revision)))

    def download(self, asset_id: str, path: str | PathLike[str], variant: str = "", *, at: str | None = None) -> int:
        """Write one file of an asset, checked by its SHA-256; how many bytes it has. `at` is where files are fetched instead, such as
        `http://localhost:8082`, as long as the host in their URLs doesn't lead to the installation.

        Raises:
            NotFound: it has no such file.
            OSError: it can't be written.
        """
        return run(_operations.download(self._calls, asset_id, variant, Path(path), at))

    def print(self, codes: Selection, *, form: PrintForm = "sheets", title: str = "", sheet: Sheet = A4_SHEET) -> Asset:
        """Have labels of codes put on sheets (PDF), or their files into an archive (ZIP): `wait` for the asset, then `download` it."""
        return run(self._calls.make(_operations.print_codes(codes, form, title, sheet)))

    def move(self, asset_id: str, tier: str) -> Operation:
        """Have an upload's files moved to a tier; `hot` brings back what is archived, in hours where the store needs them."""
        return run(self._calls.make(_operations.move_asset(asset_id, tier)))

    def clean_up(self, prefix: str = "", *, dry_run: bool = False, idempotency_key: str | None = None) -> Operation:
        """Have files that weren't used for long moved where they cost less, or deleted, by their age."""
        return run(self._calls.make(_operations.clean_up(prefix, dry_run=dry_run, idempotency_key=idempotency_key)))

    def purge(self, asset_ids: Sequence[str]) -> None:
        """Have copies of files forgotten at the CDN; 20 assets at once."""
        run(self._calls.make(_operations.purge(asset_ids)))

    def warm_up(self, asset_ids: Sequence[str], *, expires_s: int = 3600) -> tuple[Warmed, ...]:
        """Have copies of files made at the CDN before anybody asks; 20 assets at once."""
        return run(self._calls.make(_operations.warm_up(asset_ids, expires_s=expires_s)))


class Operations:
    """What is done in the background for the account's files."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> Iterator[Operation]:
        """All of the last week, newest first."""
        return each(self._calls.pages(lambda cursor: _operations.page_of_operations(cursor=cursor)))

    def get(self, operation_id: str) -> Operation:
        """One operation, with how far it is."""
        return run(self._calls.make(_operations.get_operation(operation_id)))

    def cancel(self, operation_id: str) -> None:
        """End an operation; what it has done stays done."""
        run(self._calls.make(_operations.cancel_operation(operation_id)))


class Tasks:
    """What is done for the account in the background: exports, files, reports, deliveries that are sent again."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, state: str | None = None, type: str | None = None) -> Iterator[Task]:  # noqa: A002 - as the API has it
        """All of the last week, or those in one state or of one type; newest first."""
        return each(self._calls.pages(lambda cursor: _tasks.page_of_tasks(state, type, cursor=cursor)))

    def get(self, task_id: str) -> Task:
        """One task, with how far it is."""
        return run(self._calls.make(_tasks.get_task(task_id)))

    def cancel(self, task_id: str) -> Task:
        """End a task that waits or runs; what it has done stays done."""
        return run(self._calls.make(_tasks.cancel_task(task_id)))

    def redrive(self, task_id: str) -> Task:
        """Run a dead or cancelled task again, at once and with all its attempts."""
        return run(self._calls.make(_tasks.redrive_task(task_id)))


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
