"""`python -m quietzone_tracking edge|forwarder|links|drain|verify|migrate [--contract]`."""

import sys
from importlib import import_module

from quietzone_kit.lifecycle import role_asked, run

ROLES = {
    "edge": "edge",
    "forwarder": "forwarder",
    "links": "links",
    "drain": "drain",
    "verify": "verify",
    "migrate": "migrate",
    "migrate --contract": "contract",
}
"""Each role's module in `quietzone_tracking.app`."""

if __name__ == "__main__":
    role = role_asked("tracking", ROLES, sys.argv)
    app = import_module(f"quietzone_tracking.app.{ROLES[role]}")  # a process loads only what it runs
    sys.exit(run("tracking", role, app.SETTINGS, app.build))
