"""Files: images of codes in all their variants, what was uploaded, and prints."""

import strawberry

from quietzone_gateway.graphql.code_changes import Expected
from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.rest.assets import UploadInput, UrlQuery
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import Asset as KnownAsset
from quietzone_gateway.rpc import AssetKind, AssetPage, AssetState, NewUpload, StorageTier
from quietzone_gateway.rpc import File as KnownFile
from quietzone_kit.errors import NotFound

MAX_LIMIT = 1_000
"""Of the service's pages."""

strawberry.enum(
    AssetKind, description="CODE: the image of a code; UPLOAD: what was sent; PRINT: sheets of labels or an archive, kept for a week"
)
strawberry.enum(AssetState, description="READY: its files are served; PENDING: its bytes are awaited or looked at; QUARANTINED: never")
strawberry.enum(StorageTier, description="HOT and WARM are served at once, COLD and ARCHIVE have to be restored first")


@strawberry.type(description="A URL that needs no key until it expires")
class SignedUrl:
    """A URL."""

    url: str
    expires_at: DateTime


@strawberry.type(description="One file of an asset")
class File:
    """A file."""

    asset_id: strawberry.Private[str]
    name: str = strawberry.field(description="What its URL ends in")
    variant: str = strawberry.field(description="Empty for the master")
    media_type: str
    size: Count = strawberry.field(description="Bytes")
    width: int | None = strawberry.field(description="Pixels")
    height: int | None = strawberry.field(description="Pixels")
    sha256: str

    @classmethod
    def of(cls, asset_id: str, file: KnownFile) -> "File":
        """As it is shown."""
        return cls(
            asset_id=asset_id,
            name=file.name,
            variant=file.variant,
            media_type=file.media_type,
            size=Count(file.size),
            width=file.width,
            height=file.height,
            sha256=file.sha256,
        )

    @field(description="Where anybody gets it, without a key, until then; `expiresS` in seconds, a week at most")
    async def url(self, info: Info, expires_s: int | None = None) -> SignedUrl | None:
        """As REST's."""
        return await _signed(info, self.asset_id, checked(UrlQuery, {"variant": self.variant, "expires_s": expires_s}))


@strawberry.type(description="Something that is said about an asset, for those who sort by it")
class AssetTag:
    """A tag."""

    key: str
    value: str


@strawberry.type(description="What is stored of a code, of an upload, or of a print")
class Asset:
    """An asset."""

    id: strawberry.ID = strawberry.field(description="Of a code's image: the code's id")
    kind: AssetKind
    state: AssetState
    reason: str | None = strawberry.field(description="Why it is quarantined")
    name: str = strawberry.field(description="Of an upload, or of a print")
    tier: StorageTier
    files: list[File]
    bytes: Count = strawberry.field(description="What it takes of the account's room")
    tags: list[AssetTag] = strawberry.field(description="`StorageTier` and `CreatedBy`, which its bytes have in the store, too")
    revision: int
    created_at: DateTime
    updated_at: DateTime
    uploaded_at: DateTime | None = strawberry.field(description="When its bytes came, or were drawn")
    used_at: DateTime | None = strawberry.field(description="When a file of it was last asked for, to a day")

    @classmethod
    def of(cls, asset: KnownAsset) -> "Asset":
        """As it is shown."""
        return cls(
            id=strawberry.ID(asset.id),
            kind=asset.kind,
            state=asset.state,
            reason=asset.reason,
            name=asset.name,
            tier=asset.tier,
            files=[File.of(asset.id, file) for file in asset.files],
            bytes=Count(asset.bytes),
            tags=[AssetTag(key=key, value=value) for key, value in asset.tags.items()],
            revision=asset.revision,
            created_at=DateTime(asset.created_at_ms),
            updated_at=DateTime(asset.updated_at_ms),
            uploaded_at=None if asset.uploaded_at_ms is None else DateTime(asset.uploaded_at_ms),
            used_at=None if asset.used_at_ms is None else DateTime(asset.used_at_ms),
        )


@strawberry.type(description="An asset at its place in the list")
class AssetEdge:
    """An edge."""

    node: Asset
    cursor: str


@strawberry.type(description="A page of assets")
class AssetConnection:
    """A page."""

    edges: list[AssetEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: AssetPage, begin: Cursor, after: str | None) -> "AssetConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[AssetEdge(node=Asset.of(asset), cursor=str(cursor)) for asset, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.type(description="An upload that was begun")
class Upload:
    """An upload."""

    asset: Asset
    put: SignedUrl = strawberry.field(description="Send the bytes there, by PUT with `Content-Type` as it was said; it needs no key")


@strawberry.input(description="A file that is to be sent")
class NewUploadInput:
    """As `UploadInput` of REST, which checks it."""

    name: str
    media_type: str
    size: int
    expires_s: int = 3600


@strawberry.type
class AssetQueries:
    """Part of Query."""

    @field(description="What is stored of a code (by the code's id), an upload or a print; null when this account has none with this id")
    async def asset(self, info: Info, id: strawberry.ID) -> Asset | None:  # noqa: A002 - as callers know it
        """With its files."""
        try:
            return Asset.of(await info.context.parts.assets.get(info.context.caller, known_id(id, "asset")))
        except NotFound:
            return None

    @field(description="The account's assets, newest first; of a kind or in a state, not both")
    async def assets(
        self, info: Info, first: First = 20, after: After = None, kind: AssetKind | None = None, state: AssetState | None = None
    ) -> AssetConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.assets.newest(context.caller, limit=limit, cursor=begin.token or None, kind=kind, state=state)
        return AssetConnection.of(AssetPage(page.items[begin.skip :], page.next_cursor), begin, after)

    @field(
        description="Where anybody gets an image in another size, without a key, until then: 16 to 2,048 px, of codes 2 a module, as PNG, "
        "JPEG or WebP"
    )
    async def drawing(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - as callers know it
        size: int,
        media_type: str = "image/png",
        expires_s: int | None = None,
    ) -> SignedUrl | None:
        """As REST's."""
        query = checked(UrlQuery, {"size": size, "media_type": media_type, "expires_s": expires_s})
        return await _signed(info, id, query)


@strawberry.type
class AssetMutations:
    """Part of Mutation."""

    @mutation(description="Begin an upload: send its bytes to `put.url`. They are decoded and scanned, and READY after seconds")
    async def begin_upload(self, info: Info, input: NewUploadInput) -> Upload | None:  # noqa: A002 - as callers know it
        """As REST's."""
        given = checked(UploadInput, vars(input))
        new, parts = NewUpload(given.name, given.media_type, given.size), info.context.parts
        most = parts.plans.known.of(info.context.principal.plan).plan.stored_bytes
        with names_of_graphql():
            asset, put = await parts.assets.begin_upload(info.context.caller, new, expires_s=given.expires_s, most=most)
        return Upload(asset=Asset.of(asset), put=SignedUrl(url=put.url, expires_at=DateTime(put.expires_at_ms)))

    @mutation(description="Delete an upload or a print; answers with its id. The image of a code goes with its code")
    async def delete_asset(self, info: Info, id: strawberry.ID, expected_revision: Expected = None) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        with names_of_graphql():
            await info.context.parts.assets.delete(info.context.caller, known_id(id, "asset"), expected_revision=expected_revision)
        return id


async def _signed(info: Info, asset_id: str, query: UrlQuery) -> SignedUrl:
    context = info.context
    with names_of_graphql():
        signed = await context.parts.assets.signed(context.caller, known_id(asset_id, "asset"), query.file, expires_s=query.expires_s)
    return SignedUrl(url=signed.url, expires_at=DateTime(signed.expires_at_ms))
