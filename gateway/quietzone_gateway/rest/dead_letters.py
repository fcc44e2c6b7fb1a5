"""Events that reactions gave up: for operators to look at, to have handled again, or to drop."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from quietzone_gateway.dead_letters import Reaction
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.operating import Operator
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_kit.reaction import Letter, Summary, Which

READING: dict[str, JsonValue] = {
    "topic": "qr.code.v1",
    "group": "qr-health",
    "letters": 2,
    "oldest_at": "2026-11-21T09:30:00.125Z",
    "errors": {"Unreadable": 2},
}
LETTER: dict[str, JsonValue] = {
    "id": "3-812-0",
    "key": CODE_ID,
    "event_id": f"{CODE_ID}.4",
    "event_type": "quietzone.qr.code",
    "error": "Unreadable",
    "reason": "not a quietzone.qr.v1.CodeEvent",
    "attempts": 1,
    "redrives": 0,
    "bytes": 412,
    "died_at": "2026-11-21T09:30:00.125Z",
}
"""Examples; tests hold them against the models."""

MAX_IDS = 100
"""As many as a page has."""


class ReadingView(BaseModel):
    """A reaction, with what waits of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [READING]})

    topic: str = Field(description="The topic that it reads")
    group: str = Field(description="Its name on the bus")
    letters: int = Field(description="How many wait")
    oldest_at: Time | None = Field(description="When the first of them died")
    errors: dict[str, int] = Field(description="How many died of which class of error")

    @classmethod
    def of(cls, reaction: Reaction, summary: Summary) -> Self:
        """As it is shown."""
        oldest = None if summary.oldest_ms is None else rfc3339(summary.oldest_ms)
        return cls(topic=reaction.topic, group=reaction.group, letters=summary.total, oldest_at=oldest, errors=dict(summary.by_error))


class ReadingsView(BaseModel):
    """All reactions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [READING]}]})

    items: list[ReadingView] = Field(description="By topic")


class LetterView(BaseModel):
    """An event that a reaction gave up."""

    model_config = ConfigDict(json_schema_extra={"examples": [LETTER]})

    id: str = Field(description="Its partition, its offset, and how often it was redriven")
    key: str = Field(description="Such as a code's id")
    event_id: str | None
    event_type: str | None
    error: str = Field(description="The class of the error that it died of")
    reason: str = Field(description="What that said, without secrets")
    attempts: int = Field(description="How often it was tried")
    redrives: int = Field(description="How often it was sent back before")
    bytes: int = Field(description="Of its data")
    died_at: Time

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """As it is shown."""
        told = dict(letter.headers)
        return cls(
            id=letter.letter_id,
            key=letter.key,
            event_id=_text(told.get("ce_id")),
            event_type=_text(told.get("ce_type")),
            error=letter.death.error,
            reason=letter.death.reason,
            attempts=letter.death.attempts,
            redrives=letter.origin.redrives,
            bytes=len(letter.value),
            died_at=rfc3339(letter.death.time_ms),
        )


class LetterPageView(BaseModel):
    """One page of letters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [LETTER], "next_cursor": None}]})

    items: list[LetterView] = Field(description="In the order in which they died")
    next_cursor: int | None = Field(description="Give it back as `cursor` for the next page; null when there is none")


class LettersQuery(Input):
    """Which letters."""

    error: Text | None = Field(None, description="Only those that died of this class of error", max_length=200)
    key: Text | None = Field(None, description="Only those of this key", max_length=500)
    limit: int = Field(20, description="How many at most", ge=1, le=MAX_IDS)
    cursor: int | None = Field(None, description="`next_cursor` of the page before", ge=0, le=2**63 - 1)


LetterId = Annotated[str, Field(pattern="^[0-9]{1,10}-[0-9]{1,19}-[0-9]{1,10}$")]
"""As `id` of a letter: partition, offset, and how often it was sent back. Of a hundred the audit log has room for each."""


class LettersInput(Input):
    """Which letters are meant: all that is given must fit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"error": "Unreadable"}, {"ids": ["3-812-0"]}, {"all": True}], "minProperties": 1}
    )

    error: Text | None = Field(None, description="Those that died of this class of error", max_length=200)
    key: Text | None = Field(None, description="Those of this key", max_length=500)
    ids: list[LetterId] | None = Field(None, description="These", min_length=1, max_length=MAX_IDS)
    all: bool = Field(False, description="Every one that waits; then nothing else is given")

    @model_validator(mode="after")
    def _said(self) -> Self:
        if self.all == any(given is not None for given in (self.error, self.key, self.ids)):
            raise ValueError("say which: error, key or ids, or all")
        return self

    def which(self) -> Which:
        """As the desk has it."""
        return Which(self.error, self.key, None if self.ids is None else frozenset(self.ids))


class SettledView(BaseModel):
    """What became of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"letters": 2}]})

    letters: int = Field(description="How many were meant, and wait no more")


router = APIRouter(prefix="/v1/operator/dead-letters", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

Topic = Annotated[str, Path(description="The topic that the reaction reads", max_length=100, examples=["qr.code.v1"])]
Group = Annotated[str, Path(description="The reaction's name on the bus", max_length=100, examples=["qr-health"])]


@router.get("", responses=problems(401, 403))
async def list_dead_letters(parts: Services, _operator: Operator) -> ReadingsView:
    """All reactions, with how many events each gave up. They wait for 30 days."""
    return ReadingsView(items=[ReadingView.of(reaction, summary) for reaction, summary in await parts.dead_letters.summaries()])


@router.get("/{topic}/{group}", responses=problems(400, 401, 403, 404))
async def get_dead_letters(
    topic: Topic, group: Group, query: Annotated[LettersQuery, Query()], parts: Services, _operator: Operator
) -> LetterPageView:
    """Events that a reaction gave up, in the order in which they died."""
    page = await parts.dead_letters.page(Reaction(topic, group), Which(query.error, query.key), limit=query.limit, after=query.cursor)
    return LetterPageView(items=list(map(LetterView.of, page.letters)), next_cursor=page.cursor)


@router.post("/{topic}/{group}/redrive", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def redrive_dead_letters(topic: Topic, group: Group, body: LettersInput, parts: Services, operator: Operator) -> SettledView:
    """Send events back to the reaction that gave them up, and to no other, in order. What is cut off may be asked for again."""
    return SettledView(letters=await parts.dead_letters.redrive(Reaction(topic, group), body.which(), operator.actor))


@router.post("/{topic}/{group}/drop", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def drop_dead_letters(topic: Topic, group: Group, body: LettersInput, parts: Services, operator: Operator) -> SettledView:
    """Have events wait no more: they are never handled."""
    return SettledView(letters=await parts.dead_letters.drop(Reaction(topic, group), body.which(), operator.actor))


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("utf-8", "replace")
