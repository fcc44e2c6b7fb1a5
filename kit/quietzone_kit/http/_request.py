"""What a handler sees of a request."""

from typing import Protocol


class Request(Protocol):
    """A request that is to be answered once, now or later.

    `target` is as it came. `headers` are those that the server keeps: lower-case name to value, the values of a name that came twice
    joined by `, `. `body` is what came with it, where the server takes any. `peer` is the address of the connection's other end, empty on
    a Unix socket. `memo` is the handler's own and None at first: what it derived from the peer; it stays with the connection.
    """

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]
    body: bytes
    peer: str
    memo: object

    def reply(self, head: bytes, body: bytes = b"") -> None:
        """Answer, with a head from `response_head`; a HEAD request gets no body. Nothing happens when the client is gone."""
