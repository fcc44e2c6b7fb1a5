"""Generated requests, right and wrong ones, to every address of the API: no answer is a 5xx, and each is as the description says.

They go to the application itself, in this process and on one loop, and the API's own services stand behind it (`World`). A good share
names things that exist, which chance alone would never hit.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import httpx
import requests
import schemathesis
from contract.gateway.asking import told
from contract.gateway.test_graphql_generated import DOCUMENTS
from fuzz.world import MEANT, World, opened
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE_URL = "http://api"
GRAPHQL = "POST /graphql"
BULK = "POST /v1/codes/bulk"
TAIL = "GET /v1/events/tail"
"""Doesn't come to the API, and never ends: contract/gateway/test_live_tail."""
TELL_EVERY = 50
"""Requests between two times that the bus hears of what they changed; each changes something once."""

MOST_FAULTS = 100
"""That are told; whoever has more mends these first."""

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")

OF_A_PERSON = ("/v1/me", "/v1/auth", "/v1/account", "/v1/invitations")
"""Addresses that are about who has signed in."""

SENDERS = {True: ("person",) * 7 + ("guest", "key", "nobody"), False: ("key",) * 7 + ("person", "guest", "nobody")}
"""Who sends a request, in tenths, by whether its address is about a person."""

T = TypeVar("T")


@schemathesis.serializer("application/x-ndjson")
def rows(_context: object, value: object) -> bytes:
    """A text as it is, anything else as a row."""
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode()


@dataclass
class Outcome:
    """What came of it: answers by address and status, and what was wrong with some."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    wrong: dict[tuple[str, str], str] = field(default_factory=dict)
    worlds: int = 0
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        """How many requests were sent."""
        return sum(sum(counted.values()) for counted in self.answers.values())

    def faults(self) -> str:
        """What was wrong, each kind of fault of an address once, with the request that shows it."""
        return "\n\n".join(self.wrong.values())


class Chance:
    """What one number of Hypothesis decides about a request that its schema doesn't."""

    def __init__(self, luck: int) -> None:
        self._luck = luck

    def of(self, name: str, count: int) -> int:
        """A number below `count`, another one for each name."""
        return crc32(f"{self._luck} {name}".encode()) % count

    def one(self, name: str, choices: Sequence[T]) -> T:
        """One of several."""
        return choices[self.of(name, len(choices))]


