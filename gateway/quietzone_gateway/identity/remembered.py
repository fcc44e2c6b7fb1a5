"""What was read lately, so that a request needn't ask the store; forgotten at once when a replica says that it has changed."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, NoReturn, Protocol, TypeVar

from quietzone_kit.cache import Cache
from quietzone_kit.runtime import Clock

T = TypeVar("T")

REMEMBERED_S = 5.0
"""What was revoked works this long at most, when nobody hears of it."""

MAX_REMEMBERED = 1_000
"""Things of a kind that are used within REMEMBERED_S; 1 KB each. The one that was read longest ago makes room."""

TOPIC = "gateway.identity"


class Forgetful(Protocol):
    """What can be told to forget."""

    def forget(self, key: str) -> None:
        """Forget what is known of `key`."""

    def forget_all(self) -> None:
        """Forget everything."""


class Remembered(Generic[T]):
    """Finds things by `find`. What isn't there isn't remembered: whoever tries many keys must not push out those in use."""

    def __init__(self, clock: Clock, find: Callable[[str], Awaitable[T | None]]) -> None:
        self._clock = clock
        self._find = find
        self._remembered: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._forgotten = 0

    async def get(self, key: str) -> T | None:
        """What there is; raises what `find` raises."""
        known = self.held(key)
        if known is not None:
            return known
        now, before = self._clock.monotonic(), self._forgotten
        found = await self._find(key)
        self._remembered.pop(key, None)
        if found is not None and before == self._forgotten:  # else it may have been read before the change that we heard of
            self._remembered[key] = (now, found)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def held(self, key: str) -> T | None:
        """What is remembered; None: `get` may find it."""
        known = self._remembered.get(key)
        return known[1] if known is not None and self._clock.monotonic() - known[0] <= REMEMBERED_S else None

    def forget(self, key: str) -> None:
        """Forget what is known of `key`."""
        self._forgotten += 1
        self._remembered.pop(key, None)

    def forget_all(self) -> None:
        """Forget everything."""
        self._forgotten += 1
        self._remembered.clear()

    def __len__(self) -> int:
        return len(self._remembered)


class News:
    """Tells all replicas, this one included, that something isn't as they remember it. Messages are `<kind> <key>`."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._kinds: dict[str, Forgetful] = {}
        self._listeners: list[Callable[[str, str], None]] = []

    def about(self, kind: str, memory: Forgetful) -> None:
        """`memory` forgets what is told of this kind."""
        self._kinds[kind] = memory

    def listen(self, listener: Callable[[str, str], None]) -> None:
        """`listener` is called with all kinds and keys, after what was remembered of them is forgotten."""
        self._listeners.append(listener)

    async def tell(self, kind: str, key: str) -> None:
        """`key` has changed: forget it here now, elsewhere when they hear of it."""
        self._forget(kind, key)
        await self._cache.publish(TOPIC, f"{kind} {key}".encode())

    async def run(self) -> NoReturn:
        """Hear what others tell, until cancelled."""
        with self._cache.subscribe(TOPIC) as messages:
            while True:
                message = await messages.receive()
                if message is None:  # some may have been lost
                    for memory in self._kinds.values():
                        memory.forget_all()
                    continue
                kind, _, key = message.decode("utf-8", "replace").partition(" ")
                self._forget(kind, key)

    def _forget(self, kind: str, key: str) -> None:
        memory = self._kinds.get(kind)
        if memory is not None:
            memory.forget(key)
        for listener in self._listeners:
            listener(kind, key)
