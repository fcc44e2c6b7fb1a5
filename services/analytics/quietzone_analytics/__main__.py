"""`python -m quietzone_analytics serve|archive|work|adopt|rebuild`."""

import sys

from quietzone_analytics.app import build, build_adopt, build_archive, build_rebuild, build_work
from quietzone_analytics.settings import AnalyticsSettings, AnalyticsStoreSettings, ArchiveSettings, RebuildSettings, WorkSettings
from quietzone_kit.lifecycle import role_asked, run

if __name__ == "__main__":
    role = role_asked("analytics", ("serve", "archive", "work", "adopt", "rebuild"), sys.argv)
    match role:
        case "archive":
            sys.exit(run("analytics", role, ArchiveSettings, build_archive))
        case "work":
            sys.exit(run("analytics", role, WorkSettings, build_work))
        case "adopt":
            sys.exit(run("analytics", role, AnalyticsStoreSettings, build_adopt))
        case "rebuild":
            sys.exit(run("analytics", role, RebuildSettings, build_rebuild))
    sys.exit(run("analytics", role, AnalyticsSettings, build))
