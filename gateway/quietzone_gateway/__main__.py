"""`python -m quietzone_gateway serve`."""

import sys

from quietzone_gateway.app import build
from quietzone_gateway.settings import GatewaySettings
from quietzone_kit.lifecycle import role_asked, run

if __name__ == "__main__":
    sys.exit(run("gateway", role_asked("gateway", ("serve",), sys.argv), GatewaySettings, build))
