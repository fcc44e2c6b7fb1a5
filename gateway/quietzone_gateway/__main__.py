"""`python -m quietzone_gateway serve|work|verify|migrate [--contract]`."""

import sys
from functools import partial

from quietzone_gateway.app import build, build_contract, build_migrate, build_verify, build_work
from quietzone_gateway.settings import GatewaySettings, GatewayStoreSettings, GatewayWorkSettings
from quietzone_kit.lifecycle import role_asked, run

ROLES = {
    "serve": partial(run, kind=GatewaySettings, build=build),
    "work": partial(run, kind=GatewayWorkSettings, build=build_work),
    "verify": partial(run, kind=GatewaySettings, build=build_verify),
    "migrate": partial(run, kind=GatewayStoreSettings, build=build_migrate),
    "migrate --contract": partial(run, kind=GatewayStoreSettings, build=build_contract),
}

if __name__ == "__main__":
    role = role_asked("gateway", ROLES, sys.argv)
    sys.exit(ROLES[role]("gateway", role))
