"""Whom all calls about events and notifications go to."""

import grpc.aio

from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import Peer


class Service:
    """The notification service; None: the installation has none, and each call raises Unavailable."""

    def __init__(self, known: Peer | None) -> None:
        self._peer = known

    @property
    def peer(self) -> Peer:
        """Whom to call; raises Unavailable where there is no notification."""
        if self._peer is None:
            raise Unavailable("this installation runs no notification service: QUIETZONE_NOTIFICATION_ADDRESS names one")
        return self._peer

    @property
    def channel(self) -> grpc.aio.Channel:
        """What stubs stand on; raises Unavailable as `peer`."""
        return self.peer.channel
