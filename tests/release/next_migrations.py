"""A next release's migrations of what qr stores: where a code leads stands in `targets`, no more in `destinations`."""

from quietzone_kit.documents import Body
from quietzone_kit.documents.migrations import Migration
from quietzone_qr.codes.repository import CODES
from quietzone_qr.migrations_before import MIGRATIONS as BEFORE


def _beside(body: Body) -> Body:
    return {**body, "targets": body["destinations"]} if "destinations" in body else body


def _alone(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "destinations"}


MIGRATIONS: tuple[Migration, ...] = (*BEFORE, Migration("codes-lead-to-targets", CODES, _beside, _alone))
