"""Who was there before the release: a person who has signed in, and a program that hears of every scan."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from quietzone_client import AsyncClient, Client, Event, Kind, QuietzoneError, Reset, Summary, Tokens
from release.cluster import until
from release.flow import beside
from release.proof import Proof

EMAIL, PASSWORD = "ada@example.com", "Correct-horse-1"
HEARD_WITHIN_S = 30.0
"""For the last scans to be told."""


@dataclass(slots=True)
class Listener:
    """A program with a key of its own, which goes on where it broke off."""

    api: str
    key: str
    scans: set[str] = field(default_factory=set)
    """Ids of those that were told: one that is told twice is the same."""
    summed: int = 0
    resets: list[str] = field(default_factory=list)
    others: int = 0

    @property
    def told(self) -> int:
        """Scans, one by one or as a number."""
        return len(self.scans) + self.summed

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Until the end of the block; raises what ended it before."""
        with beside(lambda stopped: asyncio.run(self._listen(stopped))):
            yield

    async def _listen(self, stopped: threading.Event) -> None:
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(self._hear())
            await asyncio.to_thread(stopped.wait)
            hearing.cancel()

    async def _hear(self) -> None:
        async with AsyncClient(self.api, self.key) as client:
            async for told in client.stream([Kind.SCANNED, Kind.CODE_UPDATED]):
                match told:
                    case Event(kind=Kind.SCANNED, id=event_id):
                        self.scans.add(event_id)
                    case Summary(scans=scans):
                        self.summed += sum(scan.count for scan in scans)
                    case Reset(reason=reason):
                        self.resets.append(reason)
                    case _:
                        self.others += 1


@contextmanager
def listener(proof: Proof) -> Iterator[Listener]:
    """Somebody who listens from now on."""
    key = proof.ask("POST", "/v1/keys", {"name": "listener", "scopes": ["codes:read", "analytics:read"]})["secret"]
    code = proof.first_code()
    there = Listener(proof.api, key)
    with there.listening():

        def heard() -> bool:
            proof.ask("PATCH", f"/v1/codes/{code['id']}", {"title": f"{there.others}"})
            proof.ask("PATCH", f"/v1/codes/{code['id']}", {"title": "heard?"})
            return there.others > 0

        until(heard, "somebody who listens hears of a change")
        yield there


def expect_heard(proof: Proof, there: Listener, scans: int) -> None:
    """Each scan was told, or it was said that some can't be; a number may hold some twice, as events may come twice."""
    until(lambda: there.told >= scans or bool(there.resets), f"{scans} scans are told, {there.told} were", within_s=HEARD_WITHIN_S)
    said = f"who listened all the while was told of {len(there.scans)} of {scans} scans, and of {there.summed} as a number"
    proof.expect(f"{said}; told that some were missed: {there.resets or 'no'}", holds=len(there.scans) <= scans)


def signed_in(proof: Proof) -> Client:
    """Somebody who was invited by a mail, and has signed in."""
    proof.ask("POST", "/v1/members/invitations", {"email": EMAIL, "role": "editor"})
    until(lambda: _invitation(proof) is not None, "an invitation arrives by mail")
    proof.ask("POST", "/v1/auth/sign-up", {"name": "Ada", "password": PASSWORD, "invitation": _invitation(proof)})
    client = Client(proof.api, Tokens())
    client.sign_in(EMAIL, PASSWORD)
    return client


def expect_signed_in(proof: Proof, person: Client, code_id: str) -> None:
    """The session goes on: its token has ended since, and another release signs the next."""
    try:
        found = person.codes.get(code_id).id == code_id
        said = "goes on"
    except QuietzoneError as error:
        found, said = False, str(error)
    proof.expect(f"the session of somebody who signed in before all that: {said}", holds=found)


@dataclass(frozen=True, slots=True)
class Order:
    """A code that a program has asked for, and how many codes were counted by then."""

    code_id: str
    counted: int


def order(proof: Proof) -> Order:
    """A code, asked for by a name of the request."""
    code_id = _ordered(proof)
    made = len(proof.ask("GET", "/v1/codes?limit=1000")["items"])
    until(lambda: _counted(proof) >= made, f"all {made} codes are counted, by whichever replica they were made")
    return Order(code_id, _counted(proof))


def expect_made_once(proof: Proof, before: Order) -> None:
    """The same request brings the same code, whichever release is asked, and it counts once."""
    again, counted = _ordered(proof), _counted(proof)
    said = f"the request of another release brought {'its' if again == before.code_id else 'another'} code"
    proof.expect(f"{said}; codes counted: {before.counted}, then {counted}", holds=(again, counted) == (before.code_id, before.counted))


def _ordered(proof: Proof) -> str:
    body = {"destination": "https://example.com/order"}
    return str(proof.ask("POST", "/v1/codes", body, Idempotency_Key="order-1")["id"])


def _counted(proof: Proof) -> int:
    used = proof.ask("GET", "/v1/usage")["items"]
    return int(next(use["used"] for use in used if (use["unit"], use["period"]) == ("codes", "month")))


def _invitation(proof: Proof) -> str | None:
    assert proof.mailbox is not None
    texts = [text for receiver, text in proof.mailbox.texts if receiver == EMAIL]
    found = re.search(r"/invitation#token=(\S+)", "\n".join(texts))
    return None if found is None else found[1]
