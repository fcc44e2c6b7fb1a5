"""Reactions and tasks: in some histories a consumer makes a task of each change of a code, and workers run them.

What may go wrong is drawn from ids: some events kill themselves as long as the consumer isn't mended, some tasks fail for good, fail
once, ask to be run again, or take longer than a lease. In the end each event has its task, or waits among the dead letters; each task
has ended as it had to, by its last run; and what is redriven to the mended consumer has its task too.
"""

import asyncio
import contextlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from quietzone_kit.bus import Bus
from quietzone_kit.documents import Collection, Documents, DuplicateKey, VersionConflict
from quietzone_kit.events import Event, event_of
from quietzone_kit.ids import uuid7
from quietzone_kit.reaction import DeadLetters, Letter, Patience, run_reaction
from quietzone_kit.tasks import TASKS, Again, Done, Fail, Kind, NewTask, Retry, State, Task, Tasks, Tell, Worker
from quietzone_topics import QR_CODE_V1
from simulation.chance import Chance
from simulation.places import Place
from simulation.process import Process
from simulation.roles import patiently, until_stopped
from simulation.tuning import PARTITIONS, TASK_LEASE_S, TOPICS
from simulation.world import Role, World

NAME, STORE, ACCOUNT, KIND = "reactor", "tracking", "north", "look-after"

EFFECTS = Collection("effects", key="task_id")
"""What tasks make: one document each, which knows the fence of the run that wrote it last."""

SHARE = 0.25
"""Of histories: enough to find what is wrong, and what they cost more is paid by few."""

REST_WITHIN_S = 60.0
"""For what waits when all is healed: leases, retries and outages that began before, some after each other."""

REDRIVE_EVERY_S, HINDER_EVERY_S = 1.5, 1.0


class Poison(Exception):
    """What the consumer can't handle before it is mended."""


def draw(identifier: str) -> int:
    """What is drawn from an id: 0 to 9."""
    return zlib.crc32(identifier.encode()) % 10


@dataclass(slots=True)
class Reactions:
    """All of it in one history."""

    world: World
    chance: Chance
    is_mended: bool = False
    roles: list[Role] = field(default_factory=list)

    def staff(self) -> None:
        """Have one or two processes of it."""
        for number in range(1, self.chance.pick((1, 2)) + 1):
            self.roles.append(self.world.role(f"{NAME}-{number}", "core", self._main))

    async def hinder(self) -> None:
        """Hold a process up for longer than the lease of its tasks, now and then: it goes on where it was, and is late."""
        while True:
            await asyncio.sleep(self.chance.uniform(0, 2 * HINDER_EVERY_S))
            process = self.chance.pick(self.roles).process
            if process is None or not process.alive or process.paused:
                continue
            self.world.tell(f"{process.name} is held up")
            process.pause()
            try:
                await asyncio.sleep(self.chance.uniform(TASK_LEASE_S, 4 * TASK_LEASE_S))
            finally:
                process.resume()

    async def operate(self) -> None:
        """Redrive now and then, too early: the command may be cut off anywhere."""
        while True:
            await asyncio.sleep(self.chance.uniform(0, 2 * REDRIVE_EVERY_S))
            process = Process(self.world.loop, "operator")
            place = self.world.ground.place(process, self.world.machine("core"))
            process.fuse = self.chance.between(1, 8)
            letters = DeadLetters(place.bus(), QR_CODE_V1.name, NAME)
            # The operator is not of the house: whatever ends the command, somebody does it again.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    count = await process.ask(letters.redrive)
                    self.world.tell(f"{count} dead letters are redriven too early")
            process.kill()

    async def _main(self, place: Place, role: Role) -> None:
        documents, bus = place.documents(STORE), place.bus()
        await patiently(lambda: documents.ensure(TASKS, EFFECTS))
        await patiently(lambda: bus.ensure(TOPICS))
        owner = uuid7(place.clock, place.randomness)
        kinds = {KIND: Kind(_LookAfter(documents, self.chance.fork(owner)))}
        worker = Worker(documents, kinds, clock=place.clock, randomness=place.randomness, owner=owner, concurrency=2)
        tasks = Tasks(documents, place.clock, place.randomness, wake=worker.wake)
        reaction = _Reacting(self, tasks)
        patience = Patience(attempts=2)
        run = run_reaction(bus, QR_CODE_V1.name, NAME, reaction, place.clock, randomness=place.randomness, patience=patience)
        await until_stopped(role, run, worker.run())

    async def check(self, bus: Bus, documents: Documents) -> None:
        """Wait for rest, and say what is wrong; then mend the consumer, redrive, and look again. All others have done their work."""
        for role in self.world.roles.values():
            if role not in self.roles and role.process is not None:
                role.retired = True
                role.process.kill()
        await documents.ensure(TASKS, EFFECTS)
        events = await _event_ids(bus)
        letters = DeadLetters(bus, QR_CODE_V1.name, NAME)
        await self._settle(events, letters, documents)
        self.world.counts["reactions: dead letters"] += (await letters.summary()).total
        self.is_mended = True
        self.world.counts["reactions: redriven"] += await letters.redrive()
        await self._settle(events, letters, documents)
        self.world.counts["reactions: events"] += len(events)

    async def _settle(self, events: set[str], letters: DeadLetters, documents: Documents) -> None:
        deadline = self.world.loop.time() + REST_WITHIN_S
        while not self.world.violations:
            tasks = await _tasks(documents)
            wrong = await self._unsettled(events, (await letters.page(limit=1_000)).letters, tasks)
            if not wrong:
                wrong = await _untrue(tasks, documents)
                for problem in wrong[:5]:
                    self.world.violate(problem)
                return
            if self.world.loop.time() > deadline:
                for problem in wrong[:5]:
                    self.world.violate(problem)
            await asyncio.sleep(0.5)

    async def _unsettled(self, events: set[str], letters: Sequence[Letter], tasks: Sequence[Task]) -> list[str]:
        """What isn't as it has to be in the end, and may be on its way there."""
        dead = {_event_id(letter) for letter in letters}
        made = [task.dedup_key or "" for task in tasks]
        found = []
        for event_id in sorted(events):
            if made.count(event_id) == 0 and (event_id not in dead or self.is_mended):
                found.append(f"event {event_id} has neither a task nor a dead letter")
            if made.count(event_id) > 1:
                found.append(f"event {event_id} has {made.count(event_id)} tasks")
            if event_id in dead and (self.is_mended or not is_poison(event_id)):
                found.append(f"event {event_id} is dead, and needn't be")
        found += [f"task {task.task_id} is {task.state.value}" for task in tasks if not task.is_final]
        return found + [f"task of {event_id}, which is no event" for event_id in made if event_id not in events]


