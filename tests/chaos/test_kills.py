from pathlib import Path

from chaos.kills import run
from house import house_in


def test_no_scan_is_lost_or_counted_twice_while_processes_are_killed(tmp_path: Path) -> None:
    with house_in(tmp_path / "data") as house:
        report = run(house, scans=3_000, kills=6, seed=7)

    assert (report.lost, report.double, report.problems) == (0, 0, ())
