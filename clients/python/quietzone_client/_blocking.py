"""The blocking client: every method says what `_requests` builds, and runs it."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from quietzone_client import _requests as requests
from quietzone_client import _stream, _tail, _usage
from quietzone_client._auth import ApiKey, Auth, sign_in, sign_out, tokens_in
from quietzone_client._blocking_events import Buses, Deliveries, Devices, Events, Rules, Topics, Webhooks
from quietzone_client._blocking_features import Assets, Codes, Exports, Keys, Operations, Tasks
from quietzone_client._calls import Calls
from quietzone_client._models import Reconciliation
from quietzone_client._retries import Retries
from quietzone_client._runtime import Runtime
from quietzone_client._stream import Reconnects
from quietzone_client._tail import TailTold
from quietzone_client._told import Told, Watch
from quietzone_client._transports import BlockingTransport, each, run
from quietzone_client._usage import Usage

PATIENT = Retries()
REAL = Runtime()
RECONNECTS = Reconnects()


class Client:
    """An account's Quietzone, by blocking calls; threads may share one. `AsyncClient` has the same methods for an event loop.

    Every method raises as `QuietzoneError` says. What can't be told from a success whose answer was lost is sent again, under a name that
    keeps the server from doing it twice.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth | str,
        *,
        retries: Retries = PATIENT,
        transport: httpx.BaseTransport | None = None,
        runtime: Runtime = REAL,
    ) -> None:
        """Connect with the first call.

        Args:
            base_url: Where the API is, such as `https://api.example.com`.
            auth: An API key, or another way to say who calls.
            retries: How patient it is.
            transport: In the place of httpx's own: for proxies, other certificates, tests.
            runtime: Time and chance, for tests.

        Raises:
            ValueError: the address or the key can't be one.
        """
        self._transport = BlockingTransport(base_url, runtime, transport)
        self._calls = Calls(self._transport, ApiKey(auth) if isinstance(auth, str) else auth, retries, runtime)
        self.codes = Codes(self._calls)
        self.exports = Exports(self._calls)
        self.keys = Keys(self._calls)
        self.assets = Assets(self._calls)
        self.operations = Operations(self._calls)
        self.tasks = Tasks(self._calls)
        self.events = Events(self._calls)
        self.buses = Buses(self._calls)
        self.rules = Rules(self._calls)
        self.topics = Topics(self._calls)
        self.webhooks = Webhooks(self._calls)
        self.deliveries = Deliveries(self._calls)
        self.devices = Devices(self._calls)

    def sign_in(self, email: str, password: str, *, code: str = "") -> None:
        """Begin a person's session; the client was made with `Tokens()`. `code` is of the second factor, for who has one.

        Raises:
            SecondFactorNeeded: a code is needed too.
            TypeError: the client says otherwise who calls.
        """
        tokens = tokens_in(self._calls.auth)
        run(self._calls.make(sign_in(tokens, email, password, code, self._calls.runtime.now_s)))

    def sign_out(self) -> None:
        """End the session, and forget its tokens."""
        tokens = tokens_in(self._calls.auth)
        run(self._calls.make(sign_out()))
        tokens.forget()

    def usage(self) -> Usage:
        """What the account has used of its plan, today and this month."""
        return run(self._calls.make(_usage.get_usage()))

    def reconcile(self) -> Reconciliation:
        """Whether every accepted scan of all accounts was counted once; for operators. It reads everything, and may take minutes."""
        return run(self._calls.make(requests.reconcile()))

    def stream(
        self,
        kinds: Sequence[str] | None = None,
        *,
        code_ids: Sequence[str] = (),
        task_ids: Sequence[str] = (),
        state: str | None = None,
        tag: str | None = None,
        folder: str | None = None,
        cursor: str | None = None,
        reconnects: Reconnects = RECONNECTS,
    ) -> Iterator[Told]:
        """What happens from now on, or from the cursor of an event that you kept: `Watch` says what can be asked for.

        It goes on by itself where it broke off; a `Reset` among the events means that some can't be told any more.

        Raises:
            Disconnected: the server has ended it for good.
        """
        return each(_stream.stream(self._calls, Watch(kinds, code_ids, task_ids, state, tag, folder, cursor), reconnects))

    def tail(
        self, bus: str = "default", pattern: Mapping[str, Any] | str | None = None, *, reconnects: Reconnects = RECONNECTS
    ) -> Iterator[TailTold]:
        """What comes to a bus from now on, and matches a pattern if one is given (an event pattern, or its JSON).

        It begins anew by itself when it broke off, and says so by another `TailBegun`: what happened meanwhile isn't told.

        Raises:
            Disconnected: the server has ended it for good.
        """
        return each(_tail.tail(self._calls, bus, pattern, reconnects))

    def close(self) -> None:
        """Close all connections."""
        run(self._transport.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
