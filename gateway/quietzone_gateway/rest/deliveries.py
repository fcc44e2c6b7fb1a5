"""Deliveries: what rules, topics and tests send, and what became of it."""

import base64
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.named import SAME_AGAIN, NamedRoute
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, RequestName, Services, names_of_the_api
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time, moment_ms
from quietzone_gateway.rest.times import rfc3339, rfc3339_or_none
from quietzone_gateway.rpc.notification import (
    Attempt,
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    DeliveryState,
    DestinationKind,
    Redrive,
    RedriveState,
)
from quietzone_kit.errors import NotFound

_ID = re.compile(r"[A-Za-z0-9_:-]{1,128}")
"""What ids of deliveries look like: they are the receivers' `webhook-id`."""

DELIVERY: dict[str, JsonValue] = {
    "id": CODE_ID,
    "cause": f"rule:{CODE_ID}:shop",
    "event_id": CODE_ID,
    "event_type": "QR Code Scanned",
    "kind": "webhook",
    "destination": CODE_ID,
    "state": "delivered",
    "tries": 1,
    "max_attempts": 10,
    "max_age_s": None,
    "created_at": "2026-11-21T09:30:00.125Z",
    "due_at": None,
    "ended_at": "2026-11-21T09:30:00.250Z",
    "error": None,
    "content_type": "application/json",
}
ATTEMPTED: dict[str, JsonValue] = {
    **DELIVERY,
    "attempts": [
        {"at": "2026-11-21T09:30:00.130Z", "took_ms": 120, "url": "https://example.com/hook", "status": 204, "error": None, "answer": ""}
    ],
}
OPENED: dict[str, JsonValue] = {**ATTEMPTED, "body": '{"text": "menu was scanned"}', "body_form": "text", "headers": []}
REDRIVE: dict[str, JsonValue] = {
    "id": CODE_ID,
    "state": "running",
    "begun": 300,
    "error": None,
    "created_at": "2026-11-21T09:30:00.125Z",
    "finished_at": None,
}
"""Examples; tests hold them against the models."""


class BodyForm(StrEnum):
    """How a body is shown."""

    TEXT = "text"
    BASE64 = "base64"


class AttemptView(BaseModel):
    """One attempt to send."""

    at: Time
    took_ms: int
    url: str = Field(description="Where it went: a URL, `topic:` and a topic on Kafka, or `push:` and who carries it to the device")
    status: int | None = Field(description="What the receiver answered, as HTTP or SMTP has it; null when it didn't")
    error: str | None = Field(description="What went wrong")
    answer: str = Field(description="The beginning of the answer, at most 1,024 characters")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """As it is shown."""
        return cls(
            at=rfc3339(attempt.at_ms),
            took_ms=attempt.took_ms,
            url=attempt.url,
            status=attempt.status,
            error=attempt.error,
            answer=attempt.answer,
        )


class HeaderView(BaseModel):
    """A header."""

    name: str
    value: str


class DeliveryView(BaseModel):
    """One message to one destination."""

    model_config = ConfigDict(json_schema_extra={"examples": [DELIVERY]})

    id: str = Field(description="Its receiver gets it as `webhook-id`; the same again is the same delivery")
    cause: str = Field(description="Why: `rule:<id>:<target>`, `subscription:<id>`, `test:<id>`, `mail:<kind>` or `reaction:<name>`")
    event_id: str = Field(description="The event or message that it tells of")
    event_type: str
    kind: DestinationKind
    destination: str = Field(description="A webhook's id, an address, a topic on Kafka, or whose devices")
    state: DeliveryState = Field(
        description="`pending`: to be sent, or sent again; `delivered`; `dead`: all attempts have failed, or it became too old; `dropped`: "
        "nobody tries it"
    )
    tries: int = Field(description="Attempts since it was taken, or last begun anew")
    max_attempts: int
    max_age_s: int | None = Field(description="How old it may become; null: as at the last attempt")
    created_at: Time
    due_at: Time | None = Field(description="When it is tried next")
    ended_at: Time | None
    error: str | None = Field(description="What went wrong last")
    content_type: str

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """As it is shown in a list."""
        return cls(**_shown(delivery))


class DeliveryWithAttemptsView(DeliveryView):
    """A delivery, and how it was tried."""

    model_config = ConfigDict(json_schema_extra={"examples": [ATTEMPTED]})

    attempts: list[AttemptView] = Field(description="The latest 20, oldest first")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """As it is shown where something has just been done with it."""
        return cls(**_shown(delivery), attempts=list(map(AttemptView.of, delivery.attempts)))


class DeliveryWithBodyView(DeliveryWithAttemptsView):
    """A delivery, with all that is known of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [OPENED]})

    body: str | None = Field(description="What is sent; null of a mail that asks for a confirmation")
    body_form: BodyForm | None = Field(description="`text`: as it is; `base64`, where it is no text in UTF-8")
    headers: list[HeaderView] = Field(description="Of its own; those of an endpoint are never shown")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """As it is shown alone."""
        body, form = shown_body(delivery.body)
        return cls(
            **_shown(delivery),
            attempts=list(map(AttemptView.of, delivery.attempts)),
            body=body,
            body_form=form,
            headers=[HeaderView(name=each.name, value=each.value) for each in delivery.headers],
        )


class DeliveryPageView(BaseModel):
    """One page of deliveries."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [DELIVERY], "next_cursor": None}]})

    items: list[DeliveryView] = Field(description="Newest first; a page may have fewer than `limit`, even none, and others after it")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: DeliveryPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(DeliveryView.of, page.items)), next_cursor=page.next_cursor)


