"""`python -m quietzone_analytics serve|project|archive|work|adopt|rebuild|verify|migrate [--contract]`."""

import sys
from functools import partial

from quietzone_analytics import app
from quietzone_analytics.settings import (
    AnalyticsSettings,
    AnalyticsStoreSettings,
    ArchiveSettings,
    MigrateSettings,
    ProjectSettings,
    RebuildSettings,
    VerifySettings,
    WorkSettings,
)
from quietzone_kit.lifecycle import role_asked, run

ROLES = {
    "serve": partial(run, kind=AnalyticsSettings, build=app.build),
    "project": partial(run, kind=ProjectSettings, build=app.build_project),
    "archive": partial(run, kind=ArchiveSettings, build=app.build_archive),
    "work": partial(run, kind=WorkSettings, build=app.build_work),
    "adopt": partial(run, kind=AnalyticsStoreSettings, build=app.build_adopt),
    "rebuild": partial(run, kind=RebuildSettings, build=app.build_rebuild),
    "verify": partial(run, kind=VerifySettings, build=app.build_verify),
    "migrate": partial(run, kind=MigrateSettings, build=app.build_migrate),
    "migrate --contract": partial(run, kind=MigrateSettings, build=app.build_contract),
}

if __name__ == "__main__":
    role = role_asked("analytics", ROLES, sys.argv)
    sys.exit(ROLES[role]("analytics", role))
