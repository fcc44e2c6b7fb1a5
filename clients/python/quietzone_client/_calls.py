"""How calls are made: who calls, what is sent again, what an answer means. Written once, for both transports."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import httpx

from quietzone_client._auth import Auth
from quietzone_client._errors import NoAnswer, NotFound, QuietzoneError, RenewalLost, UnexpectedAnswer, problem_in
from quietzone_client._models import Page
from quietzone_client._requests import Answer, Call, Request
from quietzone_client._retries import Retries, leaves_doubt, was_not_begun
from quietzone_client._runtime import Runtime
from quietzone_client._transports import Arriving, Transport

T = TypeVar("T")

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Of an answer that is read whole: a page of 1,000 codes is 6 MB at most. Files and rows are read in parts."""

MAX_ARRIVAL_S = 60.0
"""For all of it, once it has begun: 6 MB at 1 Mbit/s."""

NO_CONTENT = Answer(204, {}, b"")


class Tries:
    """The attempts of one call: how many there were, for how long, and whether one may have been done."""

    def __init__(self, retries: Retries, runtime: Runtime) -> None:
        self._retries = retries
        self._runtime = runtime
        self._attempt = 0
        self._began_s = runtime.monotonic_s()
        self.in_doubt = False

    def wait_s(self, error: QuietzoneError, *, can_repeat: bool = True) -> float:
        """Seconds until the next attempt; raises the error when there is none."""
        self._attempt += 1
        spent_s = self._runtime.monotonic_s() - self._began_s
        wait_s = self._retries.wait_s(error, attempt=self._attempt, spent_s=spent_s, uniform=self._runtime.uniform)
        if wait_s is None or not (can_repeat or was_not_begun(error)):
            raise error
        self.in_doubt = self.in_doubt or leaves_doubt(error)
        return wait_s

    def begin_anew(self) -> None:
        """Something was got: whatever fails from now on fails for the first time."""
        self._attempt = 0
        self._began_s = self._runtime.monotonic_s()


class Calls:
    """Makes calls for one caller."""

    def __init__(self, transport: Transport, auth: Auth, retries: Retries, runtime: Runtime) -> None:
        self.transport = transport
        self.runtime = runtime
        self.auth = auth
        self._retries = retries

    async def make(self, call: Call[T]) -> T:
        """The result of a call.

        Raises:
            QuietzoneError: as the tree says, when no further attempt is worth it.
        """
        request, tries = call.request.named(self.runtime.name), self.tries()
        while True:
            try:
                return call.read(await self._whole(request))
            except QuietzoneError as error:
                if call.gone_is_done and tries.in_doubt and isinstance(error, NotFound):
                    return call.read(NO_CONTENT)
                wait_s = tries.wait_s(error, can_repeat=request.can_repeat)
            await self.transport.sleep(wait_s)

    async def pages(self, page: Callable[[str | None], Call[Page[T]]]) -> AsyncGenerator[T, None]:
        """All items of a list; `page` asks for the one at a cursor."""
        cursor: str | None = None
        while True:
            found = await self.make(page(cursor))
            for item in found.items:
                yield item
            cursor = found.next_cursor
            if cursor is None:
                return

    @asynccontextmanager
    async def arriving(self, request: Request) -> AsyncGenerator[Arriving, None]:
        """An answer that is read in parts, after one attempt, or two when who calls had to be renewed.

        Raises:
            QuietzoneError: there is none, or it is a problem.
        """
        if not request.needs_caller:
            async with self.transport.send(request) as answer:
                await self._check(answer)
                yield answer
                return
        authorization = await self.authorization(refused=None)
        async with self.transport.send(request.with_headers(authorization=authorization)) as answer:
            if answer.status != httpx.codes.UNAUTHORIZED or not self.can_renew:
                await self._check(answer)
                yield answer
                return
        authorization = await self.authorization(refused=authorization)
        async with self.transport.send(request.with_headers(authorization=authorization)) as answer:
            await self._check(answer)
            yield answer

    @property
    def can_renew(self) -> bool:
        """Whether who calls can be renewed."""
        return self.auth.renewal() is not None

    def tries(self) -> Tries:
        """The attempts of a call that begins now."""
        return Tries(self._retries, self.runtime)

    async def _whole(self, request: Request) -> Answer:
        async with self.arriving(request) as answer:
            return await self._read(answer)

    async def authorization(self, *, refused: str | None) -> str:
        """Who calls; another than was `refused`, if that can be had.

        Raises:
            QuietzoneError: it couldn't be renewed.
        """
        if (known := self._usable(refused)) is not None:
            return known
        async with self.transport.lock():
            if (known := self._usable(refused)) is not None:
                return known  # whoever had the lock before has renewed it
            await self._renew()
        return self.auth.authorization(self.runtime.now_s()) or ""

    def _usable(self, refused: str | None) -> str | None:
        known = self.auth.authorization(self.runtime.now_s())
        return known if known != refused else None

    async def _renew(self) -> None:
        renewal, tries = self.auth.renewal(), self.tries()
        if renewal is None:
            return
        call = Call(replace(renewal, needs_caller=False), lambda answer: self.auth.renew(answer, self.runtime.now_s()))
        while True:
            try:
                call.read(await self._whole(call.request))
                return
            except QuietzoneError as error:
                if leaves_doubt(error) and not renewal.can_repeat:
                    raise RenewalLost(f"{error}; whether the tokens were renewed is not known") from error
                wait_s = tries.wait_s(error)
            await self.transport.sleep(wait_s)

    async def _check(self, answer: Arriving) -> None:
        """Raises the problem that an answer is."""
        if answer.status >= httpx.codes.BAD_REQUEST:
            body = (await self._read(answer)).body
            raise problem_in(answer.status, answer.headers, body)
        if answer.status >= httpx.codes.MULTIPLE_CHOICES:
            raise UnexpectedAnswer(f"{answer.status} to {answer.headers.get('location', 'nowhere')}: give the API's own address")

    async def _read(self, answer: Arriving) -> Answer:
        parts: list[bytes] = []
        size, ends_s = 0, self.runtime.monotonic_s() + MAX_ARRIVAL_S
        async with aclosing(answer.parts()) as arriving:
            async for part in arriving:
                parts.append(part)
                size += len(part)
                if size > MAX_ANSWER_BYTES:
                    raise UnexpectedAnswer(f"an answer of more than {MAX_ANSWER_BYTES:,} bytes")
                if self.runtime.monotonic_s() > ends_s:
                    raise NoAnswer(f"an answer that takes more than {MAX_ARRIVAL_S:.0f} s to arrive", sent=True)
        return Answer(answer.status, answer.headers, b"".join(parts))
