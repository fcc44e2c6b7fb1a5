"""What `pip install quietzone-client` brings."""

import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import quietzone_client

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "clients" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=CLIENT, check=True, capture_output=True
    )
    [path] = folder.glob("quietzone_client-*.whl")
    return zipfile.ZipFile(path)


def test_it_needs_httpx_and_for_sockets_websockets_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    [metadata] = [name for name in wheel.namelist() if name.endswith("METADATA")]
    told = message_from_bytes(wheel.read(metadata))

    assert told.get_all("Requires-Dist") == ["httpx>=0.28", "websockets>=15.0; extra == 'live'"]
    assert (told["Version"], told["License-Expression"], told["Requires-Python"]) == (quietzone_client.__version__, "Apache-2.0", ">=3.11")


def test_it_is_typed_and_has_its_licence(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()

    assert "quietzone_client/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_it_has_nothing_of_the_server(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info" not in name} == {"quietzone_client"}


def test_the_servers_distribution_leaves_it_out() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert not [package for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] if "client" in package]


def test_it_can_be_imported_without_websockets() -> None:
    script = "import sys; sys.modules['websockets'] = None; import quietzone_client; quietzone_client.AsyncClient('http://x', 'k')"

    subprocess.run([sys.executable, "-c", script], check=True)
