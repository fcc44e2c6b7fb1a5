"""`quietzone cost` on a real Prometheus with two days of samples."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from house import command
from quietzone_kit.runtime import SystemClock
from servers.packages import Packages
from servers.process import NativeServer
from servers.prometheus import PACKAGE, prometheus

HOURS, EVERY_S = 49, 120
"""An hour more than is asked for: each hour's use is what came since the one before."""
MIB = 2**20

PRICES = """
currency = "EUR"
[compute]
core_hour = 1.0
gib_hour = 0.0
[bus]
gib_published = 0.0
gib_month = 0.0
replicas = 3
retention_days = 30
[documents]
million_reads = 0.0
million_writes = 0.0
read_unit_hour = 0.0
write_unit_hour = 0.0
[[blobs]]
tier = "standard"
gib_month = 0.0
gib_read = 0.0
"""


@pytest.fixture(scope="module", autouse=True)
def packages() -> Packages:
    packages = Packages()
    packages.program("prometheus", PACKAGE)
    return packages


@pytest.fixture(scope="module")
def server(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeServer]:
    """A Prometheus that has watched two processes of qr, at a quarter and a half of a core, and a forwarder."""
    lines = [
        *process("qr-0", "qr", "serve", cores=0.25, memory=100 * MIB),
        *process("qr-1", "qr", "serve", cores=0.5, memory=200 * MIB),
        *process("edge-0", "tracking", "forwarder", cores=0.1, memory=80 * MIB),
        *series("quietzone_bus_published_bytes_total", {"instance": "edge-0"}, lambda s: s * 1000.0),
        *series("quietzone_documents_seconds_count", {"instance": "qr-0", "operation": "get"}, lambda s: s * 2.0),
        *series("quietzone_documents_seconds_count", {"instance": "qr-0", "operation": "insert"}, lambda s: s * 1.0),
        *series("quietzone_blobs_bytes_total", {"instance": "qr-0", "direction": "written"}, lambda s: s * 1000.0),
    ]
    server = prometheus(tmp_path_factory.mktemp("prometheus"), packages, "\n".join([*lines, "# EOF", ""]))
    server.start()
    yield server
    server.stop()


def process(instance: str, part: str, role: str, *, cores: float, memory: int) -> Iterator[str]:
    yield from series("quietzone_build_info", {"instance": instance, "part": part, "role": role, "version": "1.2.3"}, lambda _: 1)
    yield from series("process_cpu_seconds_total", {"instance": instance}, lambda s: s * cores)
    yield from series("process_resident_memory_bytes", {"instance": instance}, lambda _: memory)


def series(name: str, labels: Mapping[str, str], value: Callable[[int], float]) -> Iterator[str]:
    """Samples until now; `value` is told the seconds since the first."""
    written = ",".join(f'{label}="{text}"' for label, text in {"job": "quietzone", **labels}.items())
    now_s = SystemClock().now_ms() // 1000
    first_s = now_s - now_s % 3600 - HOURS * 3600
    for at_s in range(0, now_s - first_s, EVERY_S):
        yield f"{name}{{{written}}} {value(at_s)} {first_s + at_s}"


def cost(url: str, *options: str) -> tuple[int, str]:
    ended = command("cost", "--prometheus", url, "--days", "2", *options, settings={"COLUMNS": "300"})
    return ended.returncode, re.sub(r"[ \n]+", " ", ended.stdout + ended.stderr)


def test_what_was_used_is_priced_and_advised(server: NativeServer, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)

    code, said = cost(server.url, "--prices", str(tmp_path / "prices.toml"))

    assert code == 0
    assert "EUR a month" in said, said
    assert "qr serve 2.0 times 0.38 cores, 150Mi 547.50 requests 600m, 240Mi; replicas 2" in said
    assert "tracking forwarder 1.0 times 0.10 cores, 80Mi 73.00 requests 120m, 96Mi; one beside each edge" in said, said
    assert "5.26 M reads, 2.63 M writes a month" in said
    assert "48 of 48 hours are known." in said
    assert "examples" not in said


def test_examples_of_prices_say_that_they_are_none_of_ours(server: NativeServer) -> None:
    code, said = cost(server.url)

    assert (code, "These prices are examples, not facts" in said) == (0, True)


def test_a_prometheus_that_does_not_know_us_is_told(packages: Packages, tmp_path: Path) -> None:
    other = prometheus(tmp_path, packages, "\n".join([*series("up", {"instance": "other"}, lambda _: 1), "# EOF", ""]))
    other.start()
    try:
        code, said = cost(other.url)
    finally:
        other.stop()

    assert (code, "knows no process of Quietzone in the last 2 days" in said) == (1, True)


def test_what_does_not_answer_is_told() -> None:
    code, said = cost("http://127.0.0.1:1")

    assert (code, "http://127.0.0.1:1 doesn't answer" in said) == (1, True)
