"""Faults in storage that could have been made, each of which its histories must find; as in `simulation.mutants`.

When production code changes its timing, find new seeds with `python tests/simulation/storage_run.py --mutant NAME --histories 1000`.
"""

from simulation.mutation import Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="the sweeper doesn't look who needs what it was told to look at",
        module="quietzone_storage.contents.sweep",
        before=(
            "        if await assets.names(held.content.blob):\n"
            "            await contents.replace(held, held.content.needed())\n"
            "            return swept.plus(needed=1)\n"
            "        held = await contents.replace(held, held.content.condemned())\n"
            "    if held.content.standing is Standing.CONDEMNED:\n"
            "        if await assets.names(held.content.blob):\n"
        ),
        after=(
            "        held = await contents.replace(held, held.content.condemned())\n"
            "    if held.content.standing is Standing.CONDEMNED:\n"
            "        if not assets:\n"
        ),
        why="What one asset lets go of, another may need.",
        seeds=(0,),
    ),
    Mutant(
        name="an asset names bytes that may be gone",
        module="quietzone_storage.assets.use_cases",
        before="            if await self.shelf.holds(held.asset.account_id, contents):\n",
        after="            if contents or not contents:\n",
        why="A sweeper has removed them while they were written.",
        seeds=(43,),
    ),
    Mutant(
        name="what is let go of is never looked at",
        module="quietzone_storage.assets.use_cases",
        before="        left = {*held.asset.blobs, *held.naming} - {*after.blobs, *naming}\n",
        after="        left = set(after.blobs) - {*after.blobs, *naming}\n",
        why="Bytes that nobody needs are kept for ever.",
        seeds=(1,),
    ),
    Mutant(
        name="use is counted once more after a crash",
        module="quietzone_storage.usage.use_cases",
        before="        change = sum_held.usage.change_of(asset.asset_id, no)\n",
        after="        change = None\n",
        why="A change that was added before a crash is added again after it.",
        seeds=(9,),
    ),
    Mutant(
        name="images of live codes are deleted like uploads",
        module="quietzone_storage.lifecycle.domain",
        before="    return asset.thinned(at_ms) if is_of_code else asset.deleted(at_ms)\n",
        after="    return asset.deleted(at_ms)\n",
        why="The master of a code that is printed goes.",
        seeds=(101,),
    ),
    Mutant(
        name="an upload that is stuck is quarantined at once",
        module="quietzone_storage.uploads.use_cases",
        before="                if (reason := ENDED.get(await uploads.process(held.asset))) is not None:\n",
        after="                if reason := (await uploads.process(held.asset)).value:\n",
        why="A good file that a crash held up is kept from everybody.",
        seeds=(4,),
    ),
    Mutant(
        name="uploads go when they are archived",
        module="quietzone_storage.lifecycle.domain",
        before="    if unused_days > policy.delete + USE_KNOWN_TO_DAYS:\n",
        after="    if unused_days > policy.archive:\n",
        why="They are deleted early.",
        seeds=(0,),
    ),
    Mutant(
        name="to ask something back is no use of it",
        module="quietzone_storage.lifecycle.moves",
        before="    held = await keeper.change(held, held.asset.used(clock.now_ms()), naming=held.asset.movable)\n",
        after="    held = await keeper.change(held, held.asset, naming=held.asset.movable)\n",
        why="It is deleted for its age while the store brings it back.",
        seeds=(163,),
    ),
    Mutant(
        name="bytes are moved away whoever needs them",
        module="quietzone_storage.assets.repository",
        before="        return page.cursor is not None or any(\n",
        after="        return page.cursor is not None and any(\n",
        why="An asset that is to be read at once shares them.",
        seeds=(7,),
    ),
    Mutant(
        name="bytes that are on their way count as at hand",
        module="quietzone_storage.contents.repository",
        before=" and held.content.tier is Tier.HOT\n",
        after="\n",
        why="An asset is told to be there whose bytes are archived in the same moment.",
        seeds=(66,),
    ),
)
