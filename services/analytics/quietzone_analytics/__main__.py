"""`python -m quietzone_analytics serve|adopt`."""

import sys

from quietzone_analytics.app import build, build_adopt
from quietzone_analytics.settings import AnalyticsSettings, AnalyticsStoreSettings
from quietzone_kit.lifecycle import role_asked, run

if __name__ == "__main__":
    role = role_asked("analytics", ("serve", "adopt"), sys.argv)
    if role == "adopt":
        sys.exit(run("analytics", role, AnalyticsStoreSettings, build_adopt))
    sys.exit(run("analytics", role, AnalyticsSettings, build))
