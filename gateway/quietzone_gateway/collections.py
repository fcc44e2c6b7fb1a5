"""All that the gateway stores, feature by feature."""

from quietzone_gateway.idempotency import REPEATS
from quietzone_gateway.identity.accounts.memberships import MEMBERSHIPS
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.attempts import ATTEMPTS
from quietzone_gateway.identity.audit.repository import AUDIT
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.sessions.repository import SESSIONS, SIGNING_KEYS
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.plans.changes import FLAGS, PLANS
from quietzone_gateway.plans.repository import USAGE
from quietzone_kit.outbox import OUTBOX_LEASES
from quietzone_kit.tasks import TASKS

IDENTITY = (ACCOUNTS, MEMBERSHIPS, KEYS, USERS, SESSIONS, SIGNING_KEYS, ATTEMPTS, AUDIT)

COLLECTIONS = (*IDENTITY, REPEATS, PLANS, FLAGS, USAGE, OUTBOX_LEASES, TASKS)
