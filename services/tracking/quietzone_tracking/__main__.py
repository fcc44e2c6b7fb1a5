"""`python -m quietzone_tracking edge|forwarder|links`."""

import sys
from importlib import import_module

from quietzone_kit.lifecycle import role_asked, run

ROLES = ("edge", "forwarder", "links")

if __name__ == "__main__":
    role = role_asked("tracking", ROLES, sys.argv)
    app = import_module(f"quietzone_tracking.app.{role}")  # a process loads only what it runs
    sys.exit(run("tracking", role, app.SETTINGS, app.build))
