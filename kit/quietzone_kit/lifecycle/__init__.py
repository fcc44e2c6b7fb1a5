"""How a process starts, says that it is ready, and stops.

A role's `app.py` has one composition root, `async def build(settings) -> App`: it opens what is needed, in order, and registers it.
`run` does the rest: settings, logs, event loop, signals, readiness, draining, exit code::

    class QrSettings(ProcessSettings, RpcSettings):
        qr_listen: str = Field("127.0.0.1:9101", description="Where other parts reach this service: host:port or unix:/path")
        qr_documents_url: str = Field(description="The service's own store, such as sqlite:///data/qr.db")

    async def build(settings: QrSettings) -> App:
        app = App(drain_s=settings.drain_s)
        clock, randomness = SystemClock(), SystemRandomness()
        documents = await open_documents(settings.qr_documents_url, …)
        app.close("documents", documents.close)                   # closed after all that is registered below has stopped
        relay = Relay(documents, bus, clock)
        app.task("outbox relay", relay.run)                       # if it ends by itself, the process ends with its reason
        app.ready_when("links", lambda: None if links.loaded else "loading")
        server = Server(settings.qr_listen, CallerKeys.of(settings, clock), settings, not_ready=app.not_ready)
        server.add(add_CodeServiceServicer_to_server, CodeService(codes, clock))
        app.server("rpc", server)
        return app

    role = role_asked("qr", ("serve",), sys.argv)                 # in __main__.py: python -m quietzone_qr serve
    sys.exit(run("qr", role, QrSettings, build))
"""

from quietzone_kit.lifecycle._app import CLOSE_S, App, NotDone, Server, State, TaskDied
from quietzone_kit.lifecycle._run import ExitCode, ProcessSettings, collect_rarely, role_asked, run, say

__all__ = [
    "CLOSE_S",
    "App",
    "ExitCode",
    "NotDone",
    "ProcessSettings",
    "Server",
    "State",
    "TaskDied",
    "collect_rarely",
    "role_asked",
    "run",
    "say",
]
