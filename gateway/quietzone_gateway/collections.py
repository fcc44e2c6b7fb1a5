"""All that the gateway stores, feature by feature."""

from quietzone_gateway.idempotency import REPEATS
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_kit.outbox import OUTBOX_LEASES

IDENTITY = (ACCOUNTS, KEYS)

COLLECTIONS = (*IDENTITY, REPEATS, OUTBOX_LEASES)
