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
PROGRAM = f"""
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import quietzone_cli.__main__, quietzone_standalone.operations, quietzone_standalone.prepare
"""


def test_the_command_does_without_the_gateways_libraries_which_its_image_has_not() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
