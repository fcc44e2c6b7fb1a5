"""What can be asked of buses."""

from dataclasses import replace

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_kit.runtime import Clock
from quietzone_notification.buses.domain import MAX_BUSES, Bus, InvalidBus, check_bus, check_named, default_bus
from quietzone_notification.buses.repository import SLOTS, Buses, BusExists
from quietzone_notification.events.domain import DEFAULT_BUS
from quietzone_notification.rules.repository import Rules
from quietzone_notification.slots import free_slot

ATTEMPTS = 5  # people don't make buses against each other: a fifth meeting means that something else is going on


async def put_bus(buses: Buses, clock: Clock, account_id: str, name: str, description: str) -> Bus:
    """Make a bus, or give the one that is there this description.

    Raises:
        InvalidInput: nothing that a bus can be.
        ResourceExhausted: the account has as many as it may.
    """
    try:
        check_bus(name, description)
    except InvalidBus as error:
        raise InvalidInput(FieldViolation("name", str(error))) from error
    for _ in range(ATTEMPTS):
        try:
            held = await buses.get(account_id, name)
            if held is not None:
                after = replace(held.bus, description=description)
                if after != held.bus:
                    await buses.replace(held, after)
                return after
            slot = free_slot(await buses.slots(account_id), SLOTS)
            if slot is None:
                raise ResourceExhausted(f"an account has at most {MAX_BUSES} buses: take one away first")
            bus = Bus(account_id, name, description, clock.now_ms(), slot)
            await buses.insert(bus)
        except (BusExists, VersionConflict):
            continue
        return bus
    raise Unavailable("the account's buses change all the time: try again")


async def list_buses(buses: Buses, account_id: str) -> list[Bus]:
    """All of an account's buses, the default first."""
    return [default_bus(account_id), *await buses.all_of(account_id)]


async def has_bus(buses: Buses, account_id: str, name: str) -> bool:
    """Whether an account has a bus of this name."""
    return name == DEFAULT_BUS or await buses.get(account_id, name) is not None


async def delete_bus(buses: Buses, rules: Rules, account_id: str, name: str) -> None:
    """Take a bus away. A rule that somebody makes on it meanwhile stays without one, and at rest, until a bus of that name is made again.

    Raises:
        InvalidInput: it is the default.
        NotFound: this account has no such bus.
        FailedPrecondition: it has rules.
    """
    try:
        check_named(name)
    except InvalidBus as error:
        raise InvalidInput(FieldViolation("name", str(error))) from error
    held = await buses.get(account_id, name)
    if held is None:
        raise NotFound(f"no bus {name!r:.110}")
    if await rules.has_any(account_id, name):
        raise FailedPrecondition(f"bus {name} has rules: delete these first")
    try:
        await buses.delete(held)
    except VersionConflict as error:
        raise Unavailable("the bus was changed at the same time: try again") from error
