"""Faults that could have been made, each of which the histories must find.

`seeds` of each are histories that are known to catch it; `make test` plays only these. When production code changes its timing, find
new ones with `python tests/simulation/run.py --only-mutants`.
"""

from simulation.mutation import Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="the spool is never flushed",
        module="quietzone_tracking.spool.writer",
        before="    for file in files:\n        file.sync()\n",
        after="    del files\n",
        why="A machine that crashes takes scans with it that were answered long ago.",
        seeds=(11, 15, 77),
    ),
    Mutant(
        name="a write that failed counts as written",
        module="quietzone_tracking.spool.writer",
        before='            raise NotRecorded("disk", str(error)) from error\n',
        after="            return self.last_seq\n",
        why="The edge says nothing of scans that it couldn't record.",
        seeds=(25, 45, 48),
    ),
    Mutant(
        name="redirects don't wait for the flush they promise",
        module="quietzone_tracking.edge.edge",
        before='        if last_seq is not None and self._options.ack == "disk":\n',
        after='        if last_seq is not None and self._options.ack == "bus":\n',
        why="With ack=disk an answered scan is on disk.",
        seeds=(136, 161, 185),
    ),
    Mutant(
        name="a source that begins counts as ended",
        module="quietzone_tracking.spool.layout",
        before='    return any(name != _LOCK for name in files.names(f"{SPOOL}/{source_id}"))\n',
        after="    return bool(files and source_id)\n",
        why="A forwarder that looks before the edge has its lock takes it for dead, and deletes what it writes from then on.",
        seeds=(47, 300),
    ),
    Mutant(
        name="a live source counts as ended",
        module="quietzone_tracking.spool.reader",
        before="        return NothingYet(position) if running else self._end(position, passed)\n",
        after="        return NothingYet(position) if running and not passed else self._end(position, passed)\n",
        why="A tail that isn't whole yet is cut off while its writer holds the lock; what it writes next is never read.",
        seeds=(25, 48),
    ),
    Mutant(
        name="checkpoint before the ack",
        module="quietzone_tracking.forwarder.forwarder",
        before="        await self._publish(messages)\n",
        after=(
            "        for source, load in loads:\n"
            "            source.acknowledge(load, 0)\n"
            "        await self._save_due()\n"
            "        await self._publish(messages)\n"
        ),
        why="A forwarder that dies in between never sends these scans.",
        seeds=(15, 26, 41),
    ),
    Mutant(
        name="only the second half is sent again",
        module="quietzone_tracking.forwarder.forwarder",
        before="                await self._bus.publish(messages)\n",
        after="                await self._bus.publish(messages[len(messages) // 2 :] if attempt else messages)\n",
        why="After an error nobody knows which part came through.",
        seeds=(56, 87),
    ),
    Mutant(
        name="prev_seq not checked",
        module="quietzone_analytics.projection.domain",
        before="        if prev_seq > source.last_seq and not self._may_jump(source, born_ms):\n",
        after="        if False:\n",
        why="A batch that overtook another hides the other's scans.",
        seeds=(159,),
    ),
    Mutant(
        name="applied_offset not checked",
        module="quietzone_analytics.rollups.repository",
        before="        floor = self.applied_offset if self.epoch == epoch else NEVER\n",
        after="        floor = NEVER\n",
        why="Documents that were written before a crash count the same scans again.",
        seeds=(11, 15),
    ),
    Mutant(
        name="state before documents",
        module="quietzone_analytics.projection.use_cases",
        before="        await self._publish(await self._folder.fold(place, chunk.gathered))\n",
        after=(
            "        await self._ownership.save(chunk.draft.finish(next_offset))\n"
            "        await self._publish(await self._folder.fold(place, chunk.gathered))\n"
        ),
        why="A crash in between loses scans that the state says were counted.",
        seeds=(11,),
    ),
    Mutant(
        name="milestones after the state",
        module="quietzone_analytics.projection.use_cases",
        before="        await self._publish(await self._folder.fold(place, chunk.gathered))\n",
        after=(
            "        crossed = await self._folder.fold(place, chunk.gathered)\n"
            "        await self._ownership.save(chunk.draft.finish(next_offset))\n"
            "        await self._publish(crossed)\n"
        ),
        why="A crash in between swallows a milestone.",
        seeds=(26, 43, 106),
    ),
    Mutant(
        name="relay removes before it publishes",
        module="quietzone_kit.outbox._relay",
        before="        published = 0\n        try:\n",
        after="        published = 0\n        await self._remove(documents, [_first(queue, 100) for queue in queues])\n        try:\n",
        why="A change whose event is gone never reaches an edge.",
        seeds=(13, 21, 25),
    ),
    Mutant(
        name="a link goes back to an older revision",
        module="quietzone_tracking.links.memory",
        before="        newest = known if known is not None and known.revision >= link.revision else link\n",
        after="        newest = link\n",
        why="An event that comes late or twice leads scans where the code no longer leads.",
        seeds=(8, 12, 34),
    ),
    Mutant(
        name="edges follow from now on",
        module="quietzone_tracking.links.view",
        before="        return position.next_offset\n",
        after="        return bounds.next\n",
        why="What changed between snapshot and start is never heard of.",
        seeds=(19, 23, 26),
    ),
    Mutant(
        name="slugs need not be unique",
        module="quietzone_qr.codes.repository",
        before='Index("by_slug", ("slug",), unique=True)',
        after='Index("by_slug", ("slug",))',
        why="A printed code is given to somebody else.",
        seeds=(0, 1, 4),
    ),
    Mutant(
        name="a reaction commits before it reacts",
        module="quietzone_kit.reaction._run",
        before="                await self._records.settle(lane.waiting[0])\n",
        after=(
            "                await consumer.commit({lane.partition: lane.waiting[0].offset + 1})\n"
            "                await self._records.settle(lane.waiting[0])\n"
        ),
        why="A crash in between passes over an event that nobody has reacted to.",
        seeds=(29, 74, 92),
    ),
    Mutant(
        name="a dead letter isn't sent",
        module="quietzone_kit.reaction._records",
        before="        await self._publish(to_dead(record, origin, death, self._dead))\n",
        after="        await asyncio.sleep(0)\n",
        why="A record that couldn't be handled is gone, and nobody can redrive it.",
        seeds=(4, 6, 13),
    ),
    Mutant(
        name="dead letters are settled before they are sent back",
        module="quietzone_kit.reaction._dead",
        before=(
            '        if how == "redriven":\n'
            "            await self._send([to_redriven(letter, self._redrive) for letter in batch.letters])\n"
            "        await self._send([to_settlement(letter, how, self._dead) for letter in batch.letters])\n"
        ),
        after=(
            "        await self._send([to_settlement(letter, how, self._dead) for letter in batch.letters])\n"
            '        if how == "redriven":\n'
            "            await self._send([to_redriven(letter, self._redrive) for letter in batch.letters])\n"
        ),
        why="A redrive that is cut off in between loses them.",
        seeds=(50, 73, 92),
    ),
    Mutant(
        name="a task's lease isn't fenced",
        module="quietzone_kit.tasks._run",
        before='found.body["fence"] != self.task.fence or ',
        after="",
        why="A worker that was paused ends a task that another one runs now.",
        seeds=(50, 127, 146),
    ),
    Mutant(
        name="a task is added twice",
        module="quietzone_kit.tasks._tasks",
        before="        task_id = uuid7(self._clock, self._randomness) if new.dedup_key is None else self.id_of(new)\n",
        after="        task_id = uuid7(self._clock, self._randomness)\n",
        why="An event that comes again has its effect again.",
        seeds=(13, 18, 24),
    ),
    Mutant(
        name="a task waits until the clock says so",
        module="quietzone_kit.tasks._worker",
        before="        ahead = await self._query(Query(BY_SET.name, at_least=now_ms + int(SKEW_S * 1000), limit=PAGE))\n",
        after="        ahead: list[Stored] = []\n",
        why="When a clock is set back, what was to be done soon is done hours later.",
        seeds=(413, 432),
    ),
)
