"""Where a server comes from, with kinds of servers that start nothing."""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from servers.catalogue import KINDS, Kind, Source, Unavailable
from servers.containers import Engine, Image
from servers.packages import Packages, Unpackaged
from servers.process import ServerFailed
from servers.run import Run

IMAGE = Image("redis:0", port=6379, url=lambda port: f"redis://127.0.0.1:{port}", answers=lambda _: True)


class Quiet:
    """A server that is nothing but its URL."""

    url = "redis://127.0.0.1:1"
    label = "Redis 7"
    environment: Mapping[str, str] = {"USER": "quietzone"}

    def __init__(self, failures: list[str] | None = None) -> None:
        self._failures = failures or []

    def start(self) -> None:
        if self._failures:
            raise ServerFailed(self._failures.pop())

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


def redis(failures: list[str] | None = None) -> Kind:
    return Kind("redis", "Redis", "redis://127.0.0.1:6379", 6379, lambda _folder, _packages: Quiet(failures), IMAGE)


def unpackaged() -> Kind:
    def native(_folder: Path, _packages: Packages) -> Quiet:
        raise Unpackaged("there is no redis-server, and this isn't Debian: install it")

    return Kind("redis", "Redis", "redis://127.0.0.1:6379", 6379, native, IMAGE)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Source]:
    """No variable is set, and `docker` answers that no engine runs."""
    monkeypatch.delenv("QUIETZONE_TEST_REDIS_URL", raising=False)
    program(tmp_path / "bin" / "docker", "echo 'Cannot connect to the daemon' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with Run.begin(tmp_path / "runs") as run:
        yield Source(lambda: run, packages=Packages(said.append, tmp_path / "cache"), engine=Engine())


def program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def refusal(source: Source, kind: Kind) -> str:
    with pytest.raises(Unavailable) as refused:
        source.provide(kind)
    return str(refused.value)


def test_a_url_of_the_environment_comes_first(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("QUIETZONE_TEST_REDIS_URL", url)

        provided = source.provide(redis())

    assert (provided.url, provided.what) == (url, "given by QUIETZONE_TEST_REDIS_URL")


def test_one_broker_of_several_that_listens_is_enough(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"kafka://127.0.0.1:1,127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("QUIETZONE_TEST_KAFKA_URL", url)

        assert source.provide(KINDS["kafka"]).url == url


def test_s3_is_looked_for_at_its_endpoint(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETZONE_TEST_S3_URL", "s3://bucket?endpoint=http://127.0.0.1:1&region=us-east-1")

    assert "nobody listens at 127.0.0.1:1" in refusal(source, KINDS["s3"])


def test_a_url_that_leads_nowhere_is_not_passed_over(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETZONE_TEST_REDIS_URL", "redis://127.0.0.1:1")

    assert "QUIETZONE_TEST_REDIS_URL: nobody listens at 127.0.0.1:1" in refusal(source, redis())


def test_a_password_is_never_shown(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETZONE_TEST_REDIS_URL", "redis://user:hunter2@127.0.0.1:1/?password=hunter2")

    assert "hunter2" not in refusal(source, redis())


def test_a_url_of_another_kind_is_refused(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETZONE_TEST_REDIS_URL", "kafka://127.0.0.1:9092")

    assert "its scheme is 'kafka'" in refusal(source, redis())


def test_without_an_engine_a_server_is_started_natively(source: Source) -> None:
    assert source.provide(redis()).what == "Redis 7, native"


def test_its_users_get_the_url_and_what_else_it_needs(source: Source) -> None:
    assert source.provide(redis()).variables == {"QUIETZONE_TEST_REDIS_URL": "redis://127.0.0.1:1", "USER": "quietzone"}


def test_a_server_that_fails_once_is_started_again_elsewhere(source: Source) -> None:
    assert source.provide(redis(["the port is taken"])).what == "Redis 7, native"


def test_a_server_that_fails_twice_is_told(source: Source) -> None:
    assert "the port is taken" in refusal(source, redis(["the port is taken"] * 2))


def test_a_refusal_says_what_was_tried_and_how_it_ended(source: Source) -> None:
    said = refusal(source, unpackaged())

    assert said.splitlines() == [
        "Redis can't be had, and tests need it.",
        "  tried the environment: QUIETZONE_TEST_REDIS_URL isn't set",
        "  tried a container: `docker info`: Cannot connect to the daemon",
        "  tried to start it natively: there is no redis-server, and this isn't Debian: install it",
        "Name one that runs: QUIETZONE_TEST_REDIS_URL=redis://127.0.0.1:6379; or `make test-fast`: everything that needs no server.",
    ]


def test_an_engine_that_can_not_get_the_image_is_no_engine_for_it(source: Source, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "docker", '[ "$1" = info ] || { echo "$1: no such image" >&2; exit 1; }')

    assert "tried a container: `docker pull --quiet redis:0`: pull: no such image" in refusal(source, unpackaged())


def test_without_the_docker_command_there_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Engine().refuses(IMAGE) == "there is no docker command"
