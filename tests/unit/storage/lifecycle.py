"""Clean-ups, files that are asked for, and the work that follows, in a world of storage."""

from ports import Inline
from unit.storage.drawings import symbol
from unit.storage.world import OURS, World

from quietzone_storage.assets.domain import AccountId, Asset, AssetId
from quietzone_storage.codes.domain import Heard
from quietzone_storage.codes.tasks import DRAW, DrawAgain
from quietzone_storage.codes.use_cases import Followed
from quietzone_storage.images.process import Images
from quietzone_storage.lifecycle.domain import Policy, Report
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.lifecycle.tasks import MOVE, Moves
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp
from quietzone_storage.serving.held import HeldFiles
from quietzone_storage.serving.sizes import Sizes
from quietzone_storage.serving.use_cases import Finder

DAY_S = 86_400
CODE = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01")
MENU = symbol()


def cleaner(world: World, *, moved_from: int = 0) -> Cleaner:
    return Cleaner(world.keeper, world.clock, Policy(moved_from=moved_from))


def finder(world: World) -> Finder:
    returns = Returns(world.tasks, world.clock)
    sizes = Sizes(world.shelf, Images(), Inline())
    return Finder(world.assets, world.shelf, HeldFiles(world.clock, max_bytes=0), world.clock, sizes=sizes, returns=returns)


def followed(world: World) -> Followed:
    class Qr:
        async def symbol(self, _account_id: AccountId, _code_id: AssetId) -> object:
            return MENU

    return Followed(world.keeper, Qr(), Inline(), world.clock)  # type: ignore[arg-type] # as much of one as is asked


async def draw_code(world: World) -> None:
    await followed(world).follow(Heard(CODE, OURS, 1, looks_different=True, is_deleted=False))


async def work(world: World) -> list[str]:
    """Do what waits to be done, as a worker does it; the kinds of it."""
    handlers = {DRAW: DrawAgain(followed(world)), MOVE: Moves(cleaner(world))}
    tasks = (await world.tasks.list(OURS)).tasks
    for task in tasks:
        await handlers[task.kind].run(task, lambda _: None)
    return [task.kind for task in tasks]


async def clean(world: World, *, days: float = 0, prefix: str = "", dry_run: bool = False, account_id: AccountId | None = None) -> Report:
    """A clean-up, some days later."""
    world.clock.seconds += days * DAY_S
    return (await cleaner(world).clean_up(CleanUp(account_id, prefix, dry_run))).report


async def asset_of(world: World, asset_id: str) -> Asset:
    held = await world.assets.get(OURS, AssetId(asset_id))
    assert held is not None
    return held.asset
