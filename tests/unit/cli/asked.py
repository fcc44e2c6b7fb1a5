"""Commands that ask the API, in this process, of a server that answers from a list."""

from functools import partial

import httpx
import pytest
import typer
from typer.testing import CliRunner
from unit.client.scripted import Scripted, Server

from quietzone_cli import remote, terminal
from quietzone_client import AsyncClient


class Asked:
    """A server's answers, and what commands make of them."""

    def __init__(self, app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = Server.of()
        self._app = app
        client = partial(AsyncClient, transport=httpx.MockTransport(self.server), runtime=self.server.runtime)
        monkeypatch.setattr(remote, "AsyncClient", client)
        monkeypatch.setenv("QUIETZONE_API_KEY", "qz_key")
        monkeypatch.setenv("QUIETZONE_API_URL", "https://api.test")
        monkeypatch.setattr(terminal.console, "width", terminal.LINE)  # it was made with what this process was started with

    def answer(self, *answers: Scripted) -> None:
        """What is answered from now on."""
        self.server.answers = list(answers)

    def said(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Exit code, and what is read at both outputs, in one line each."""
        ended = CliRunner().invoke(self._app, list(arguments), input=stdin)
        return ended.exit_code, " ".join(ended.stdout.split()), " ".join(ended.stderr.split())
