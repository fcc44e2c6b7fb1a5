"""Devices that pushes go to."""

import strawberry

from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import DateTime
from quietzone_gateway.rest.devices import DeviceInput, DeviceListQuery
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc.notification import Device, DevicePage, PushPlatform

MAX_LIMIT = 100
"""Of the service's pages."""

strawberry.enum(PushPlatform, description="FCM: Firebase, for Android and browsers; APNS: Apple")


@strawberry.type(description="One app on one device of a person")
class PushDevice:
    """A device."""

    id: strawberry.ID
    person: str
    platform: PushPlatform
    token_end: str = strawberry.field(description="The last 4 characters of its token")
    topics: list[str]
    created_at: DateTime
    seen_at: DateTime = strawberry.field(description="When its app last registered it")

    @classmethod
    def of(cls, device: Device) -> "PushDevice":
        """As it is shown."""
        return cls(
            id=strawberry.ID(device.id),
            person=device.person,
            platform=device.platform,
            token_end=device.token_end,
            topics=list(device.topics),
            created_at=DateTime(device.created_at_ms),
            seen_at=DateTime(device.seen_at_ms),
        )


@strawberry.type(description="A device at its place in the list")
class PushDeviceEdge:
    """An edge."""

    node: PushDevice
    cursor: str


@strawberry.type(description="A page of devices")
class PushDeviceConnection:
    """A page."""

    edges: list[PushDeviceEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: DevicePage, begin: Cursor, after: str | None) -> "PushDeviceConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        return cls(
            edges=[PushDeviceEdge(node=PushDevice.of(each), cursor=str(cursor)) for each, cursor in zip(page.items, cursors, strict=True)],
            page_info=PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None),
        )


@strawberry.input(description="A device, as its app registers it")
class NewPushDevice:
    """As `DeviceInput` of REST, which checks it."""

    person: str = strawberry.field(description="Who has it, by names of your own")
    platform: PushPlatform
    token: str = strawberry.field(description="As the platform gives it to the app; never shown again")
    topics: list[str] = strawberry.field(default_factory=list, description="What it wants to hear of, ten at most")


@strawberry.type
class DeviceQueries:
    """Part of Query."""

    @field(description="The account's devices, the first registered first; or those of a person, all of them at once, at most 20")
    async def push_devices(
        self, info: Info, first: First = 20, after: After = None, person: str | None = None
    ) -> PushDeviceConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        whose = checked(DeviceListQuery, {} if person is None else {"person": person}).person
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.notification.devices.page(context.caller, person=whose, limit=limit, cursor=begin.token or None)
        return PushDeviceConnection.of(DevicePage(page.items[begin.skip :], page.next_cursor), begin, after)


@strawberry.type
class DeviceMutations:
    """Part of Mutation."""

    @mutation(description="Take up a device, or what its app says of it now: the same token is the same device, whoever has it")
    async def register_push_device(self, info: Info, input: NewPushDevice) -> PushDevice | None:  # noqa: A002 - as callers know it
        """As REST's."""
        new = checked(DeviceInput, vars(input)).asked()
        with names_of_graphql():
            return PushDevice.of(await info.context.parts.notification.devices.register(info.context.caller, new))

    @mutation(description="Forget a device and its token, what waits for it is dropped; answers with its id")
    async def delete_push_device(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        await info.context.parts.notification.devices.delete(info.context.caller, known_id(id, "device"))
        return id
