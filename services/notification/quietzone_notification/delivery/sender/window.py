"""How many attempts may be fresh at once: their receivers haven't had AGE_S to answer yet, or have answered and that isn't stored. Pure.

What a killed sender had under way goes out again, so little should be. By Little's law what is under way is the rate times the time from
an attempt's beginning to its outcome in the store; beyond what keeps sender and store busy more of it makes nothing faster, each only
waits longer. So quick receivers share a small window. A slow one leaves it by its age, and then it is the receiver that we wait for: the
window grows, unless it is us who are late.
"""

AGE_S = 0.025
FEWEST = 5
MOST = 64


class Window:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._answered: set[str] = set()
        self._size = float(FEWEST)

    @property
    def awaits_answers(self) -> bool:
        """Whether fresh attempts are under way."""
        return bool(self._asked)

    def has_room(self, now_s: float) -> bool:
        """Whether another attempt may begin."""
        while self._asked:
            first = next(iter(self._asked))
            left_s = self._asked[first] + AGE_S
            if now_s < left_s:
                break
            del self._asked[first]
            if now_s < left_s + AGE_S:  # later than that, we are what is late
                self._size = min(MOST, self._size + 1)
        return len(self._asked) + len(self._answered) < self._size

    def next_s(self) -> float | None:
        """When the next leaves by its age."""
        return next(iter(self._asked.values())) + AGE_S if self._asked else None

    def ask(self, name: str, now_s: float) -> None:
        """An attempt begins."""
        self._asked[name] = now_s

    def answer(self, name: str) -> None:
        """It is to be stored how it ended."""
        if self._asked.pop(name, None) is not None:
            self._size = max(FEWEST, self._size - 0.25)
        self._answered.add(name)

    def end(self, name: str) -> None:
        """That is stored, or never will be."""
        self._asked.pop(name, None)
        self._answered.discard(name)
