"""`python -m quietzone_notification serve|match|send|verify|migrate [--contract]`."""

import sys
from functools import partial

from quietzone_kit.lifecycle import role_asked, run
from quietzone_notification.app import build, build_contract, build_match, build_migrate, build_send, build_verify
from quietzone_notification.settings import MatchSettings, NotificationSettings, NotificationStoreSettings, SendSettings

ROLES = {
    "serve": partial(run, kind=NotificationSettings, build=build),
    "match": partial(run, kind=MatchSettings, build=build_match),
    "send": partial(run, kind=SendSettings, build=build_send),
    "verify": partial(run, kind=MatchSettings, build=build_verify),
    "migrate": partial(run, kind=NotificationStoreSettings, build=build_migrate),
    "migrate --contract": partial(run, kind=NotificationStoreSettings, build=build_contract),
}

if __name__ == "__main__":
    role = role_asked("notification", ROLES, sys.argv)
    sys.exit(ROLES[role]("notification", role))
