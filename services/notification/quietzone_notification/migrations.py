"""Changes of what this part stores, oldest first; `quietzone_kit.documents.migrations` says how one is made. A name stays here for ever."""

from quietzone_kit.documents.migrations import Migration

MIGRATIONS: tuple[Migration, ...] = ()
