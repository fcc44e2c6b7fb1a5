"""Codes for tests, and a store of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import strategies as st
from ports import Inline

from quietzone.qr.v1.code_pb2 import CodeEvent
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.outbox import waiting
from quietzone_kit.runtime import SystemRandomness
from quietzone_qr.codes import batches, use_cases
from quietzone_qr.codes.domain import (
    NOBODY,
    AccountId,
    Act,
    Change,
    Code,
    CodeId,
    Draft,
    ScanBase,
    State,
    issue,
    parse_destination,
    parse_slug,
)
from quietzone_qr.codes.listing import Filter, Order, Question
from quietzone_qr.codes.repository import CODES, COLLECTIONS, Codes
from quietzone_qr.codes.requests import Edit, NewCode, Target
from quietzone_qr.codes.texts import parse_folder, parse_tags, parse_title
from quietzone_qr.rendering import Gate, Renderer

SCAN = ScanBase.parse("https://q.example")
OURS, OTHERS = AccountId("ours"), AccountId("others")
BORN_MS = 1_772_445_600_000

DESTINATIONS = ("https://example.com/", "https://example.com/menu", "http://example.org/?a=1#b")
TITLES = ("", "Menu", "Menü, Tisch 4")


def code(*, slug: str = "menu", destination: str = DESTINATIONS[0], title: str = "Menu") -> Code:
    """A code of revision 1."""
    code_id = CodeId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01")
    draft = Draft(code_id, OURS, None, parse_destination(destination, SCAN), parse_title(title))
    return issue(draft, parse_slug(slug), SCAN, BORN_MS)


CHANGES = st.builds(
    Change,
    destination=st.none() | st.sampled_from(DESTINATIONS).map(lambda text: parse_destination(text, SCAN)),
    title=st.none() | st.sampled_from(TITLES).map(parse_title),
    state=st.none() | st.sampled_from([State.ACTIVE, State.PAUSED]),
    tags=st.none() | st.sampled_from([(), ("red",), ("blue", "red")]).map(parse_tags),
    folder=st.none() | st.sampled_from(["", "Menus/2026"]).map(parse_folder),
)


class StepClock:
    """A clock that goes on by a millisecond whenever somebody looks."""

    def __init__(self) -> None:
        self._now_ms = BORN_MS

    def now_ms(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000


class Desk:
    """The use cases with their ports, for an account of ours unless told otherwise."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.woken = 0
        self.codes = Codes(documents, self._wake)
        self.renderer = Renderer(Inline(), Gate())
        self.clock = StepClock()
        self.randomness = SystemRandomness()

    async def create(self, destination: str = DESTINATIONS[0], *, account_id: AccountId = OURS, act: Act = NOBODY, **wanted: Any) -> Code:
        new = NewCode(**({"destination": destination, "title": "", "slug": None} | wanted))
        issued = await use_cases.create_code(
            self.codes, self.renderer, self.clock, self.randomness, scan=SCAN, account_id=account_id, new=new, act=act
        )
        return issued.code

    async def create_many(self, *new: NewCode, account_id: AccountId = OURS, act: Act = NOBODY) -> list[batches.Ended]:
        ended = await self.issue_many(*new, account_id=account_id, act=act)
        return [one.code if isinstance(one, use_cases.Issued) else one for one in ended]

    async def issue_many(self, *new: NewCode, account_id: AccountId = OURS, act: Act = NOBODY) -> list[batches.Creation]:
        return await batches.create_codes(
            self.codes, self.renderer, self.clock, self.randomness, scan=SCAN, account_id=account_id, new=new, act=act
        )

    async def listed(self, *, limit: int = 100, account_id: AccountId = OURS, order: Order | None = None, **chosen: Any) -> list[Code]:
        question = Question(limit, chosen=Filter(**chosen), order=order)
        return list((await use_cases.list_codes(self.codes, account_id=account_id, question=question)).codes)

    async def block(self, target: Target, reason: str = "phishing", *, blocked: bool = True) -> Code:
        return await use_cases.block_code(self.codes, self.clock, target=target, act=Act("user:op", reason), blocked=blocked)

    async def get(self, code_id: str, *, account_id: AccountId = OURS) -> Code:
        return await use_cases.get_code(self.codes, account_id=account_id, code_id=code_id)

    async def update(
        self,
        code_id: str,
        *,
        expected_revision: int | None = None,
        account_id: AccountId = OURS,
        act: Act = NOBODY,
        **wanted: Any,
    ) -> Code:
        return await use_cases.update_code(
            self.codes,
            self.clock,
            scan=SCAN,
            account_id=account_id,
            code_id=code_id,
            edit=Edit(**wanted),
            expected_revision=expected_revision,
            act=act,
        )

    async def delete(self, code_id: str, *, expected_revision: int | None = None, account_id: AccountId = OURS) -> None:
        await use_cases.delete_code(
            self.codes, self.clock, account_id=account_id, code_id=code_id, expected_revision=expected_revision, act=NOBODY
        )

    async def events(self, code_id: str) -> list[CodeEvent]:
        """What waits in the code's outbox, oldest first."""
        stored = await self.documents.get(CODES, code_id)
        assert stored is not None
        return [CodeEvent.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]

    def _wake(self) -> None:
        self.woken += 1


@asynccontextmanager
async def opened_desk() -> AsyncIterator[Desk]:
    """A desk with an empty store of its own."""
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(*COLLECTIONS)
    yield Desk(documents)
    await documents.close()