def is_poison(event_id: str) -> bool:
    """Whether only a mended consumer handles this event."""
    return draw(event_id) < 2


class _Reacting:
    """Makes a task of each event."""

    def __init__(self, reactions: Reactions, tasks: Tasks) -> None:
        self._reactions = reactions
        self._tasks = tasks
        self._failed: set[str] = set()

    def knows(self, event_type: str) -> bool:
        """All of them."""
        return bool(event_type)

    async def react(self, event: Event) -> None:
        """Fail on some, on others only once."""
        if is_poison(event.id) and not self._reactions.is_mended:
            raise Poison(event.id)
        if draw(event.id) == 2 and event.id not in self._failed:
            self._failed.add(event.id)
            raise Poison(event.id)
        await self._tasks.add(NewTask(ACCOUNT, KIND, {"event": event.id}, dedup_key=event.id))


class _LookAfter:
    """Runs the tasks; it takes its time, and writes what only its run may write."""

    def __init__(self, documents: Documents, chance: Chance) -> None:
        self._documents = documents
        self._chance = chance

    async def run(self, task: Task, tell: Tell) -> Done | Again:  # noqa: ARG002 - nobody looks
        """As it was drawn from the task's id."""
        drawn = draw(task.task_id)
        if drawn == 0:
            raise Fail("never")
        await asyncio.sleep(self._chance.uniform(0, 5.0 if drawn in {1, 2, 3} else 0.2))
        if drawn == 4 and not task.attempts:
            raise Retry("not this time")
        if drawn == 5 and task.result is None:
            return Again(after_ms=300, result={"fence": task.fence})
        await self._write(task)
        return Done({"fence": task.fence})

    async def _write(self, task: Task) -> None:
        """The effect, unless a later run was here."""
        body = {"task_id": task.task_id, "fence": task.fence}
        for _ in range(5):
            found = await self._documents.get(EFFECTS, task.task_id)
            if found is not None and int(str(found.body["fence"])) > task.fence:
                raise Fail("a later run was here")
            with contextlib.suppress(VersionConflict, DuplicateKey):
                if found is None:
                    await self._documents.insert(EFFECTS, body)
                else:
                    await self._documents.replace(EFFECTS, body, if_version=found.version)
                return


async def _tasks(documents: Documents) -> list[Task]:
    found, cursor = [], None
    while True:
        page = await Tasks(documents, None, None).list(ACCOUNT, after=cursor)  # type: ignore[arg-type]
        found += page.tasks
        cursor = page.cursor
        if cursor is None:
            return found


async def _untrue(tasks: Sequence[Task], documents: Documents) -> list[str]:
    """What is wrong with tasks that have ended."""
    effects = await documents.get_many(EFFECTS, [task.task_id for task in tasks])
    found = []
    for task in tasks:
        effect = effects.get(task.task_id)
        wanted = State.DEAD if draw(task.task_id) == 0 else State.DONE
        if task.state is not wanted:
            found.append(f"task {task.task_id} is {task.state.value} ({task.error}), should be {wanted.value}")
        elif task.state is State.DONE and task.result != {"fence": task.fence}:
            found.append(f"task {task.task_id} was ended by a run that had lost it: {task.result}, its fence is {task.fence}")
        elif task.state is State.DONE and (effect is None or effect.body["fence"] != task.fence):
            found.append(f"task {task.task_id} is done by run {task.fence}, its effect is {effect}")
    return found


async def _event_ids(bus: Bus) -> set[str]:
    found: set[str] = set()
    consumer = await bus.follow(QR_CODE_V1.name)
    await consumer.poll(max_records=1, wait_s=0)
    for partition in range(PARTITIONS):
        consumer.seek(partition, 0)
    while records := [record for run in (await consumer.poll(max_records=1_000, wait_s=0)).records.values() for record in run]:
        found.update(event_of(record).id for record in records)
    await consumer.close()
    return found


def _event_id(letter: Letter) -> str:
    return dict(letter.headers)["ce_id"].decode()