class Fuzz:
    """Sends generated requests; a world in which they have locked themselves out is replaced by a new one."""

    def __init__(self, chance: int = 1) -> None:
        self.outcome = Outcome()
        self._seed = chance
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._rows: deque[Any] = deque(maxlen=64)
        self._renew()
        description = self._runner.run(self._world.api.http.get("/openapi.json")).json()
        config = schemathesis.Config.from_dict({"generation": {"deterministic": True}})
        schema = schemathesis.openapi.from_dict(description, config=config)
        found: list[APIOperation] = [result.ok() for result in schema.get_all_operations()]
        self._operations = {each.label: each for each in found if each.label != TAIL}

    @property
    def addresses(self) -> list[str]:
        """All addresses, such as `GET /v1/codes`: first what makes things, last what removes them."""
        rest = self._operations.keys() - {BULK}
        return [*sorted(rest, key=lambda address: (METHODS.index(address.partition(" ")[0]), address)), GRAPHQL, BULK]

    def close(self) -> None:
        """End the world."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def send(self, addresses: Sequence[str], cases: int) -> None:
        """Send `cases` requests, about as many to each address."""
        began, aim = time.monotonic(), self.outcome.cases + cases
        batches = [(address, mode) for address in addresses for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
        attempt = 0
        while self.outcome.cases < aim:  # a second time for what addresses left that take nothing wrong
            for at, (address, mode) in enumerate(batches):
                left = aim - self.outcome.cases
                self._try(address, mode, -(-left // (len(batches) - at)), attempt)
            attempt += 1
        self.outcome.seconds += time.monotonic() - began

    def _try(self, address: str, mode: GenerationMode, cases: int, attempt: int) -> None:
        if cases < 1:
            return
        chance = crc32(f"{self._seed} {attempt} {address} {mode.value}".encode())
        made = DOCUMENTS if address == GRAPHQL else self._operations[address].as_strategy(generation_mode=mode)

        @seed(chance)
        @settings(max_examples=cases, deadline=None, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
        @given(case=made, luck=st.integers(0, 2**32 - 1))
        def send(case: Any, luck: int) -> None:
            if isinstance(case, str):
                self._ask(case, Chance(luck))
            else:
                self._request(case, Chance(luck), is_right=mode is GenerationMode.POSITIVE)

        try:
            send()
        except Unsatisfiable:
            return  # it takes nothing that could be wrong

    def _request(self, case: Case, chance: Chance, *, is_right: bool) -> None:
        address = case.operation.label
        if address == BULK and self._rows and chance.of("rows", 4):
            case.body = self._some_rows(chance)
        named = self._name_what_exists(case, chance, is_right=is_right)
        if is_right and isinstance(case.body, dict) and case.path.startswith("/v1/codes"):
            self._rows.append(dict(case.body))
        sent = requests.Request(**_with_more(case.as_transport_kwargs(base_url=BASE_URL), chance)).prepare()
        answer = self._answer(sent, address, chance, is_about_person=case.path.startswith(OF_A_PERSON))
        try:
            case.validate_response(_as_schemathesis_has_it(answer, sent), checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self._wrong(address, f"{failure}", sent, answer)
        if address == BULK and answer.status_code == 200 and (bad := [line for line in answer.text.splitlines() if '"status":5' in line]):
            self._wrong(address, f"a row failed by a fault of ours: {bad[0]}", sent, answer)
        if answer.status_code == 204 or "token" in named:
            self._world.used(named.items() if answer.is_success else ())
        if answer.is_success and answer.content and answer.headers.get("content-type", "").startswith("application/json"):
            self._world.learn(case.path, answer.json())

    def _ask(self, document: str, chance: Chance) -> None:
        sent = requests.Request("POST", f"{BASE_URL}/graphql", json={"query": document}).prepare()
        answer = self._answer(sent, GRAPHQL, chance, is_about_person=False)
        if answer.status_code >= 500:
            self._wrong(GRAPHQL, f"{answer.status_code}", sent, answer)
        elif answer.headers["content-type"].startswith("application/json") and "INTERNAL" in told(answer).codes:
            self._wrong(GRAPHQL, "INTERNAL", sent, answer)

    def _answer(self, sent: requests.PreparedRequest, address: str, chance: Chance, *, is_about_person: bool) -> httpx.Response:
        """The answer to a request of somebody, from an address of his own, so that none is refused for what others do."""
        sender = chance.one("sender", SENDERS[is_about_person])
        place = ".".join(["10", *(str(chance.of(f"place {part}", 256)) for part in range(3))])
        if sender != "nobody":
            sent.headers.pop("x-api-key", None)  # what a schema makes of it is wrong whatever it is
        sent.headers.update({"x-forwarded-for": place, **self._world.headers[sender]})
        answer = self._runner.run(self._world.api.http.request(sent.method or "", sent.url or "", content=sent.body, headers=sent.headers))
        counted = self.outcome.answers.setdefault(address, Counter())
        counted[answer.status_code] += 1
        if self._world.is_spent or (sender != "nobody" and _is_locked_out(answer, address) and chance.of("renew", 4) == 0):
            self._renew()
        elif self.outcome.cases % TELL_EVERY == 0:
            self._runner.run(self._world.tell())
        return answer

    def _renew(self) -> None:
        self._runner.run(self._stack.aclose())
        self._world: World = self._runner.run(opened(self._stack))
        self.outcome.worlds += 1

    def _some_rows(self, chance: Chance) -> str:
        """A bulk of rows that other requests had as bodies: codes to make, change and delete."""
        found = []
        for number in range(1 + chance.of("count", 5)):
            row = dict(chance.one(f"row {number}", self._rows))
            op = chance.one(f"op {number}", ("create", "create", "update", "delete"))
            if op != "create":
                row = ({} if op == "delete" else row) | {"id": chance.one(f"id {number}", self._world.known["code_id"])}
            found.append(json.dumps(row | {"op": op}))
        return "\n".join(found)

    def _name_what_exists(self, case: Case, chance: Chance, *, is_right: bool) -> dict[str, Any]:
        """In seven of ten places for which there is a value that exists, have it stand there; in wrong bodies the fault stays.

        Returns what it has put where.
        """
        named: dict[str, Any] = {}
        places = [case.path_parameters, case.query]
        if is_right:
            places += [case.headers, case.body]
        for place in places:
            if isinstance(place, NotSet) or not hasattr(place, "items"):
                continue
            for name in list(place):
                meant = MEANT.get((case.path, name), name)
                if (known := self._world.known.get(meant.lower())) and chance.of(f"known {name}", 10) < 7:
                    place[name] = named[meant] = chance.one(f"which {name}", known)
        return {name: value for name, value in named.items() if name == "token" or name.endswith("_id")}

    def _wrong(self, address: str, what: str, sent: requests.PreparedRequest, answer: httpx.Response) -> None:
        place = address, f"{what[:80]} {answer.status_code}"
        if place not in self.outcome.wrong and len(self.outcome.wrong) < MOST_FAULTS:
            headers = "".join(f"\n  {name}: {value}" for name, value in sent.headers.items())
            request = f"  {sent.method} {sent.url}{headers}\n\n  {sent.body!r}"
            self.outcome.wrong[place] = f"{address}: {what}\n{request}\n\n  was answered {answer.status_code} {answer.text[:2000]}"


def _is_locked_out(answer: httpx.Response, address: str) -> bool:
    """Whether it says that the sender can do nothing any more: he has signed out, left his account, or changed the plan of all."""
    if answer.status_code == 401:
        return address not in ("POST /v1/auth/sign-in", "POST /v1/auth/refresh")
    return answer.status_code == 429 or (answer.status_code == 403 and "in no account" in answer.text)


def _with_more(given: dict[str, Any], chance: Chance) -> dict[str, Any]:
    """With what any request may have, whether its address takes it or not, and some do: a key against repetition, an unknown query."""
    more = chance.of("more", 20)
    if more == 0:
        given["headers"] = {**(given.get("headers") or {}), "Idempotency-Key": chance.one("key", ("first", "second", ""))}
    if more == 1:
        given["params"] = {**(given.get("params") or {}), "unknown": "1"}
    if more == 2:
        given["headers"] = {**(given.get("headers") or {}), "x-no-compression": "1", "Range": "bytes=0-10"}
    return given


def _as_schemathesis_has_it(answer: httpx.Response, sent: requests.PreparedRequest) -> Response:
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers.multi_items():
        headers.setdefault(name, []).append(value)
    return Response(answer.status_code, headers, answer.content, sent, elapsed=0.0, verify=True, encoding=answer.encoding)


@contextmanager
def fuzzing(chance: int = 1) -> Iterator[Fuzz]:
    """A world to send requests to."""
    fuzz = Fuzz(chance)
    try:
        yield fuzz
    finally:
        fuzz.close()
