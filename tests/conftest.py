"""Servers for all tests: fixtures with their URLs, and the closing lines that say what ran on which.

A test that asks for a URL gets a server, started at the latest when all tests are collected. One that asks by `getfixturevalue`, because
only some of its parameters need a server, marks these: `pytest.param("kafka", marks=pytest.mark.server("kafka"))`.
"""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from servers.catalogue import KINDS, Provided
from servers.pool import Answer, Pool, Remote, own_servers
from servers.process import Server


class Source(Protocol):
    """What gives servers: a `Pool`, in xdist's workers a `Remote`."""

    def ensure(self, names: Iterable[str]) -> Mapping[str, Answer]: ...


SERVERS = pytest.StashKey[Source]()
SLOWEST_FIRST = ("system", "chaos", "simulation", "chart", "servers")
"""Folders whose files take a minute each: begun last, one of them would keep a worker busy when the other has nothing left."""

LEFT_OUT = pytest.StashKey["Counter[str]"]()
OF_WORKER = "servers_left_out"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=("all", "needed", "none"),
        default="needed",
        help="all: start every server first, or fail; needed: start what the collected tests ask for; none: leave such tests out",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"server(*names, own=False): needs these servers ({', '.join(KINDS)}), or starts its own")
    config.stash[LEFT_OUT] = Counter()
    if _is_worker(config):
        config.stash[SERVERS] = Remote()
        return
    pool = Pool(lambda text: _say(config, text))
    config.stash[SERVERS] = pool
    if getattr(config.option, "dist", "no") != "no":
        pool.serve_helpers()


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(SERVERS, None)
    if isinstance(servers, Pool):
        servers.close()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before xdist starts its workers, so that they inherit the variables."""
    if session.config.getoption("servers") == "all" and not _is_worker(session.config) and not session.config.option.collectonly:
        _demand(session.config, KINDS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    if config.getoption("servers") != "none":
        return
    left_out = [item for item in items if _needs(item)]
    items[:] = [item for item in items if not _needs(item)]
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT].update(name for item in left_out for name in _needs(item))
    config.stash[LEFT_OUT].update({"": len(left_out)})


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what is needed now: no test's time limit counts it.

    What the tests' modules have made stays until the end: the collector needn't look at it again and again (a tenth of the time of the
    gateway's tests).
    """
    gc.collect()
    gc.freeze()
    config = session.config
    needed = sorted({name for item in session.items for name in _needs(item, own=False)})
    if not needed or config.option.collectonly:
        return
    if _is_worker(config):
        _tell(config.stash[SERVERS].ensure(needed).values())  # a failure is told by the tests that meet it
    else:
        _demand(config, needed)


def pytest_sessionfinish(session: pytest.Session) -> None:
    gc.unfreeze()  # else DuckDB tells at the end of what is still there
    if _is_worker(session.config):
        left_out = session.config.stash[LEFT_OUT]
        session.config.workeroutput[OF_WORKER] = dict(left_out)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """A worker of xdist has ended; each of them has seen all tests."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    seen: dict[str, int] = getattr(node, "workeroutput", {}).get(OF_WORKER, {})
    for name, count in seen.items():
        config.stash[LEFT_OUT][name] = count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    _count_conformance(terminalreporter)
    servers = config.stash[SERVERS]
    provided = servers.provided if isinstance(servers, Pool) else []
    left_out = config.stash[LEFT_OUT]
    if not provided and not left_out:
        return
    terminalreporter.section("servers")
    for each in provided:
        terminalreporter.write_line(f"{each.name}: {each.what}")
    if left_out[""]:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(left_out.items()) if name)
        terminalreporter.write_line(f"left out, because they need a server: {left_out['']} ({kinds}); `make test` runs them")


def _count_conformance(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of suites that others wrote came out right: tests record `conformance` as (suite, right, cases)."""
    right: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "conformance":
                suite, passed, tried = value
                right[suite] += passed
                cases[suite] += tried
    if cases:
        terminalreporter.section("conformance")
        for suite, tried in cases.items():
            terminalreporter.write_line(f"{suite}: {right[suite]:,} of {tried:,} cases right")


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> str:
    """A Kafka for all tests: use topics and groups of your own."""
    return _url(request.config, "kafka")


@pytest.fixture(scope="session")
def mongodb_url(request: pytest.FixtureRequest) -> str:
    """A document server for all tests: use a database of your own."""
    return _url(request.config, "mongodb")


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """A Redis for all tests: use keys of your own."""
    return _url(request.config, "redis")


@pytest.fixture(scope="session")
def s3_url(request: pytest.FixtureRequest) -> str:
    """A bucket for all tests, its credentials in the environment: use a prefix of your own."""
    return _url(request.config, "s3")


@pytest.fixture(scope="session")
def clamd_url(request: pytest.FixtureRequest) -> str:
    """A scanner for all tests, which knows one signature."""
    return _url(request.config, "clamd")


@pytest.fixture(scope="session")
def varnish_url(request: pytest.FixtureRequest) -> str:
    """A cache for all tests; what stands behind it listens at the port that `origin` names."""
    return _url(request.config, "varnish")


@pytest.fixture(scope="session")
def toxiproxy_url(request: pytest.FixtureRequest) -> str:
    """The HTTP interface of a toxiproxy for all tests: name your proxies."""
    return _url(request.config, "toxiproxy")


@pytest.fixture
def own_server() -> Iterator[Callable[[str], Server]]:
    """Starts a server of a kind for one test alone, which may stop, kill and pause it; mark such a test with `server(…, own=True)`."""
    with own_servers() as start:
        yield start


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)


def _url(config: pytest.Config, name: str) -> str:
    if config.getoption("servers") == "none":
        pytest.fail(f"needs {name} without saying so: mark the test or its parameter with pytest.mark.server({name!r})", pytrace=False)
    answer = config.stash[SERVERS].ensure([name])[name]
    if not isinstance(answer, Provided):
        pytest.fail(answer, pytrace=False)
    os.environ.update(answer.variables)
    return answer.url


def _demand(config: pytest.Config, names: Iterable[str]) -> None:
    answers = config.stash[SERVERS].ensure(names).values()
    missing = [answer for answer in answers if not isinstance(answer, Provided)]
    if missing:
        raise pytest.UsageError("\n\n".join(missing))
    _tell(answers)


def _tell(answers: Iterable[Answer]) -> None:
    """Have this process know the servers that there are: a worker that was there before them inherits nothing."""
    for answer in answers:
        if isinstance(answer, Provided):
            os.environ.update(answer.variables)


def _needs(item: pytest.Item, *, own: bool = True) -> set[str]:
    """The servers that a test needs; without `own` only those that it shares with others."""
    marks = [mark for mark in item.iter_markers("server") if own or not mark.kwargs.get("own")]
    asked = {name.removesuffix("_url") for name in getattr(item, "fixturenames", ()) if name.endswith("_url")}
    needed = {name for mark in marks for name in mark.args}
    if unknown := needed - KINDS.keys():
        raise pytest.UsageError(f"{item.nodeid} is marked with {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return needed | (asked & KINDS.keys())


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(text)
