"""The stores of one machine made ready for this release: what the roles `migrate` and `migrate --contract` do for each part elsewhere.

What only older releases read goes when this one has started a second time: after the first start one can still go back.
"""

from collections.abc import Mapping, Sequence

from quietzone_analytics.migrations import MIGRATIONS as ANALYTICS
from quietzone_gateway.migrations import MIGRATIONS as GATEWAY
from quietzone_kit.documents import Documents, DocumentsError
from quietzone_kit.documents.migrations import Migration, Migrations, missing
from quietzone_kit.runtime import SystemClock
from quietzone_kit.settings import SettingsError
from quietzone_kit.telemetry import release
from quietzone_notification.migrations import MIGRATIONS as NOTIFICATION
from quietzone_qr.migrations import MIGRATIONS as QR
from quietzone_standalone.operations.stores import OWNED, open_part
from quietzone_storage.migrations import MIGRATIONS as STORAGE
from quietzone_tracking.migrations import MIGRATIONS as TRACKING

MIGRATED: Mapping[str, Sequence[Migration]] = {
    "qr": QR,
    "tracking": TRACKING,
    "analytics": ANALYTICS,
    "storage": STORAGE,
    "notification": NOTIFICATION,
    "gateway": GATEWAY,
}


async def migrate_stores(told: Mapping[str, str]) -> list[str]:
    """Give each part's store the form that this release needs, before its roles start; the parts whose store had it already.

    Raises:
        SettingsError: a store can't be reached, isn't that part's, or was changed by a newer release.
    """
    ready = []
    for part, migrations in MIGRATED.items():
        if not migrations:
            continue
        try:
            async with open_part(told, part, create=True) as documents:
                if not await missing(documents, OWNED[part], migrations):
                    ready.append(part)
                await _work(documents, part).migrate(_quietly)
        except DocumentsError as error:
            raise SettingsError(f"the store of {part}: {error}") from error
    return ready


async def contract_stores(told: Mapping[str, str], parts: Sequence[str]) -> None:
    """Take away what only older releases read from these parts' stores, once the roles run.

    Raises:
        SettingsError: as above.
    """
    for part in parts:
        try:
            async with open_part(told, part) as documents:
                await _work(documents, part).contract(_quietly)
        except DocumentsError as error:
            raise SettingsError(f"the store of {part}: {error}") from error


def _work(documents: Documents, part: str) -> Migrations:
    return Migrations(documents, OWNED[part], MIGRATED[part], release=release(), clock=SystemClock())


def _quietly(_line: str) -> None:
    """Who starts a machine hasn't asked for this."""
