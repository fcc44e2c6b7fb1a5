"""5,000 generated requests; `make fuzz-api` sends 100,000, and says what was answered."""

from collections.abc import Iterator

import pytest
from fuzz.api import Fuzz, fuzzing

CASES, SHARES, SEED = 5_040, 16, 1


@pytest.fixture(scope="module")
def fuzz() -> Iterator[Fuzz]:
    with fuzzing(SEED) as fuzz:
        yield fuzz


@pytest.mark.parametrize("share", range(SHARES))
def test_every_answer_to_a_generated_request_is_as_the_description_says(fuzz: Fuzz, share: int) -> None:
    """Sixteen shares of the addresses, so that the failure of one leaves the others."""
    fuzz.outcome.wrong.clear()

    fuzz.send(fuzz.addresses[share::SHARES], CASES // SHARES)

    assert not fuzz.outcome.wrong, f"seed {SEED}\n\n{fuzz.outcome.faults()}"


def test_generated_requests_get_through_to_what_they_ask_for(fuzz: Fuzz) -> None:
    """What is refused at the door says little about what is behind it."""
    through = sum(count for counted in fuzz.outcome.answers.values() for status, count in counted.items() if status < 400)

    assert through >= fuzz.outcome.cases / 4
