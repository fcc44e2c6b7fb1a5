"""What the role `verify` looks at: all that a release of this service stands on, but the disk of each edge."""

from collections.abc import Sequence
from functools import partial

from quietzone_kit.bus import Bus
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.rpc import Peer
from quietzone_kit.verify import Checks, documents_are_readable, last_events, store_is_ready, topics_are_there
from quietzone_topics import QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from quietzone_tracking.links import LinkStore
from quietzone_tracking.links.events import link_of_record
from quietzone_tracking.links.repository import LINKS, link_of
from quietzone_tracking.migrations import MIGRATIONS
from quietzone_tracking.salts.repository import SALTS, salt_of


async def verify(checks: Checks, documents: Documents, bus: Bus, qr: Peer, collections: Sequence[Collection]) -> None:
    """Make the checks."""
    if await checks.see("store", partial(store_is_ready, documents, collections, MIGRATIONS)):
        await checks.see("links", partial(documents_are_readable, documents, LINKS, link_of))
        await checks.see("links followed", partial(_states, LinkStore(documents)))
        await checks.see("salts", partial(documents_are_readable, documents, SALTS, salt_of))
    if await checks.see("bus", partial(topics_are_there, bus, (QR_CODE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1))):
        await checks.see(f"events of {QR_CODE_V1.name}", partial(last_events, bus, QR_CODE_V1, link_of_record))
    await checks.see("qr", qr.check)


async def _states(links: LinkStore) -> str:
    return f"{len(await links.states())} partitions can be read"
