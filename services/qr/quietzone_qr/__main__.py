"""`python -m quietzone_qr serve|health|verify|migrate [--contract]`."""

import sys
from functools import partial

from quietzone_kit.lifecycle import role_asked, run
from quietzone_qr.app import build, build_contract, build_health, build_migrate, build_verify
from quietzone_qr.settings import HealthSettings, QrSettings, QrStoreSettings

ROLES = {
    "serve": partial(run, kind=QrSettings, build=build),
    "health": partial(run, kind=HealthSettings, build=build_health),
    "verify": partial(run, kind=QrSettings, build=build_verify),
    "migrate": partial(run, kind=QrStoreSettings, build=build_migrate),
    "migrate --contract": partial(run, kind=QrStoreSettings, build=build_contract),
}

if __name__ == "__main__":
    role = role_asked("qr", ROLES, sys.argv)
    sys.exit(ROLES[role]("qr", role))
