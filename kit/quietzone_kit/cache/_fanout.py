"""Messages to whoever listens now, within the process."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from quietzone_kit.cache._metrics import LOST

MAX_WAITING = 1_000
"""Messages that a slow subscriber may have before it: seconds of a live view; what comes later is lost, and it hears of that."""


class Queue:
    """What one subscriber hasn't taken yet."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._lost = False
        self._came = asyncio.Event()

    async def receive(self) -> bytes | None:
        """The next message; None: some may have been lost."""
        await self._came.wait()
        if self._lost:
            self._lost = False
            message = None
        else:
            message = self._messages.popleft()
        if not self._messages:
            self._came.clear()
        return message

    def put(self, message: bytes) -> None:
        """One more message."""
        if len(self._messages) >= MAX_WAITING:
            self.lose("slow")
        else:
            self._messages.append(message)
            self._came.set()

    def lose(self, reason: str) -> None:
        """Some are lost: what waits is outdated by what the subscriber will look up."""
        LOST.labels(reason).inc()
        self._messages.clear()
        self._lost = True
        self._came.set()


class Hub:
    """Topics and their subscribers."""

    def __init__(self) -> None:
        self._queues: dict[str, list[Queue]] = {}

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[Queue]:
        """A queue of what comes on `topic` meanwhile."""
        queue = Queue()
        queues = self._queues.setdefault(topic, [])
        queues.append(queue)
        try:
            yield queue
        finally:
            queues.remove(queue)
            if not queues and self._queues.get(topic) is queues:
                del self._queues[topic]

    def deliver(self, topic: str, message: bytes) -> None:
        """Hand a message to whoever subscribes."""
        for queue in self._queues.get(topic, ()):
            queue.put(message)

    def lose(self) -> None:
        """Tell all that messages may be lost."""
        for queues in self._queues.values():
            for queue in queues:
                queue.lose("cut")
