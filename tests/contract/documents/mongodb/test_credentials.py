"""TLS and sign-in to MongoDB.

mongo-java-server can do TLS, and has neither users nor an eye for clients' certificates. So certificates that change, those of clients
and passwords are tested at a proxy before it, which asks for them: that is the driver and our adapter, not how MongoDB itself answers;
MongoDB's SCRAM is tested nowhere here.
"""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.documents.faults import Proxy, through
from contract.documents.stores import RANDOMNESS, in_mongodb

from quietzone_kit.documents import Collection, DocumentsUnavailable, Stored, open_documents
from quietzone_kit.runtime import Executor
from servers.certificates import Certificate, make_certificate
from servers.mongodb import mongodb
from servers.packages import Packages
from servers.run import Run

pytestmark = pytest.mark.server("mongodb")

THINGS = Collection("things", key="id")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured_url(certificate: Certificate) -> Iterator[str]:
    """A database on a server that speaks TLS only."""
    with Run.begin() as run:
        server = run.use(mongodb(run.folder("mongodb"), Packages(), certificate=certificate))
        yield in_mongodb(server.url)


async def test_a_server_is_trusted_by_a_certificate_that_we_were_told_of(
    secured_url: str, certificate: Certificate, executor: Executor
) -> None:
    documents = open_documents(f"{secured_url}?tls=true&tlsCAFile={certificate.file}", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(THINGS)

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def test_a_server_that_nobody_vouches_for_is_refused(secured_url: str, executor: Executor) -> None:
    documents = open_documents(f"{secured_url}?tls=true", executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsUnavailable, match=r"certificate.*QUIETZONE"):
        await documents.ensure(THINGS)
    await documents.close()


async def test_a_changed_authority_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, executor: Executor, tmp_path: Path
) -> None:
    old, new, trusted = make_certificate(tmp_path, "old"), make_certificate(tmp_path, "new"), tmp_path / "ca.pem"
    trusted.write_text(old.file.read_text())
    await secure(proxy, old)
    documents = through(proxy, database_url, executor, f"?tls=true&tlsCAFile={trusted}")
    await documents.ensure(THINGS)

    await secure(proxy, new)
    with pytest.raises(DocumentsUnavailable, match="certificate"):
        await documents.insert(THINGS, {"id": "a"})
    trusted.write_text(new.file.read_text())

    assert await documents.insert(THINGS, {"id": "a"}) == Stored({"id": "a"}, 1)
    await documents.close()


async def test_a_clients_changed_certificate_is_read_from_its_file_without_a_restart(
    proxy: Proxy, database_url: str, certificate: Certificate, executor: Executor, tmp_path: Path
) -> None:
    known, shown = make_certificate(tmp_path, "client"), make_certificate(tmp_path, "stranger").both
    await secure(proxy, certificate, client=known)
    options = f"?tls=true&tlsCAFile={certificate.file}&tlsCertificateKeyFile={shown}"
    documents = through(proxy, database_url, executor, options)
    with pytest.raises(DocumentsUnavailable):
        await documents.ensure(THINGS)

    await asyncio.to_thread(shown.write_text, known.both.read_text())

    await documents.ensure(THINGS)
    await documents.close()


async def test_an_authority_that_is_not_there_is_unavailable_until_it_is(database_url: str, executor: Executor, tmp_path: Path) -> None:
    url = f"{database_url}?tlsCAFile={tmp_path}/ca.pem"
    documents = open_documents(url, executor=executor, randomness=RANDOMNESS)

    with pytest.raises(DocumentsUnavailable, match=r"No such file or directory: '.*/ca\.pem'; see QUIETZONE"):
        await documents.ensure(THINGS)


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


async def secure(proxy: Proxy, server: Certificate, *, client: Certificate | None = None) -> None:
    """Have it answer with this certificate and no other way, and only to a client with that one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.both)
    if client is not None:
        context.load_verify_locations(client.file)
        context.verify_mode = ssl.CERT_REQUIRED
    await proxy.cut()
    await proxy.start(context)
