"""A slice of the delivery chaos; `python tests/chaos/deliveries.py` is all of it."""

from pathlib import Path

from chaos.deliveries import run

MOST_REPEATED_A_KILL = 40
"""A full window and its outcomes on a machine that is busy with other tests; it is 2 to 6 alone."""


def test_deliveries_arrive_whose_sender_is_killed_and_few_come_twice(tmp_path: Path) -> None:
    report = run(tmp_path, deliveries=4_000, every_s=30.0, of_life=1_500)

    assert (report.lost, report.undelivered) == (0, 0)
    assert report.kills >= 2
    assert report.repeats <= MOST_REPEATED_A_KILL * report.kills
