"""`python -m quietzone_qr serve|health`."""

import sys

from quietzone_kit.lifecycle import role_asked, run
from quietzone_qr.app import build, build_health
from quietzone_qr.settings import HealthSettings, QrSettings

ROLES = ("serve", "health")

if __name__ == "__main__":
    role = role_asked("qr", ROLES, sys.argv)
    sys.exit(run("qr", role, QrSettings, build) if role == "serve" else run("qr", role, HealthSettings, build_health))
