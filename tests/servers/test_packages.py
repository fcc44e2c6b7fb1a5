"""Getting what servers need, with programs that do nothing."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import packages
from servers.packages import Packages, Unpackaged

CURL = ("curl-of-tests", "curl")
INSTALL = "for last; do :; done; /bin/cp {here}/sh {here}/{name}"
MAKE_FOLDERS = "for each; do case $each in -DoutputDirectory=*|-Dmaven.repo.local=*) /bin/mkdir -p ${each#*=};; esac; done"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but a shell; returns where its programs are."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(packages, "DEBIAN", tmp_path / "debian_version")
    return programs


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def debian(here: Path, monkeypatch: pytest.MonkeyPatch, *, user: int, apt: str) -> None:
    packages.DEBIAN.touch()
    program(here / "apt-get", apt)
    monkeypatch.setattr(os, "geteuid", lambda: user)


def getter(tmp_path: Path) -> Packages:
    return Packages(lambda _: None, tmp_path / "cache")


def test_elsewhere_than_on_debian_nothing_is_installed(here: Path, tmp_path: Path) -> None:
    program(here / "apt-get", "exit 0")

    with pytest.raises(Unpackaged, match="there is no curl-of-tests, and this isn't Debian: install it"):
        getter(tmp_path).program(*CURL)


def test_somebody_else_than_root_is_told_what_to_install(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(here, monkeypatch, user=1000, apt="exit 0")

    with pytest.raises(Unpackaged, match="this isn't root: sudo apt-get install curl"):
        getter(tmp_path).program(*CURL)


def test_root_on_debian_gets_what_is_missing(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(here, monkeypatch, user=0, apt=INSTALL.format(here=here, name="curl-of-tests"))

    assert getter(tmp_path).program(*CURL) == str(here / "curl-of-tests")


def test_package_lists_are_read_once(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "apt.log"
    debian(
        here,
        monkeypatch,
        user=0,
        apt=f"echo $* >> {log}; " + INSTALL.format(here=here, name="$last"),
    )
    got = getter(tmp_path)
    got.program("one", "one")
    got.program("two", "two")

    assert log.read_text().count("update") == 1


def test_what_an_installer_says_when_it_fails_is_passed_on(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(here, monkeypatch, user=0, apt="echo no network; exit 100")

    with pytest.raises(Unpackaged, match=r"exit code 100\n    no network"):
        getter(tmp_path).program(*CURL)


def test_an_old_java_is_refused_with_its_version(here: Path, tmp_path: Path) -> None:
    program(here / "java", "echo 'openjdk version \"11.0.2\"' >&2")

    with pytest.raises(Unpackaged, match=r"is Java 11\.0\.2; 17 or newer is needed"):
        getter(tmp_path).java()


def maven(here: Path, *, after: str) -> None:
    """A Maven that makes the folders that it is told of and then does `after`."""
    program(here / "mvn", f"{MAKE_FOLDERS}; {after}")


def test_a_download_that_fails_leaves_nothing_that_looks_done(here: Path, tmp_path: Path) -> None:
    maven(here, after="exit 1")
    with pytest.raises(Unpackaged):
        getter(tmp_path).jars("kafka", "org:kafka:1")
    maven(here, after=":")

    assert getter(tmp_path).jars("kafka", "org:kafka:1").is_dir()


def test_a_download_is_kept(here: Path, tmp_path: Path) -> None:
    maven(here, after=":")
    first = getter(tmp_path).jars("kafka", "org:kafka:1")
    maven(here, after="exit 1")

    assert getter(tmp_path).jars("kafka", "org:kafka:1") == first


def test_another_version_is_another_download(here: Path, tmp_path: Path) -> None:
    maven(here, after=":")

    assert getter(tmp_path).jars("kafka", "org:kafka:1") != getter(tmp_path).jars("kafka", "org:kafka:2")


def test_a_module_that_replaces_others_is_built_in_itself(here: Path, tmp_path: Path) -> None:
    program(
        here / "go",
        "case $1 in version) echo go1.26;; mod) /bin/mkdir -p $GOPATH/pkg/mod/github.com/!ours/tool/v2@v2.1.0 $GOCACHE;; "
        "-C) cd $2 && /bin/mkdir -p ${7%/} && /bin/cp /bin/sh $7/tool;; esac",
    )

    built = getter(tmp_path).go_module_program("github.com/Ours/tool/v2", "v2.1.0", "cmd/tool")

    assert built.is_file()


def test_two_runs_at_once_download_once(here: Path, tmp_path: Path) -> None:
    maven(here, after=f"echo >> {tmp_path}/downloads")

    at_once(lambda: getter(tmp_path).jars("kafka", "org:kafka:1"), lambda: getter(tmp_path).jars("kafka", "org:kafka:1"))

    assert (tmp_path / "downloads").read_text() == "\n"


def at_once(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
