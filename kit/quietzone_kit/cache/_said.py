"""What processes say to each other."""

import msgspec


class Said(msgspec.Struct, array_like=True, frozen=True):
    """A message on a topic, or names to forget (no topic). `sender` is a process's own, so that it needn't listen to itself."""

    sender: bytes
    topic: str
    message: bytes
    names: list[str]

    def encode(self) -> bytes:
        """As it goes through the server."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(said: bytes) -> "Said | None":
        """What was encoded; None if this release doesn't understand it."""
        try:
            return msgspec.msgpack.decode(said, type=Said)
        except msgspec.DecodeError:
            return None
