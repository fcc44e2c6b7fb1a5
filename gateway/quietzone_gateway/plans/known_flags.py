"""All flags, in memory."""

from typing import NoReturn

from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.changes import ByName
from quietzone_gateway.plans.flags import MAX_FLAGS, SALT_BYTES, Flag, FlagState
from quietzone_gateway.plans.following import follow
from quietzone_gateway.plans.known import KnownPlans
from quietzone_gateway.plans.metrics import FLAG_READS
from quietzone_kit.cache import Cache
from quietzone_kit.errors import FailedPrecondition, NotFound
from quietzone_kit.runtime import Randomness

TOPIC = "gateway.flags"
"""Says that a flag was changed; which one is read from the store."""


class Flags:
    """Flags by name; none before the first `read`."""

    def __init__(self, store: ByName[Flag], plans: KnownPlans, cache: Cache, randomness: Randomness) -> None:
        self._store = store
        self._plans = plans
        self._cache = cache
        self._randomness = randomness
        self._flags: dict[str, Flag] = {}

    def is_on(self, name: str, account_id: str, plan_name: str = "") -> bool:
        """Whether an account has what the flag is for, by itself or by its plan; a flag that isn't there is off."""
        flag = self._flags.get(name)
        if flag is None:
            return False
        told = flag.is_on(account_id, in_plan=bool(plan_name) and name in self._plans.of(plan_name).plan.flags)
        FLAG_READS.labels(name, "on" if told else "off").inc()
        return told

    def get(self, name: str) -> Flag:
        """The flag with this name.

        Raises:
            NotFound: there is none.
        """
        if name not in self._flags:
            raise NotFound("there is no flag with this name")
        return self._flags[name]

    @property
    def all(self) -> tuple[Flag, ...]:
        """All flags in the order of their names."""
        return tuple(self._flags[name] for name in sorted(self._flags))

    async def read(self) -> None:
        """Take over what is stored."""
        self._flags = {flag.name: flag for flag in await self._store.all(MAX_FLAGS)}

    async def put(self, name: str, state: FlagState, *, percent: int, accounts: tuple[str, ...], actor: Actor) -> Flag:
        """Write a flag, and tell all replicas. Its salt is drawn once: whoever has it by its share keeps it.

        Raises:
            InvalidFlag: names what is wrong.
            FailedPrecondition: there are as many as there can be.
            Unavailable: the store doesn't answer.
        """
        await self.read()  # another replica may have drawn its salt a moment ago
        known = self._flags.get(name)
        if known is None and len(self._flags) >= MAX_FLAGS:
            raise FailedPrecondition(f"an installation has at most {MAX_FLAGS} flags: use one again that is decided")
        salt = known.salt if known is not None else self._randomness.token(SALT_BYTES).hex()
        flag = Flag(name, state, salt, percent, accounts)
        await self._store.put(flag, actor)
        await self.read()
        await self._cache.publish(TOPIC, b"")
        return flag

    async def run(self) -> NoReturn:
        """Follow what others change, until cancelled."""
        await follow(self._cache, TOPIC, self.read)
