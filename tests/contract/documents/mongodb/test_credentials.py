"""Passwords and certificates of MongoDB, which change while a process runs."""

import ssl
import subprocess
from pathlib import Path

import pytest
from contract.documents.faults import Proxy, through
from contract.documents.stores import RANDOMNESS, THINGS

from quietzone_kit.documents import (
    DocumentsUnavailable,
    Stored,
    open_documents,
)
from quietzone_kit.runtime import Executor
from servers.packages import Packages

pytestmark = pytest.mark.server("mongodb")


async def test_a_changed_password_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("old\n")
    proxy.password = "old"  # noqa: S105
    options = f"?authMechanism=PLAIN&authSource=$external&password_file={secret}"
    documents = through(proxy, database_url, executor, options, user="me@")
    await documents.ensure(THINGS)

    proxy.password = "new"  # noqa: S105
    await proxy.cut()
    await proxy.start()
    with pytest.raises(DocumentsUnavailable, match="user or password is refused"):
        await documents.insert(THINGS, {"id": "a"})
    secret.write_text("new\n")

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def test_a_password_file_that_is_not_there_is_unavailable_until_it_is(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    proxy.password = "hush"  # noqa: S105
    options = f"?authMechanism=PLAIN&authSource=$external&password_file={tmp_path}/password"
    documents = through(proxy, database_url, executor, options, user="me@")
    with pytest.raises(DocumentsUnavailable, match=r"password_file=.*password can't be read"):
        await documents.ensure(THINGS)

    (tmp_path / "password").write_text("hush")
    await documents.ensure(THINGS)
    await documents.close()


def certificate(folder: Path, name: str) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    program = Packages().program("openssl", "openssl")
    own = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run([program, "req", "-x509", *kind, *own, *made], check=True, capture_output=True, timeout=20)
    both = folder / f"{name}.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


async def test_a_changed_authority_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    old, new, trusted = certificate(tmp_path, "old"), certificate(tmp_path, "new"), tmp_path / "ca.pem"
    trusted.write_text(old.read_text())
    await secure(proxy, old)
    documents = through(proxy, database_url, executor, f"?tls=true&tlsCAFile={trusted}")
    await documents.ensure(THINGS)

    await secure(proxy, new)
    with pytest.raises(DocumentsUnavailable, match="certificate"):
        await documents.insert(THINGS, {"id": "a"})
    trusted.write_text(new.read_text())

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def secure(proxy: Proxy, file: Path) -> None:
    """Have it answer with this certificate, and no other way."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    await proxy.cut()
    await proxy.start(context)


async def test_an_authority_that_is_not_there_is_unavailable_until_it_is(database_url: str, executor: Executor, tmp_path: Path) -> None:
    url = f"{database_url}?tlsCAFile={tmp_path}/ca.pem"
    documents = open_documents(url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsUnavailable, match=r"No such file or directory: '.*/ca\.pem'; see QUIETZONE"):
        await documents.ensure(THINGS)
