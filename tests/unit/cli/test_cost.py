"""What `quietzone cost` makes of hours and prices."""

from pathlib import Path

import pytest

from quietzone_cli.cost.advice import GIB, MONTH_HOURS, Row, report
from quietzone_cli.cost.prices import EXAMPLES, Prices, read_prices
from quietzone_cli.cost.use import Hours, RoleName, RoleUse, Use
from quietzone_cli.errors import CommandFailed

MIB = 2**20
DAY = 24


@pytest.fixture
def prices() -> Prices:
    return read_prices(EXAMPLES)


def used(
    role: RoleName = ("qr", "serve"),
    *,
    cores: Hours = (0.1,) * DAY,
    busiest: Hours = (0.1,) * DAY,
    largest: float = 100 * MIB,
    processes: float = 2,
) -> Use:
    memory = [processes * largest] * len(cores)
    one = RoleUse(cores, busiest, memory, [largest] * len(cores), [processes] * len(cores))
    return Use(30, {role: one}, (), (), (), (), ())


def shared(*, published: Hours = (), reads: Hours = (), writes: Hours = (), stored: Hours = (), taken: Hours = ()) -> Use:
    return Use(30, {}, published, reads, writes, stored, taken)


def row(use: Use, prices: Prices, what: str = "qr serve") -> Row:
    [found] = [one for one in report(use, prices) if one.what == what]
    return found


def test_a_month_of_what_is_used_is_priced(prices: Prices) -> None:
    found = row(used(cores=[0.5] * DAY, largest=GIB, processes=2), prices)

    assert found.price == pytest.approx(MONTH_HOURS * (0.5 * 0.033 + 2 * 0.0044))


def test_a_request_has_room_above_the_busiest_process(prices: Prices) -> None:
    found = row(used(busiest=[0.1] * 23 + [0.4], largest=200 * MIB), prices)

    assert found.advice == "requests 120m, 240Mi; replicas 2"


def test_a_rare_busy_hour_is_left_to_scaling(prices: Prices) -> None:
    rare, common = [0.1] * 96 + [0.9] * 4, [0.1] * 90 + [0.9] * 10

    assert [row(used(busiest=hours), prices).advice.split(",")[0] for hours in (rare, common)] == ["requests 120m", "requests 1080m"]


def test_memory_is_requested_for_the_largest_ever(prices: Prices) -> None:
    use = used(largest=100 * MIB)
    [(role, one)] = use.roles.items()
    grown = RoleUse(one.cores, one.busiest_cores, one.memory_bytes, [100 * MIB] * 23 + [500 * MIB], one.processes)

    found = row(Use(30, {role: grown}, (), (), (), (), ()), prices)

    assert "608Mi" in found.advice


def test_a_role_that_answers_requests_keeps_two(prices: Prices) -> None:
    found = row(used(cores=[0.01] * DAY, busiest=[0.01] * DAY, processes=5), prices)

    assert found.advice.endswith("replicas 2")
    assert "2 would do, 5.0 ran" in found.reason


def test_a_worker_needs_one(prices: Prices) -> None:
    found = row(used(("tracking", "links"), cores=[0.01] * DAY, busiest=[0.01] * DAY, processes=1), prices, "tracking links")

    assert found.advice.endswith("replicas 1")


def test_a_worker_is_given_more_processes_when_all_are_at_what_they_request(prices: Prices) -> None:
    found = row(used(("analytics", "project"), cores=[2.0] * DAY, busiest=[0.5] * DAY, processes=4), prices, "analytics project")

    assert found.advice.endswith("replicas 4")  # 2 / 0.6


def test_a_forwarder_has_no_replicas_of_its_own(prices: Prices) -> None:
    found = row(used(("tracking", "forwarder"), cores=[0.1] * DAY), prices, "tracking forwarder")

    assert found.advice.endswith("one beside each edge")


def test_much_work_is_spread_until_each_is_at_what_scaling_aims_at(prices: Prices) -> None:
    found = row(used(cores=[4.0] * DAY, busiest=[0.5] * DAY, processes=8), prices)

    assert found.advice.startswith("requests 600m")
    assert found.advice.endswith("replicas 10")  # 4 / (0.6 * 0.7)


def test_the_bus_is_priced_by_what_is_published_and_kept(prices: Prices) -> None:
    found = row(shared(published=[GIB / MONTH_HOURS] * DAY), prices, "bus")

    assert found.price == pytest.approx(3 * 0.10 + 3 * 0.10 * 720 / 730)


def test_few_calls_are_paid_one_by_one(prices: Prices) -> None:
    found = row(shared(reads=[100.0] * DAY, writes=[10.0] * DAY), prices, "documents")

    assert found.advice == "pay by the call"
    assert found.price == pytest.approx(MONTH_HOURS * (100 * 1.25 + 10 * 6.25) / 1e6)


def test_many_even_calls_are_cheaper_by_units_held_ready(prices: Prices) -> None:
    found = row(shared(reads=[36_000.0] * DAY, writes=[36_000.0] * DAY), prices, "documents")

    assert found.advice == "hold 5 to 15 units ready, scaled at 70%"  # 10 a second at 70 %


def test_units_that_would_not_do_in_busy_hours_are_not_advised(prices: Prices) -> None:
    found = row(shared(reads=[900_000.0] * DAY, writes=[900_000.0] * DAY), prices, "documents")

    assert found.advice == "pay by the call"
    assert "more than 100 units" in found.reason


def test_files_that_are_hardly_read_belong_into_a_cheaper_tier(prices: Prices) -> None:
    found = row(shared(stored=[GIB] * DAY, taken=[GIB / 100] * DAY), prices, "blobs")

    assert found.advice == "tier archive, instant retrieval"
    assert "1% of what is written is read" in found.reason


def test_files_that_are_read_often_stay_where_reading_is_free(prices: Prices) -> None:
    found = row(shared(stored=[GIB] * DAY, taken=[10 * GIB] * DAY), prices, "blobs")

    assert found.advice == "nothing"


def test_what_was_not_used_has_no_row(prices: Prices) -> None:
    assert [one.what for one in report(used(), prices)] == ["qr serve"]


def test_a_role_without_any_samples_is_advised_the_least(prices: Prices) -> None:
    use = Use(30, {("qr", "serve"): RoleUse((), (), (), (), (1.0,))}, (), (), (), (), ())

    assert row(use, prices).advice == "requests 50m, 64Mi; replicas 2"


# Prices


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("currency = ", "Invalid value"),
        ('currency = "EUR"', "compute: field required"),
        (
            EXAMPLES.read_text().replace("core_hour = 0.033", "core_hour = -1"),
            "compute.core_hour: input should be greater than or equal to 0",
        ),
        (EXAMPLES.read_text().replace("core_hour", "cpu_hour"), "compute.cpu_hour: extra inputs are not permitted"),
    ],
)
def test_wrong_prices_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "prices.toml").write_text(text)

    with pytest.raises(CommandFailed, match="shows how prices are written") as refused:
        read_prices(tmp_path / "prices.toml")

    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        read_prices(tmp_path / "prices.toml")
