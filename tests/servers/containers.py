"""Servers as containers, by testcontainers: only where a Docker engine answers and has the image or gets it."""

import functools
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from servers.process import READY_WITHIN_S, STOPPED_WITHIN_S, ServerFailed, free_port
from servers.reaper import CONTAINER_FILE

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

ENGINE_WITHIN_S = 10.0
PULLED_WITHIN_S = 300.0
"""The largest image has 400 MB."""


@dataclass(frozen=True, slots=True)
class Image:
    """What runs in a container; the functions take the port of this machine that leads to `port` of the container."""

    name: str
    port: int
    url: Callable[[int], str]
    answers: Callable[[int], bool]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    settings: Callable[[int], Mapping[str, str]] = lambda _: {}
    environment: Mapping[str, str] = field(default_factory=dict)


class Container:
    """A server in a container of its own."""

    def __init__(self, image: Image, folder: Path) -> None:
        self._image = image
        self._folder = folder
        self._port = free_port()
        self._made: DockerContainer | None = None
        self.url = image.url(self._port)
        self.label = image.name
        self.environment = image.environment

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServerFailed: it ended, or `READY_WITHIN_S` passed.
        """
        if self._made is None:
            self._made = self._make()
        else:
            self._made.get_wrapped_container().start()
        until = time.monotonic() + READY_WITHIN_S
        while not self._image.answers(self._port):
            container = self._made.get_wrapped_container()
            container.reload()
            if container.status == "exited" or time.monotonic() > until:
                log = container.logs(tail=15).decode(errors="replace")
                raise ServerFailed(f"{container.status}, and no answer within {READY_WITHIN_S:.0f} s; the end of its log:\n{log}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it cleanly."""
        if self._made is not None:
            self._made.get_wrapped_container().stop(timeout=int(STOPPED_WITHIN_S))

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._made is not None and self._made.get_wrapped_container().status != "exited":
            self._made.get_wrapped_container().kill()

    def pause(self) -> None:
        """Freeze it."""
        if self._made is not None:
            self._made.get_wrapped_container().pause()

    def resume(self) -> None:
        """End a pause."""
        if self._made is not None:
            self._made.get_wrapped_container().unpause()

    def _make(self) -> "DockerContainer":
        # Imported here: no run without an engine pays for it.
        from testcontainers.core.config import testcontainers_config  # noqa: PLC0415
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        testcontainers_config.ryuk_disabled = True  # our own reaper removes containers, without an image more
        made = DockerContainer(self._image.name).with_bind_ports(self._image.port, self._port)
        if self._image.command:
            made.with_command(list(self._image.command))
        if self._image.entrypoint:
            made.with_kwargs(entrypoint=list(self._image.entrypoint))
        for name, value in self._image.settings(self._port).items():
            made.with_env(name, value)
        made.start()
        (self._folder / CONTAINER_FILE).write_text(str(made.get_wrapped_container().id))
        return made


class Engine:
    """The Docker engine of this machine, if there is one."""

    @functools.cached_property
    def refusal(self) -> str | None:
        """Why there is no engine; None if it answers."""
        return _refusal(("docker", "info"), ENGINE_WITHIN_S)

    def refuses(self, image: Image) -> str | None:
        """Why an image can't be run; None if it is here or was fetched."""
        if self.refusal is not None:
            return self.refusal
        if _refusal(("docker", "image", "inspect", image.name), ENGINE_WITHIN_S) is None:
            return None
        return _refusal(("docker", "pull", "--quiet", image.name), PULLED_WITHIN_S)


def _refusal(command: tuple[str, ...], within_s: float) -> str | None:
    name = " ".join(command)
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=within_s, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return "there is no docker command"
    except subprocess.TimeoutExpired:
        return f"`{name}` didn't end within {within_s:.0f} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"`{name}`: {lines[-1] if lines else f'exit code {done.returncode}'}"
