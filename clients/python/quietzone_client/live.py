"""Live updates over one WebSocket, for those who subscribe and unsubscribe as they go. On an event loop only; it needs
`websockets`, which `pip install quietzone-client[live]` brings.

Nothing runs beside the caller's own tasks: whoever waits for something, an event or an answer, takes in what comes for all.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from quietzone_client._calls import Calls
from quietzone_client._errors import Disconnected, NoAnswer, Problem, QuietzoneError, Unauthenticated, UnexpectedAnswer, problem, problem_in
from quietzone_client._models import Json
from quietzone_client._stream import SILENCE_S, Reconnects, Returns, after_s, object_in
from quietzone_client._told import Notice, Told, Watch, told_of
from quietzone_client._transports import USER_AGENT

OPEN_S = 10.0
"""For a connection to be there and to say so."""

CLOSE_S = 2.0
"""For the other side to say goodbye too."""

ANSWER_S = 15.0
"""For a subscription to begin: above the 10 s that the server gives it."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""A summary has 250 KB at most."""

MAX_WAITING = 10_000
"""Events that wait for a reader while somebody else takes in messages; 10 MB."""


class Live:
    """A live connection: `async with` opens and closes it, `async for` gives what happens.

    It is opened again when it breaks off, and all subscriptions go on where they were. Tasks may share it; one of them reads.
    """

    def __init__(self, calls: Calls, address: str, reconnects: Reconnects) -> None:
        self._calls = calls
        self._address = address
        self._returns = Returns(reconnects, calls.runtime, can_renew=calls.can_renew)
        self._socket: ClientConnection | None = None
        self._watches: dict[str, Watch] = {}
        self._cursors: dict[str, str | None] = {}
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._waiting: deque[Told | Problem] = deque()
        self._taking = asyncio.Lock()
        self._over: QuietzoneError | None = None
        self._named = 0

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        """What happens next; ends when this side disconnects.

        Raises:
            Problem: a subscription couldn't go on after the connection had broken off; the others do.
            QuietzoneError: the connection has ended for good.
        """
        try:
            await self._take_in_until(lambda: bool(self._waiting))
        except _Closed:
            raise StopAsyncIteration from None
        told = self._waiting.popleft()
        if isinstance(told, Problem):
            raise told
        return told

    async def connect(self) -> None:
        """Open the connection; `async with` does it.

        Raises:
            QuietzoneError: it can't be opened.
        """
        self._over = None
        async with self._taking:
            await self._come_back(0.0)

    async def subscribe(
        self,
        kinds: Sequence[str] | None = None,
        *,
        code_ids: Sequence[str] = (),
        task_ids: Sequence[str] = (),
        state: str | None = None,
        tag: str | None = None,
        folder: str | None = None,
        cursor: str | None = None,
    ) -> str:
        """Begin a subscription as `Watch` says; its id, which its events bear.

        Raises:
            Problem: the server refuses it.
        """
        self._named += 1
        name = f"s{self._named}"
        watch = Watch(kinds, code_ids, task_ids, state, tag, folder, cursor)
        self._watches[name], self._cursors[name] = watch, cursor
        self._answers[name] = answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.send("subscribe", watch.message(name, cursor))
                await self._take_in_until(answer.done)
            answer.result()
        except TimeoutError as error:
            self._forget(name)
            raise NoAnswer(f"{self._address} doesn't say that a subscription has begun", sent=True) from error
        except (QuietzoneError, asyncio.CancelledError):
            self._forget(name)
            raise
        finally:
            self._answers.pop(name, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at, so that nobody complains
        return name

    async def unsubscribe(self, subscription: str) -> None:
        """End a subscription: nothing of it is told any more."""
        if subscription in self._watches:
            self._forget(subscription)
            self._waiting = deque(told for told in self._waiting if getattr(told, "subscription", "") != subscription)
            await self.send("unsubscribe", {"id": subscription})

    async def send(self, kind: str, data: Json) -> None:
        """Say something as the protocol has it, such as `ping`. What is lost with a connection isn't said again."""
        if self._over is not None:
            raise self._over
        if self._socket is None:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._socket.send(json.dumps({"type": kind, "data": data}))
        except (OSError, TimeoutError, ConnectionClosed):
            return  # whoever takes in messages next hears of it, and opens it again

    async def disconnect(self) -> None:
        """Close the connection; `async with` does it."""
        self._over = _Closed()
        await self._hang_up()

    def _forget(self, subscription: str) -> None:
        self._watches.pop(subscription, None)
        self._cursors.pop(subscription, None)

    async def _take_in_until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            async with self._taking:
                if not holds():
                    await self._take_in()

    async def _take_in(self) -> None:
        """One message; whatever ends the connection for good ends it for all."""
        if self._over is not None:
            raise self._over
        try:
            await self._take_in_or_come_back()
        except QuietzoneError as error:
            self._over = self._over or error
            raise

    async def _take_in_or_come_back(self) -> None:
        try:
            kind, data = await self._received(self._socket)
        except NoAnswer as error:
            await self._come_back(self._returns.wait_s(error))
            return
        if kind == "reconnect":
            await self._come_back(after_s(data))
        elif kind == "bye":
            await self._come_back(self._returns.wait_s(Disconnected(str(data.get("reason", "")))))
        else:
            self._hear(kind, data)

    async def _received(self, socket: ClientConnection | None) -> tuple[str, Json]:
        """A message's type and data."""
        if socket is None:  # whoever was opening it was cancelled
            raise NoAnswer(f"{self._address} isn't connected", sent=False)
        try:
            async with asyncio.timeout(SILENCE_S):
                message = object_in(await socket.recv(decode=True))
        except TimeoutError as error:
            raise NoAnswer(f"{self._address} has said nothing for {SILENCE_S:.0f} s", sent=True) from error
        except ConnectionClosed as error:
            if self._over is not None:
                raise self._over from None
            raise NoAnswer(f"{self._address} closed the connection ({error})", sent=True) from error
        kind, data = message.get("type"), message.get("data")
        if not (isinstance(kind, str) and isinstance(data, dict)):
            raise UnexpectedAnswer(f"a message that isn't the API's: {message!r:.80}")
        return kind, data

    def _hear(self, kind: str, data: Json) -> None:
        match kind:
            case "event":
                self._tell(data)
            case "notice":
                self._keep(Notice(str(data.get("text", ""))))
            case "subscribed":
                self._begun(data)
            case "ping":
                self._place(data.get("cursors"))
            case "error":
                self._refused(data)

    def _tell(self, data: Json) -> None:
        name, cursor = data.get("id"), data.get("cursor")
        if name not in self._watches:
            return  # unsubscribed meanwhile
        try:
            told = told_of(data["event"], str(cursor), name)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnexpectedAnswer(f"an event that lacks what the API sends ({error!r})") from error
        self._cursors[name] = told.cursor
        self._keep(told)

    def _keep(self, told: Told | Problem) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise UnexpectedAnswer(f"{MAX_WAITING:,} events wait, and nobody reads them: read while you subscribe")
        self._waiting.append(told)

    def _place(self, cursors: object) -> None:
        found = cursors if isinstance(cursors, dict) else {}
        self._cursors |= {name: cursor for name, cursor in found.items() if name in self._cursors and isinstance(cursor, str)}

    def _begun(self, data: Json) -> None:
        self._place({data.get("id"): data.get("cursor")})
        answer = self._answers.get(data.get("id", ""))
        if answer is not None and not answer.done():
            answer.set_result(None)

    def _refused(self, data: Json) -> None:
        name, error = data.get("id"), _problem(data)
        answer = self._answers.get(name or "")
        if answer is not None and not answer.done():
            answer.set_exception(error)
        elif name is None or name in self._watches:
            self._forget(name or "")
            self._keep(error)

    async def _come_back(self, wait_s: float) -> None:
        """Open the connection (again), and begin all subscriptions where they were; raises when it isn't worth it any more."""
        while True:
            await self._hang_up()
            await self._calls.transport.sleep(wait_s)
            if self._over is not None:
                raise self._over
            try:
                await self._begin(await self._opened())
            except QuietzoneError as error:
                wait_s = self._returns.wait_s(error)
            else:
                return

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _begin(self, socket: ClientConnection) -> None:
        kind, data = await self._received(socket)
        if kind == "error":
            await socket.close()
            raise _problem(data)
        if self._over is not None:
            await socket.close()
            raise self._over
        self._socket = socket
        self._returns.begin_anew()
        for name, watch in list(self._watches.items()):
            await self.send("subscribe", watch.message(name, self._cursors.get(name)))

    async def _opened(self) -> ClientConnection:
        authorization = await self._calls.authorization(refused=None)
        try:
            return await self._shaken(authorization)
        except Unauthenticated:
            if not self._calls.can_renew:
                raise
        return await self._shaken(await self._calls.authorization(refused=authorization))

    async def _shaken(self, authorization: str) -> ClientConnection:
        try:
            return await connect(
                self._address,
                additional_headers={"Authorization": authorization},
                user_agent_header=USER_AGENT,
                open_timeout=OPEN_S,
                close_timeout=CLOSE_S,
                ping_interval=None,
                max_size=MAX_MESSAGE_BYTES,
                compression=None,
            )
        except InvalidStatus as error:
            answer = error.response
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            raise problem_in(answer.status_code, headers, bytes(answer.body)) from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise NoAnswer(f"{self._address} doesn't answer ({error or type(error).__name__})", sent=False) from error


def _problem(data: Json) -> Problem:
    status = data.get("status")
    return problem(status if isinstance(status, int) else 500, data)


class _Closed(Disconnected):
    """This side has disconnected."""

    def __init__(self) -> None:
        super().__init__("this side has disconnected")
