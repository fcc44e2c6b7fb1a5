"""A channel that is opened anew when certificates change: gRPC's own keeps its credentials for life."""

from collections.abc import Callable
from typing import Any

import grpc

from quietzone_kit.rpc._tls import Tls, channel_credentials
from quietzone_kit.runtime import Clock

RETIRE_S = 60.0
"""What calls of a channel that was replaced have to end in: longer than any call's deadline. Streams break off then, and begin anew."""


class ReloadingChannel:
    """As much of `grpc.aio.Channel` as stubs of calls and of streams to us use; `refresh` before a call."""

    def __init__(self, open_channel: Callable[[grpc.ChannelCredentials], grpc.aio.Channel], tls: Tls, clock: Clock) -> None:
        self._open = open_channel
        self._tls = tls
        self._clock = clock
        self._pem = tls.current()
        self._channel = open_channel(channel_credentials(self._pem))
        self._retired: list[tuple[float, grpc.aio.Channel]] = []
        self._methods: dict[str, Any] = {}

    async def refresh(self) -> None:
        """Use the certificate that is there now, and close what was opened with older ones."""
        now = self._clock.monotonic()
        pem = self._tls.current()
        if pem is not self._pem:
            self._retired.append((now + RETIRE_S, self._channel))
            self._pem, self._channel = pem, self._open(channel_credentials(pem))
            self._methods.clear()
        while self._retired and self._retired[0][0] <= now:
            await self._retired.pop(0)[1].close()

    def unary_unary(self, method: str, *arguments: Any, **named: Any) -> Callable[..., Any]:
        """A method of whatever channel is open when it is called."""
        return self._latest(method, lambda: self._channel.unary_unary(method, *arguments, **named))

    def unary_stream(self, method: str, *arguments: Any, **named: Any) -> Callable[..., Any]:
        """The same of a method whose answer is a stream."""
        return self._latest(method, lambda: self._channel.unary_stream(method, *arguments, **named))

    def _latest(self, method: str, make: Callable[[], Any]) -> Callable[..., Any]:
        def call(*request: Any, **options: Any) -> Any:
            if method not in self._methods:
                self._methods[method] = make()
            return self._methods[method](*request, **options)

        return call

    async def close(self) -> None:
        """Let go of the connections."""
        for _, channel in self._retired:
            await channel.close()
        await self._channel.close()
