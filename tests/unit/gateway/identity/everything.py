"""Everything that identity writes, once and again."""

from ports import Hands
from unit.gateway.identity.desk import NOON_MS, OPERATOR

from quietzone_gateway.identity.build import Identity, build_identity
from quietzone_gateway.identity.domain import SCOPES_OF, Role
from quietzone_gateway.identity.keys.domain import FIRST_KEY
from quietzone_gateway.identity.keys.use_cases import KeyChange, NewKey, change_key, create_key, open_first_account, revoke_key, rotate_key
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import Documents
from quietzone_kit.runtime import SystemRandomness

RANDOMNESS = SystemRandomness()


async def write_identity(store: Documents) -> None:
    """Write every collection of identity, by its use cases."""
    clock = Hands(since_ms=NOON_MS)
    identity = build_identity(store, open_cache("memory://", clock=clock, randomness=RANDOMNESS), clock, RANDOMNESS)
    await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset=None)
    await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset="k" * 32)
    await _keys(identity)


async def _keys(identity: Identity) -> None:
    keys, ports = identity.keys, identity.ports
    made = await create_key(keys, ports, OPERATOR, NewKey("till", SCOPES_OF[Role.VIEWER], ["203.0.113.0/24"]))
    await rotate_key(identity.accounts, keys, ports, OPERATOR, made.key.key_id, grace_s=60)
    await change_key(keys, ports, OPERATOR, made.key.key_id, KeyChange(name="bar"))
    await revoke_key(identity.accounts, keys, ports, OPERATOR, FIRST_KEY)
