"""What can be wrong with a pattern or an event."""


class InvalidPattern(ValueError):
    """A pattern that can't be compiled.

    `path` says where (`detail.state[1]`; empty for the whole), `reason` what, in the words of AWS's engine where it has some, so
    that people find them.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class TooComplex(InvalidPattern):
    """A pattern whose `$or` makes more alternatives, or more fields of them together, than are compared for one event."""


class InvalidEvent(ValueError):
    """Something that isn't an event: no JSON object, too large, too deep, or with values that JSON doesn't have."""
