"""What partitions carry when codes aren't equally popular: the figures of docs/scale.md, on paper and seeded.

The rules are the product's own: a code's partition, a forwarder's turns, batches and messages, the records of a poll, what one write of
documents may span, what states and totals keep. What work costs is fitted to the tables of docs/benchmarks.md. Popularity is Zipf's law
with exponent 1 in its continuous form: rank r has ln(1 + 1/r) / ln(codes + 1) of the scans. One viral code comes on top.

    python bench/simulate.py [--scans 1000000] [--edges 40] [--codes 10000000] [--viral 100000] [--burst 400000] [--seed 1]
    python bench/simulate.py --measure      two figures that no other bench has; they differ from run to run

`scans` are those of a second, `viral` the viral code's part of them, `burst` how many more it has for a minute.
"""

import argparse
import itertools
import math
import random  # noqa: TID251 - seeded data
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bson
import uvloop

sys.path.insert(0, str(Path(__file__).parent))

import rollup

from quietzone_analytics.projection import ScanState, ScanStates, Source
from quietzone_analytics.projection.chunk import MAX_SCANS as CHUNK_SCANS
from quietzone_analytics.projection.domain import MAX_AGE_MS, Pruned
from quietzone_analytics.rollups.codec import encode_total
from quietzone_analytics.rollups.domain import DAY_MS, OFFSET_WINDOW, Milestone, Total
from quietzone_kit.bus import partition_of
from quietzone_kit.lifecycle import collect_rarely
from quietzone_kit.telemetry import configure_logs
from quietzone_tracking.forwarder.batches import Batch, batches
from quietzone_tracking.forwarder.enrich import ScanClass, Traits
from quietzone_tracking.forwarder.events import scans_message
from quietzone_tracking.forwarder.forwarder import POLL_S
from quietzone_tracking.forwarder.source import LARGE
from quietzone_tracking.spool import Frame, SpooledScan
from quietzone_tracking.spool.frames import MAX_FRAME

BENCHMARKS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PARTITIONS = (16, 64, 256, 1024)
POLL_RECORDS = 500  # the default `max_records` of `run_projection`, which analytics leaves as it is
SPOOLED_BYTES = 200  # of a scan in the spool (services/tracking/README.md)
LOAD_SCANS = MAX_FRAME // SPOOLED_BYTES
MESSAGE_US = 20.0  # what a message costs a forwarder beside its scans, as `--measure` prints it; the bus's client is not in it
HEAD = 100_000  # ranks whose partition is looked up; those behind are spread evenly, none has more than 1/1,600,000 of the scans
VIRAL = 0  # the viral code's rank
BUSY = 0.7  # of a core: more leaves no room to catch up
BURST_S = 60
SOURCE = "019a0b2f-0000-7000-8000-000000000001"
START_MS = 1_772_445_600_000


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of CPU: counting a scan, writing a document, taking up a record; forwarding a scan."""

    scan: float
    document: float
    record: float
    forward: float


@dataclass(frozen=True, slots=True)
class Turns:
    """When a forwarder looks at its spool again, how many scans make it look at once, and how long the bus takes to acknowledge."""

    poll_s: float = POLL_S
    large: int = LARGE
    ack_s: float = 0.005


@dataclass(frozen=True, slots=True)
class Scene:
    """`scans` a second at `edges` edges, of which `viral` are of one code; the rest is shared by `codes`."""

    scans: int
    viral: int
    edges: int
    codes: int
    costs: Costs
    popularity: "Popularity"

    @property
    def viral_share(self) -> float:
        """The viral code's part of all scans."""
        return self.viral / self.scans


@dataclass(frozen=True, slots=True)
class Share:
    """A partition's part of all scans. `viral` of them are the viral code's; of the others `head` are of `ranks`, by cumulated share."""

    total: float
    viral: float
    head: float
    ranks: Sequence[int]
    cumulated: Sequence[float]
    partitions: int


