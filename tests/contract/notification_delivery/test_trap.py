"""Nothing that an account can write leads a webhook into the house: see `trap`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRAP = Path(__file__).with_name("trap.py")


def has_namespaces() -> bool:
    tools = all(map(shutil.which, ("unshare", "ip")))
    return tools and subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607


def test_of_a_thousand_targets_none_is_connected_to_within_the_house() -> None:
    if not has_namespaces():
        pytest.skip(
            "this machine gives no network namespace (unshare -rn, ip): tests/unit/notification/delivery/test_reach.py is what is left"
        )
    done = subprocess.run(["unshare", "-rn", sys.executable, str(TRAP)], check=True, capture_output=True, text=True)  # noqa: S607

    told = json.loads(done.stdout)
    assert told["inside"] == []
    assert told["public"] >= 20  # the trap sees what is let through
    assert told["tried"] >= 1_000
