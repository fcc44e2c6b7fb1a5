"""Some of the faults that `make chaos BACKENDS=real` goes through, for seconds each; docs/chaos.md has a whole run."""

from collections.abc import Iterator

import pytest

from chaos.arena import arena_in
from chaos.faults import SHORT, Fault, faults
from chaos.servers_fail import Trial

KINDS = ("kafka", "mongodb", "redis", "s3", "toxiproxy")
pytestmark = [pytest.mark.server(*KINDS, own=True), pytest.mark.timeout(300)]

QUICK = ("killed and restarted", "acknowledgements", "cut off", "half-open", "S3 killed", "asleep wakes", "delivered again", "kill -9")
"""One of each kind."""


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with arena_in(tmp_path_factory.mktemp("house") / "data") as arena:
        yield Trial(arena)


@pytest.mark.parametrize(
    "fault", [fault for fault in faults(SHORT) if any(each in fault.title for each in QUICK)], ids=lambda fault: fault.title
)
def test_nothing_is_lost_or_counted_twice(trial: Trial, fault: Fault) -> None:
    outcome = trial.run(fault)

    assert (outcome.lost, outcome.double, outcome.wrong) == (0, 0, ())
