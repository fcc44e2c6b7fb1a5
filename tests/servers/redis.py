"""Redis from Debian."""

from pathlib import Path

from servers.containers import Image
from servers.packages import Packages
from servers.process import NativeServer, free_port, output_of, says, version_in

OPTIONS = ("--save", "", "--appendonly", "no")


def redis(folder: Path, packages: Packages) -> NativeServer:
    """A server that doesn't run yet. It keeps nothing when it stops: it is a cache."""
    program = packages.program("redis-server", "redis-server")
    port = free_port()
    return NativeServer(
        (program, "--bind", "127.0.0.1", "--port", str(port), *OPTIONS),
        folder,
        lambda: _answers(port),
        url=_url(port),
        label=f"Redis {version_in(output_of(program, '--version'))}",
    )


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    return says(port, b"PING\r\n", b"+PONG")


# A container's clients come from outside it, which protected mode refuses.
IMAGE = Image("redis:7.4", port=6379, url=_url, answers=_answers, command=("redis-server", "--protected-mode", "no", *OPTIONS))
