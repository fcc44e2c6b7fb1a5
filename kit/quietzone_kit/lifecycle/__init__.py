"""How a process starts, says that it is ready, and stops.

A role's `app.py` has one composition root, `async def build(settings) -> App`: it opens what is needed, in order, and registers it.
`run` does the rest: settings, logs, event loop, signals, readiness, draining, exit code.
"""

from quietzone_kit.lifecycle._app import App, Server, State, TaskDied
from quietzone_kit.lifecycle._run import ExitCode, ProcessSettings, run

__all__ = ["App", "ExitCode", "ProcessSettings", "Server", "State", "TaskDied", "run"]
