"""The role `migrate --contract`."""

from quietzone_kit import roles
from quietzone_tracking.app.ports import documents_of
from quietzone_tracking.app.stored import COLLECTIONS
from quietzone_tracking.migrations import MIGRATIONS
from quietzone_tracking.settings import DocumentsSettings

SETTINGS = DocumentsSettings

build = roles.migrate(documents_of, COLLECTIONS, MIGRATIONS, contract=True)
