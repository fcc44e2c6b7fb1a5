import os

import pytest

from simulation.run import play

HISTORIES = 200
BESIDE_A_NEWER_RELEASE = 25
PROCESSES = min(2, os.cpu_count() or 1)

FAULTS = (
    "bit flip",
    "bus answer lost",
    "bus carried out late",
    "bus done in part",
    "bus down",
    "bus done twice",
    "bus late",
    "bus refused",
    "clock jump",
    "disk errors",
    "documents answer lost",
    "documents carried out late",
    "documents down",
    "documents late",
    "documents refused",
    "kill -9",
    "kill -9 within its code",
    "machine crash",
    "pause",
    "stop in order",
)


@pytest.mark.timeout(900)  # 200 x 0.1 s, on a machine that may be busy with all other tests
def test_no_scan_is_lost_or_counted_twice_and_no_code_dies_whatever_fails() -> None:
    report = play(0, HISTORIES, PROCESSES)

    assert not report.failures, "\n".join(
        f"seed {seed}: `python tests/simulation/run.py --seed {seed}`\n{story}" for seed, story in report.failures[:3]
    )
    assert report.histories == HISTORIES
    assert [name for name in FAULTS if not report.counts[f"fault: {name}"]] == []
    assert report.counts["scans counted"] > 20 * HISTORIES


@pytest.mark.timeout(300)  # 25 x 0.3 s, on a machine that may be busy with all other tests
def test_what_a_newer_release_has_written_into_the_stores_is_there_whatever_fails() -> None:
    report = play(0, BESIDE_A_NEWER_RELEASE, PROCESSES, newer=True)

    assert not report.failures, "\n".join(
        f"seed {seed}: `python tests/simulation/run.py --newer --seed {seed}`\n{story}" for seed, story in report.failures[:3]
    )


def test_a_seed_is_the_same_history_in_every_process_and_after_any_other() -> None:
    alone = [play(seed, 1).digests[seed] for seed in (1000, 1003)]
    in_a_row = play(1000, 4).digests

    assert [in_a_row[1000], in_a_row[1003]] == alone
