"""Deliveries: what rules, topics and tests send, and what became of it."""

import strawberry

from quietzone_gateway.graphql.codes import After, First
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.destinations import DestinationKind
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.pages import Cursor, PageInfo, cursors_of, place_of
from quietzone_gateway.graphql.scalars import Count, DateTime
from quietzone_gateway.plans import MethodClass
from quietzone_gateway.rest.deliveries import BodyForm, DeliveryListQuery, RedriveInput, known_delivery, shown_body
from quietzone_gateway.rpc.notification import Attempt, DeliveryPage, DeliveryState, RedriveState
from quietzone_gateway.rpc.notification import Delivery as KnownDelivery
from quietzone_gateway.rpc.notification import Redrive as KnownRedrive
from quietzone_kit.errors import NotFound

MAX_LIMIT = 100
"""Of the service's pages."""

strawberry.enum(
    DeliveryState,
    description="PENDING: to be sent, or sent again; DEAD: all attempts have failed, or it became too old; DROPPED: nobody tries it",
)
strawberry.enum(RedriveState, description="DONE, DEAD (it failed, `error` says why) and CANCELLED are final")
strawberry.enum(BodyForm, description="How a body is shown: as it is, or in base64 where it is no text in UTF-8")


@strawberry.type(description="One attempt to send")
class DeliveryAttempt:
    """An attempt."""

    at: DateTime
    took_ms: Count
    url: str = strawberry.field(
        description="Where it went: a URL, `topic:` and a topic on Kafka, or `push:` and who carries it to the device"
    )
    status: int | None = strawberry.field(description="What the receiver answered, as HTTP or SMTP has it; null when it didn't")
    error: str | None
    answer: str = strawberry.field(description="The beginning of the answer, at most 1,024 characters")

    @classmethod
    def of(cls, attempt: Attempt) -> "DeliveryAttempt":
        """As it is shown."""
        return cls(
            at=DateTime(attempt.at_ms),
            took_ms=Count(attempt.took_ms),
            url=attempt.url,
            status=attempt.status,
            error=attempt.error,
            answer=attempt.answer,
        )


@strawberry.type(description="A header")
class DeliveryHeader:
    """A header."""

    name: str
    value: str


@strawberry.type(description="What is in a delivery, and how it was tried")
class DeliveryDetails:
    """Details."""

    body: str | None = strawberry.field(description="null of a mail that asks for a confirmation")
    body_form: BodyForm | None
    headers: list[DeliveryHeader] = strawberry.field(description="Of its own; those of an endpoint are never shown")
    attempts: list[DeliveryAttempt] = strawberry.field(description="The latest 20, oldest first")

    @classmethod
    def of(cls, delivery: KnownDelivery) -> "DeliveryDetails":
        """As they are shown."""
        body, form = shown_body(delivery.body)
        return cls(
            body=body,
            body_form=form,
            headers=[DeliveryHeader(name=each.name, value=each.value) for each in delivery.headers],
            attempts=list(map(DeliveryAttempt.of, delivery.attempts)),
        )


@strawberry.type(description="One message to one destination")
class Delivery:
    """A delivery."""

    known: strawberry.Private[KnownDelivery | None]
    id: strawberry.ID = strawberry.field(description="Its receiver gets it as `webhook-id`")
    cause: str = strawberry.field(
        description="Why: `rule:<id>:<target>`, `subscription:<id>`, `test:<id>`, `mail:<kind>` or `reaction:<name>`"
    )
    event_id: str
    event_type: str
    kind: DestinationKind
    destination: str
    state: DeliveryState
    tries: int = strawberry.field(description="Attempts since it was taken, or last begun anew")
    max_attempts: int
    max_age_s: int | None
    created_at: DateTime
    due_at: DateTime | None = strawberry.field(description="When it is tried next")
    ended_at: DateTime | None
    error: str | None = strawberry.field(description="What went wrong last")
    content_type: str

    @classmethod
    def of(cls, delivery: KnownDelivery, *, is_whole: bool = False) -> "Delivery":
        """As it is shown; what isn't whole has its details asked for when they are wanted."""
        return cls(
            known=delivery if is_whole else None,
            id=strawberry.ID(delivery.id),
            cause=delivery.cause,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            kind=delivery.kind,
            destination=delivery.destination,
            state=delivery.state,
            tries=delivery.tries,
            max_attempts=delivery.max_attempts,
            max_age_s=None if delivery.max_age_ms is None else delivery.max_age_ms // 1000,
            created_at=DateTime(delivery.created_at_ms),
            due_at=None if delivery.due_at_ms is None else DateTime(delivery.due_at_ms),
            ended_at=None if delivery.ended_at_ms is None else DateTime(delivery.ended_at_ms),
            error=delivery.error,
            content_type=delivery.content_type,
        )

    @field(description="What is in it, and how it was tried")
    async def details(self, info: Info) -> DeliveryDetails | None:
        """A question for each delivery that doesn't come alone."""
        known = self.known or await info.context.parts.notification.deliveries.get(info.context.caller, self.id)
        return DeliveryDetails.of(known)


