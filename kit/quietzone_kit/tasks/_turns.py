"""Accounts take turns: who adds a thousand tasks doesn't hold up who adds one."""

from collections import deque
from collections.abc import Sequence

from quietzone_kit.documents import Stored

MOST_REMEMBERED = 10_000  # accounts, about 1 MB; who isn't among the last that had a turn goes first


class Turns:
    """Which account's turn it is."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, int] = {}

    def order(self, tasks: Sequence[Stored]) -> deque[Stored]:
        """One task of each account, then the second of each, …; first the account whose last turn was longest ago."""
        queues: dict[str, deque[Stored]] = {}
        for stored in tasks:
            queues.setdefault(str(stored.body["account_id"]), deque()).append(stored)
        accounts = sorted(queues, key=lambda account_id: self._last.get(account_id, 0))
        order: deque[Stored] = deque()
        while accounts:
            order.extend(queues[account_id].popleft() for account_id in accounts)
            accounts = [account_id for account_id in accounts if queues[account_id]]
        return order

    def had(self, account_id: str) -> None:
        """A task of the account was begun."""
        self._count += 1
        self._last.pop(account_id, None)
        self._last[account_id] = self._count
        if len(self._last) > MOST_REMEMBERED:
            del self._last[next(iter(self._last))]
