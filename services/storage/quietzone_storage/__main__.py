"""`python -m quietzone_storage serve|files|work|clean-up|sweep|scrub|verify|migrate [--contract]`."""

import sys
from functools import partial

from quietzone_kit.lifecycle import role_asked, run
from quietzone_storage.app import (
    build,
    build_clean_up,
    build_contract,
    build_files,
    build_migrate,
    build_scrub,
    build_sweep,
    build_verify,
    build_work,
)
from quietzone_storage.settings import (
    ChangingSettings,
    CleanUpSettings,
    FilesSettings,
    StorageSettings,
    StorageStoreSettings,
    SweepSettings,
    WorkSettings,
)

ROLES = {
    "serve": partial(run, kind=StorageSettings, build=build),
    "files": partial(run, kind=FilesSettings, build=build_files),
    "work": partial(run, kind=WorkSettings, build=build_work),
    "clean-up": partial(run, kind=CleanUpSettings, build=build_clean_up),
    "sweep": partial(run, kind=SweepSettings, build=build_sweep),
    "scrub": partial(run, kind=ChangingSettings, build=build_scrub),
    "verify": partial(run, kind=WorkSettings, build=build_verify),
    "migrate": partial(run, kind=StorageStoreSettings, build=build_migrate),
    "migrate --contract": partial(run, kind=StorageStoreSettings, build=build_contract),
}

if __name__ == "__main__":
    role = role_asked("storage", ROLES, sys.argv)
    sys.exit(ROLES[role]("storage", role))