class Popularity:
    """Which codes are scanned."""

    def __init__(self, codes: int, seed: int) -> None:
        self._log = math.log(codes + 1)
        self._chance = random.Random(seed)
        self._seed = seed
        self._ids: dict[int, str] = {}

    def rank(self, *, behind: int = 0) -> int:
        """A scan's code but for the viral one, by rank from 1 on; one of those behind a rank."""
        first = math.log(behind + 1)
        return int(math.exp(first + self._chance.random() * (self._log - first)))

    def code_id(self, rank: int) -> str:
        """A code's id: a UUIDv7 whose 74 random bits follow from rank and seed."""
        if rank not in self._ids:
            bits = random.Random(self._seed << 32 | rank).getrandbits(74)
            self._ids[rank] = str(uuid.UUID(int=START_MS << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (1 << 62) - 1))
        return self._ids[rank]

    def shares(self, partitions: int, viral_share: float) -> list[Share]:
        """Each partition's share, by the product's own partition function; the largest comes last."""
        ranks: list[list[int]] = [[] for _ in range(partitions)]
        for rank in range(1, HEAD + 1):
            ranks[partition_of(self.code_id(rank), partitions)].append(rank)
        home = partition_of(self.code_id(VIRAL), partitions)
        tail = (1 - math.log(HEAD + 1) / self._log) / partitions
        found = []
        for partition, own in enumerate(ranks):
            cumulated = list(itertools.accumulate(math.log1p(1 / rank) / self._log for rank in own))
            viral = viral_share if partition == home else 0.0
            total = viral + (cumulated[-1] + tail) * (1 - viral_share)
            found.append(Share(total, viral / total, cumulated[-1] / (cumulated[-1] + tail), own, cumulated, partitions))
        return sorted(found, key=lambda share: share.total)

    def codes_of(self, share: Share, scans: int) -> set[int]:
        """The codes of so many scans of a partition: ranks, and negative numbers for those behind HEAD."""
        viral = round(scans * share.viral)
        popular = round((scans - viral) * share.head)
        found = set(self._chance.choices(share.ranks, cum_weights=share.cumulated, k=popular))
        # of as many neighbours in rank as there are partitions, one is of this partition
        found |= {-(self.rank(behind=HEAD) // share.partitions) for _ in range(scans - viral - popular)}
        return found | {VIRAL} if viral else found


def read_costs() -> Costs:
    """From docs/benchmarks.md: 'Bus to rollup' by least squares of relative errors, the forwarder's as a busy edge's row has it.

    Each row of 'Bus to rollup' says: 1e6 / rate = scan + document / (scans a document) + record / (scans a batch).
    """
    text = BENCHMARKS.read_text()
    read = re.findall(r"^\| (?:backlog|live).*batches of ([\d,]+)[^|]*\| ([\d,]+) \|[^|]*\| ([\d.]+) \|", text, re.MULTILINE)
    forwarded = re.search(r"^\| 32 scans a frame \| ([\d,]+) \|", text, re.MULTILINE)
    if len(read) < 4 or forwarded is None:
        sys.exit(f"{BENCHMARKS} has other tables than this bench reads: bring `read_costs` up to date")
    rows = [tuple(float(cell.replace(",", "")) for cell in row) for row in read]
    scan, document, record = least_squares([[rate / 1e6, rate / 1e6 / scans, rate / 1e6 / batch] for batch, rate, scans in rows])
    heading(f"rows of docs/benchmarks.md | scans/CPU-s | by {scan:.1f} us a scan, {document:.0f} a document, {record:.0f} a record")
    for batch, rate, scans in rows:
        fitted = 1e6 / (scan + document / scans + record / batch)
        line(f"batches of {batch:,.0f}, {scans:g} scans a document | {rate:,.0f} | {fitted:,.0f}")
    return Costs(scan, document, record, 1e6 / float(forwarded[1].replace(",", "")))


def least_squares(equations: Sequence[Sequence[float]]) -> list[float]:
    """The x for which each equation's product with x is 1, as nearly as can be (normal equations, Gauss-Jordan)."""
    size = len(equations[0])
    matrix = [[sum(one[i] * one[j] for one in equations) for j in range(size)] + [sum(one[i] for one in equations)] for i in range(size)]
    for i in range(size):
        for j in range(size):
            if i != j:
                matrix[j] = [x - matrix[j][i] / matrix[i][i] * y for x, y in zip(matrix[j], matrix[i], strict=True)]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One edge's forwarder: scans in a load, loads a second, how much of a core it uses."""

    load: float
    loads: float
    busy: float


def forwarding(rate: float, messages: int, costs: Costs, turns: Turns) -> Forwarding:
    """A forwarder's turns, as `Forwarder.run` takes them, when its edge accepts `rate` scans a second; a load becomes `messages`."""
    now, taken, loads, busy = 0.0, 0, 0, 0.0
    while now < 20.0:
        load = min(int(now * rate) - taken, LOAD_SCANS)
        if load:
            work_s = (load * costs.forward + min(load, messages) * MESSAGE_US) / 1e6
            taken, loads, busy, now = taken + load, loads + 1, busy + work_s, now + work_s + turns.ack_s
        if load < turns.large:
            now += turns.poll_s
    return Forwarding(taken / loads, loads / now, busy / now)


def load_of(scene: Scene, scans: int) -> list[Frame]:
    """A load as an edge spools it, 32 scans a frame; the user agent stands for one of 200 combinations of traits."""
    chance = random.Random(scans)
    ranks = [VIRAL if chance.random() < scene.viral_share else scene.popularity.rank() for _ in range(scans)]
    spooled = []
    for seq, rank in enumerate(ranks):
        code, account, time_ms = scene.popularity.code_id(rank), f"account-{rank % 1000}", START_MS + seq // 25
        spooled.append(SpooledScan(code, account, time_ms, chance.getrandbits(64), b"", b"%d" % (seq % 200), b"", b""))
    return [Frame(at + 1, 0, tuple(spooled[at : at + 32]), 0, 0) for at in range(0, scans, 32)]


def batches_of(frames: Sequence[Frame], partitions: int) -> list[Batch]:
    """By the forwarder's own rules."""
    traits = [Traits(ScanClass.PERSON, f"C{one % 20}", "phone", f"Browser {one % 5}", "Android", "direct", "de") for one in range(200)]
    where = {scan.code_id: partition_of(scan.code_id, partitions) for frame in frames for scan in frame.scans}
    return [*batches(SOURCE, frames, [0] * partitions, partition_of=where.__getitem__, traits_of=lambda client: traits[int(client[0])])]


@dataclass(frozen=True, slots=True)
class Poll:
    """What applying a partition's records of one poll takes."""

    scans: int
    documents: int
    us: float

    @property
    def rate(self) -> float:
        """Scans a second that one core applies."""
        return 1e6 * self.scans / self.us


def poll(scene: Scene, share: Share, load: float, records: float) -> Poll:
    """So many records of a partition; an edge's load becomes one if any of its scans is of the partition.

    Documents are a day and a total of each code, a month of each account, and the state. They are written once for every CHUNK_SCANS
    scans or OFFSET_WINDOW records (`Chunk.has_room`).
    """
    scans = records * load * share.total / (1 - (1 - share.total) ** load)
    parts = max(math.ceil(scans / CHUNK_SCANS), math.ceil(records / OFFSET_WINDOW))
    part = max(1, round(scans / parts))
    codes = scene.popularity.codes_of(share, part)
    accounts = {code * 7919 % (scene.codes // 100) for code in codes}  # an account has a hundred codes
    documents = parts * (2 * len(codes) + len(accounts) + 1)
    us = part * parts * scene.costs.scan + documents * scene.costs.document + records * scene.costs.record
    return Poll(part * parts, documents, us)


@dataclass(frozen=True, slots=True)
class Result:
    """What a number of partitions comes to. `busiest` is a poll of the busiest one by a process that has no other, `typical` one of
    the median one by one of `processes`.
    """

    scene: Scene
    partitions: int
    forwarder: Forwarding
    messages: int
    bytes_a_scan: float
    share: float
    busiest: Poll
    typical: Poll
    processes: int

    @property
    def cores(self) -> tuple[float, float]:
        """Cores that the busiest partition needs (a process uses one), and that all need together."""
        return self.share * self.scene.scans / self.busiest.rate, self.scene.scans / self.typical.rate


def simulate(scene: Scene, partitions: int, turns: Turns = Turns()) -> Result:
    """Each process has as many partitions; there are the fewest that stay below BUSY, at most one for each partition."""
    forwarder = forwarding(scene.scans / scene.edges, partitions, scene.costs, turns)
    sent = [scans_message(batch) for batch in batches_of(load_of(scene, round(forwarder.load)), partitions)]
    shares = scene.popularity.shares(partitions, scene.viral_share)
    processes = 1
    while True:
        typical = poll(scene, shares[partitions // 2], forwarder.load, max(1.0, POLL_RECORDS * processes / partitions))
        if processes == partitions or scene.scans / typical.rate <= BUSY * processes:
            break
        processes *= 2
    size, busiest = sum(len(message.value) for message in sent) / forwarder.load, poll(scene, shares[-1], forwarder.load, POLL_RECORDS)
    return Result(scene, partitions, forwarder, len(sent), size, shares[-1].total, busiest, typical, processes)


def heading(cells: str) -> None:
    print(f"\n| {cells} |\n{'| - ' * (cells.count('|') + 1)}|")


def line(cells: str) -> None:
    print(f"| {cells} |", flush=True)


def show_partitions(scene: Scene, burst: int) -> None:
    """What changes with the number of partitions, by the rules as they are."""
    wild = replace(scene, scans=scene.scans + burst, viral=scene.viral + burst)
    found = [[simulate(case, each) for case in (replace(scene, viral=0), scene, wild)] for each in PARTITIONS]
    heading("partitions | scans a load | loads/s an edge | bytes a scan | a forwarder's core | in the burst")
    for _, one, burst_one in found:
        at = one.forwarder
        line(
            f"{one.partitions} | {at.load:,.0f} | {at.loads:.1f} | {one.bytes_a_scan:.0f} | {at.busy:.0%} | {burst_one.forwarder.busy:.0%}"
        )
    heading("partitions | busiest, calm | its cores | with the viral code | its cores | behind after the burst | caught up after")
    for calm, one, burst_one in found:
        behind = max(0.0, burst_one.share * wild.scans - burst_one.busiest.rate) * BURST_S
        spare = one.busiest.rate - one.share * scene.scans
        shares = f"{calm.share:.1%} | {calm.cores[0]:.2f} | {one.share:.1%} | {one.cores[0]:.2f}"
        line(f"{one.partitions} | {shares} | {behind / 1e6:.1f} M scans | {f'{behind / spare:,.0f} s' if spare > 0 else 'never'}")
    show_counting("partitions", [(f"{one.partitions}", one) for _, one, _ in found])
    show_sizes([one for _, one, _ in found])


def show_turns(scene: Scene) -> None:
    """What it would bring if forwarders waited longer for company."""
    cases = [(partitions, turns) for partitions in (64, 256) for turns in (Turns(), Turns(0.25, 10_000), Turns(1.0, 10_000))]
    rows = [(f"{partitions}, {turns.poll_s:g} s, {turns.large:,}", simulate(scene, partitions, turns)) for partitions, turns in cases]
    show_counting("partitions, POLL_S, LARGE", rows)


def show_counting(title: str, rows: Sequence[tuple[str, Result]]) -> None:
    """What counting takes."""
    heading(f"{title} | scans a message | messages/s | processes | cores | scans a document | documents/s | scans/s at most")
    for name, one in rows:
        busiest, every = one.cores
        at_most = one.scene.scans / max(busiest, every / one.partitions)  # then the busiest or the typical partition fills its process
        a_document = one.typical.scans / one.typical.documents
        sent = f"{one.forwarder.load / one.messages:.1f} | {one.messages * one.forwarder.loads * one.scene.edges:,.0f}"
        written = f"{a_document:.2f} | {one.scene.scans / a_document:,.0f}"
        line(f"{name} | {sent} | {one.processes} | {every:,.0f} | {written} | {at_most:,.0f}")


def show_sizes(found: Sequence[Result]) -> None:
    """Documents that grow with more than their own code's scans; edges start once a day."""
    heading("partitions | sources remembered | bytes of a state | states, MB/s | milestones in the viral total | bytes of it")
    for one in found:
        sources = one.scene.edges * (MAX_AGE_MS // DAY_MS + 1)
        known = {str(uuid.UUID(int=at)): Source(10**9, 10**8, closed_at_ms=START_MS) for at in range(sources)}
        place = {"partition": 0, "log_id": SOURCE, "epoch": 0, "owner": SOURCE, "next_offset": 10**9, "adopted_at_ms": 0}
        state = ScanState(**place, counted_until_ms=START_MS, rejected=0, sources=known, pruned=Pruned())  # type: ignore[arg-type]
        size = len(bson.encode(ScanStates(None).encode(state)))  # type: ignore[arg-type] # encoding asks no store
        kept = round(OFFSET_WINDOW * one.forwarder.load * one.scene.viral_share / 100)
        total = Total(10**9, 0, 0, START_MS, [Milestone(10**9 + 100 * at, 10**8 + at, START_MS) for at in range(kept)])
        written = size * one.messages * one.forwarder.loads * one.scene.edges / POLL_RECORDS / 1e6
        line(f"{one.partitions} | {sources:,} | {size:,} | {written:,.0f} | {kept:,} | {len(encode_total(total)):,}")


def show_distance(costs: Costs) -> None:
    """What one source sends at most, however full its spool is: one load is under way at a time."""
    heading(f"until the bus acknowledges | {' | '.join(f'scans/s, {partitions} partitions' for partitions in PARTITIONS)}")
    for ack_s in (0.005, 0.05, 0.15, 0.3):
        full = [forwarding(1e6, partitions, costs, Turns(ack_s=ack_s)) for partitions in PARTITIONS]
        line(f"{ack_s * 1000:.0f} ms | {' | '.join(f'{one.load * one.loads:,.0f}' for one in full)}")


def measure(scene: Scene) -> None:
    """A message's own cost in a forwarder, and counting scans of one code only."""
    (few_s, few), (many_s, many) = (min(forward(load_of(scene, 2_000), partitions) for _ in range(5)) for partitions in (16, 1024))
    print(f"a message costs a forwarder {1e6 * (many_s - few_s) / (many - few):.0f} us beside its scans")
    rollup.CODES = rollup.PARTITIONS = 1
    for batch in (100, 1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            found = uvloop.run(rollup.run(rollup.Case("one code", batch, POLL_RECORDS), 500_000, Path(folder), None))
        print(f"one code, batches of {batch:,}: {found.rate:,.0f} scans/CPU-s, {1e6 / found.rate:.1f} us a scan", flush=True)


def forward(frames: Sequence[Frame], partitions: int) -> tuple[float, int]:
    """CPU seconds for one load into messages, and how many messages they are."""
    started = time.process_time()
    sent = [scans_message(batch) for batch in batches_of(frames, partitions)]
    return time.process_time() - started, len(sent)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in {"scans": 1_000_000, "edges": 40, "codes": 10_000_000, "viral": 100_000, "burst": 400_000, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--measure", action="store_true", help="measure what MESSAGE_US and one viral code come to")
    asked = parser.parse_args()
    configure_logs("bench", "simulate", level="error")
    collect_rarely()  # as `lifecycle.run` does
    scene = Scene(asked.scans, asked.viral, asked.edges, asked.codes, read_costs(), Popularity(asked.codes, asked.seed))
    if asked.measure:
        measure(scene)
        return
    show_partitions(scene, asked.burst)
    show_turns(scene)
    show_distance(scene.costs)


if __name__ == "__main__":
    main()
