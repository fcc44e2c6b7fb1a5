import subprocess
import sys

BLOCKED = (
    "fastapi",
    "starlette",
    "uvicorn",
    "strawberry",
    "graphql",
    "argon2",
    "joserfc",
    "cryptography",
    "pyotp",
    "aiosmtplib",
    "websockets",
)
PARTS = tuple(f"quietzone_{part}" for part in ("qr", "tracking", "analytics", "storage", "notification", "gateway"))
OPERATIONS = ", ".join(f"quietzone_standalone.operations.{name}" for name in ("doctor", "migrate", "stores", "trace"))


def imported(modules: str, *, without: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """What a process ends with that imports these where the others can't be had."""
    program = f"""
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {without!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import {modules}
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_the_command_does_without_the_gateways_libraries_which_its_image_has_not() -> None:
    ended = imported(f"quietzone_cli.__main__, quietzone_standalone.serve, {OPERATIONS}", without=BLOCKED)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_command_loads_no_part_before_it_needs_one() -> None:
    ended = imported("quietzone_cli.__main__", without=PARTS)

    assert (ended.returncode, ended.stderr) == (0, "")
