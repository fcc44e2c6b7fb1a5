"""Roles that every part with a store has: `migrate`, `migrate --contract` and `verify`. Each does its work, says what it did, and ends.

In a part's composition root::

    build_migrate = roles.migrate(_store, COLLECTIONS, MIGRATIONS)
    build_contract = roles.migrate(_store, COLLECTIONS, MIGRATIONS, contract=True)
    build_verify = roles.verify(_checks)    # opens what is to be looked at; returns what makes the checks
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from quietzone_kit.documents import Collection, Documents
from quietzone_kit.documents.migrations import Migration, Migrations
from quietzone_kit.lifecycle import App, ProcessSettings, say
from quietzone_kit.runtime import SystemClock
from quietzone_kit.telemetry import release
from quietzone_kit.verify import Checks

S = TypeVar("S", bound=ProcessSettings)

Look: TypeAlias = Callable[[Checks], Coroutine[Any, Any, None]]
"""Makes a part's checks."""


def migrate(
    store: Callable[[App, S], Documents], collections: Sequence[Collection], migrations: Sequence[Migration], *, contract: bool = False
) -> Callable[[S], Awaitable[App]]:
    """The role `migrate`: prepares the store for this release, while an older one may run. With `contract` the role `migrate --contract`:
    takes away what only older releases have read, when none runs any more.
    """

    async def build(settings: S) -> App:
        app = App(drain_s=settings.drain_s)
        work = Migrations(store(app, settings), collections, migrations, release=release(), clock=SystemClock())
        app.once("contract" if contract else "migrate", partial(work.contract if contract else work.migrate, say))
        return app

    return build


def verify(opened: Callable[[App, S], Look]) -> Callable[[S], Awaitable[App]]:
    """The role `verify`: sees whether this release can work with what is there."""

    async def build(settings: S) -> App:
        app = App(drain_s=settings.drain_s)
        look = opened(app, settings)

        async def work() -> None:
            checks = Checks(say)
            await look(checks)
            checks.end()

        app.once("verify", work)
        return app

    return build