class RedriveView(BaseModel):
    """How far a redrive is."""

    model_config = ConfigDict(json_schema_extra={"examples": [REDRIVE]})

    id: str
    state: RedriveState = Field(description="`done`, `dead` (it failed, `error` says why) and `cancelled` are final")
    begun: int = Field(description="How many deliveries are sent again, so far")
    error: str | None = Field(description="Why it failed, or fails for now")
    created_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, redrive: Redrive) -> Self:
        """As it is shown."""
        return cls(
            id=redrive.id,
            state=redrive.state,
            begun=redrive.begun,
            error=redrive.error,
            created_at=rfc3339(redrive.created_at_ms),
            finished_at=rfc3339_or_none(redrive.finished_at_ms),
        )


Destination = Annotated[Text | None, Field(description="Only those that go there: a webhook's id, an address, …", max_length=300)]
Cause = Annotated[
    Text | None,
    Field(description="Only those with this cause, or one that begins with it up to a colon: `rule`, `rule:<id>`", max_length=300),
]
Since = Annotated[Text | None, Field(description="Made then or later: RFC 3339, or a day in UTC", max_length=64)]
Until = Annotated[Text | None, Field(description="Made before", max_length=64)]


class DeliveryListQuery(Input):
    """Which deliveries, and which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=100)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)
    destination: Destination = None
    state: DeliveryState | None = Field(None, description="Only those in this state")
    cause: Cause = None
    since: Since = None
    until: Until = None

    def chosen(self) -> DeliveryFilter:
        """Which deliveries; raises InvalidInput."""
        since_ms, until_ms = moment_ms("since", self.since), moment_ms("until", self.until)
        return DeliveryFilter(self.destination, self.state, self.cause, since_ms, until_ms)


class RedriveInput(Input):
    """Which deliveries are sent again, of those that were made so far."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "dead", "destination": CODE_ID, "since": "2026-11-20"}]})

    state: Literal[DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.DROPPED] = Field(
        description="Only those in this state: nobody sends everything again by leaving it out"
    )
    destination: Destination = None
    cause: Cause = None
    since: Since = None
    until: Until = None

    def chosen(self) -> DeliveryFilter:
        """Which deliveries; raises InvalidInput."""
        since_ms, until_ms = moment_ms("since", self.since), moment_ms("until", self.until)
        return DeliveryFilter(self.destination, self.state, self.cause, since_ms, until_ms)


router = APIRouter(prefix="/v1/deliveries", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["deliveries"])
redrives = APIRouter(prefix="/v1/deliveries", route_class=NamedRoute, dependencies=DESCRIBED_SECURITY, tags=["deliveries"])

ROUTERS = (router, redrives)

DeliveryId = Annotated[str, Path(description="The delivery's id", examples=[CODE_ID])]

# The service's fields by the names that callers of the API know.
_NAMES = {
    "page_size": "limit",
    "page_token": "cursor",
    "filter.destination": "destination",
    "filter.state": "state",
    "filter.cause": "cause",
}


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_deliveries(query: Annotated[DeliveryListQuery, Query()], parts: Services, caller: CallerNow) -> DeliveryPageView:
    """The account's deliveries, newest first; what has ended is kept for 7 days, unless the installation has others."""
    with names_of_the_api(_NAMES):
        page = await parts.notification.deliveries.page(caller, query.chosen(), limit=query.limit, cursor=query.cursor)
    return DeliveryPageView.of(page)


@router.get("/{delivery_id}", responses=problems(401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_delivery(delivery_id: DeliveryId, parts: Services, caller: CallerNow) -> DeliveryWithBodyView:
    """One delivery, with its body and its latest attempts."""
    return DeliveryWithBodyView.of(await parts.notification.deliveries.get(caller, known_delivery(delivery_id)))


@router.post("/{delivery_id}/retry", status_code=202, responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_WRITE))
async def retry_delivery(delivery_id: DeliveryId, parts: Services, caller: CallerNow) -> DeliveryWithAttemptsView:
    """Have a delivery sent again, now, with the same id and all its attempts; also one that was delivered."""
    return DeliveryWithAttemptsView.of(await parts.notification.deliveries.retry(caller, known_delivery(delivery_id)))


@redrives.post(
    "/redrive",
    status_code=202,
    dependencies=[SAME_AGAIN],
    responses=problems(400, 401, 403, 413, 415, 422),
    openapi_extra=scoped(CODES_WRITE),
)
async def redrive_deliveries(body: RedriveInput, parts: Services, caller: CallerNow, name: RequestName) -> RedriveView:
    """Have all that fit sent again, in the background; never what asks strangers for a confirmation. With an Idempotency-Key the same
    request again tells how far it is.
    """
    with names_of_the_api(_NAMES):
        return RedriveView.of(await parts.notification.deliveries.redrive(caller, body.chosen(), request_id=name))


def known_delivery(given: str) -> str:
    """The id of a delivery, as the service may be asked for it.

    Raises:
        NotFound: no id looks like that.
    """
    if not _ID.fullmatch(given):
        raise NotFound("there is no delivery with this id")
    return given


def shown_body(body: bytes | None) -> tuple[str | None, BodyForm | None]:
    """A body as JSON can hold it, and how it is to be read."""
    if body is None:
        return None, None
    try:
        return body.decode(), BodyForm.TEXT
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), BodyForm.BASE64


def _shown(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "cause": delivery.cause,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "kind": delivery.kind,
        "destination": delivery.destination,
        "state": delivery.state,
        "tries": delivery.tries,
        "max_attempts": delivery.max_attempts,
        "max_age_s": None if delivery.max_age_ms is None else delivery.max_age_ms // 1000,
        "created_at": rfc3339(delivery.created_at_ms),
        "due_at": rfc3339_or_none(delivery.due_at_ms),
        "ended_at": rfc3339_or_none(delivery.ended_at_ms),
        "error": delivery.error,
        "content_type": delivery.content_type,
    }
