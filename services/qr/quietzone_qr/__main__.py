"""`python -m quietzone_qr serve`."""

import sys

from quietzone_kit.lifecycle import role_asked, run
from quietzone_qr.app import build
from quietzone_qr.settings import QrSettings

if __name__ == "__main__":
    sys.exit(run("qr", role_asked("qr", ("serve",), sys.argv), QrSettings, build))