@strawberry.type(description="A delivery at its place in the list")
class DeliveryEdge:
    """An edge."""

    node: Delivery
    cursor: str


@strawberry.type(description="A page of deliveries; it may have fewer than were asked for, even none, and others after it")
class DeliveryConnection:
    """A page."""

    edges: list[DeliveryEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: DeliveryPage, begin: Cursor, after: str | None) -> "DeliveryConnection":
        """As it is shown."""
        cursors = cursors_of(begin, len(page.items), page.next_cursor)
        page_info = PageInfo.of(cursors, after=after, has_next=page.next_cursor is not None)
        if not cursors and page.next_cursor is not None:
            page_info.end_cursor = str(Cursor(page.next_cursor))  # none of these fits, some behind them may
        edges = [DeliveryEdge(node=Delivery.of(each), cursor=str(cursor)) for each, cursor in zip(page.items, cursors, strict=True)]
        return cls(edges=edges, page_info=page_info)


@strawberry.type(description="How far a redrive is")
class Redrive:
    """A redrive."""

    id: strawberry.ID
    state: RedriveState
    begun: Count = strawberry.field(description="How many deliveries are sent again, so far")
    error: str | None
    created_at: DateTime
    finished_at: DateTime | None

    @classmethod
    def of(cls, redrive: KnownRedrive) -> "Redrive":
        """As it is shown."""
        return cls(
            id=strawberry.ID(redrive.id),
            state=redrive.state,
            begun=Count(redrive.begun),
            error=redrive.error,
            created_at=DateTime(redrive.created_at_ms),
            finished_at=None if redrive.finished_at_ms is None else DateTime(redrive.finished_at_ms),
        )


@strawberry.input(description="Which deliveries; what is absent doesn't matter")
class DeliveryFilter:
    """As `DeliveryListQuery` of REST, which checks it."""

    destination: str | None = None
    state: DeliveryState | None = None
    cause: str | None = strawberry.field(default=None, description="Or one that begins with it up to a colon: `rule`, `rule:<id>`")
    since: str | None = strawberry.field(default=None, description="Made then or later: RFC 3339, or a day in UTC")
    until: str | None = strawberry.field(default=None, description="Made before")


@strawberry.type
class DeliveryQueries:
    """Part of Query."""

    @field(description="The account's deliveries, newest first; what has ended is kept for 7 days, unless the installation has others")
    async def deliveries(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: DeliveryFilter | None = None,  # noqa: A002 - as callers know it
    ) -> DeliveryConnection | None:
        """A page."""
        begin, context = place_of(first, after), info.context
        chosen = checked(DeliveryListQuery, {} if filter is None else vars(filter)).chosen()
        limit = min(begin.skip + first, MAX_LIMIT)  # the service passes nothing over: what is asked for after a page's middle is read again
        with names_of_graphql():
            page = await context.parts.notification.deliveries.page(context.caller, chosen, limit=limit, cursor=begin.token or None)
        return DeliveryConnection.of(DeliveryPage(page.items[begin.skip :], page.next_cursor), begin, after)

    @field(description="One delivery; null when this account has none with this id")
    async def delivery(self, info: Info, id: strawberry.ID) -> Delivery | None:  # noqa: A002 - as callers know it
        """With its details."""
        try:
            found = await info.context.parts.notification.deliveries.get(info.context.caller, known_delivery(id))
        except NotFound:
            return None
        return Delivery.of(found, is_whole=True)


@strawberry.type
class DeliveryMutations:
    """Part of Mutation."""

    @mutation(description="Have a delivery sent again, now, with the same id and all its attempts; also one that was delivered")
    async def retry_delivery(self, info: Info, id: strawberry.ID) -> Delivery | None:  # noqa: A002 - as callers know it
        """As REST's."""
        return Delivery.of(await info.context.parts.notification.deliveries.retry(info.context.caller, known_delivery(id)))

    @mutation(
        description="Have all that fit sent again, in the background: those DELIVERED, DEAD or DROPPED. With an Idempotency-Key the same "
        "request again tells how far it is",
        method_class=MethodClass.REPORT,
    )
    async def redrive_deliveries(self, info: Info, filter: DeliveryFilter) -> Redrive | None:  # noqa: A002 - as callers know it
        """As REST's."""
        context, chosen = info.context, checked(RedriveInput, vars(filter)).chosen()
        name = context.name_of(*info.path.as_list())
        with names_of_graphql():
            return Redrive.of(await context.parts.notification.deliveries.redrive(context.caller, chosen, request_id=name))
