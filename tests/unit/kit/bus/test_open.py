import pytest

from quietzone_kit.bus import open_bus, partition_of
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor


@pytest.mark.parametrize(
    ("url", "advice"), [("kafk://host", "no such scheme 'kafk'"), ("bus.db", "no scheme"), ("sqlite://bus.db", "no path")]
)
def test_a_url_that_names_no_bus_is_refused_with_those_that_do(url: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"{advice}.*sqlite:///"):
        open_bus(url, clock=SystemClock(), executor=ThreadExecutor("bus"), randomness=SystemRandomness())


def test_a_keys_partition_is_the_same_in_every_release() -> None:
    assert [partition_of(key, 1000) for key in ("menu", "käse", "", "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01")] == [675, 15, 0, 576]
