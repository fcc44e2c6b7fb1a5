"""MongoDB's protocol by mongo-java-server from Maven, on a file.

MongoDB itself is in no package registry. What this server lacks: sessions, transactions, users, clients' certificates, speed (3 ms a
compare-and-swap), and what was acknowledged in the last second before a SIGKILL. Faults on it are therefore pauses, cuts and clean stops.
A container is MongoDB itself.
"""

from pathlib import Path
from typing import Any

from servers.certificates import Certificate
from servers.containers import Image
from servers.packages import Packages
from servers.process import NativeServer, free_port, says

VERSION = "1.47.0"
JARS = (
    f"de.bwaldvogel:mongo-java-server:{VERSION}",
    f"de.bwaldvogel:mongo-java-server-h2-backend:{VERSION}",
    "org.slf4j:slf4j-simple:2.0.17",
)
MAIN = Path(__file__).with_name("Main.java")


def mongodb(folder: Path, packages: Packages, *, certificate: Certificate | None = None) -> NativeServer:
    """A server that doesn't run yet, with TLS if it has a certificate; a clean stop keeps its data."""
    java, jars = packages.java(), packages.jars("mongodb", *JARS)
    classes = packages.classes(MAIN, jars)
    port = free_port()
    options = ("-Xmx256m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{classes}:{jars}/*")
    tls = () if certificate is None else (str(certificate.file), str(certificate.key))
    return NativeServer(
        (java, *options, "Main", str(folder / "data.h2"), str(port), *tls),
        folder,
        lambda: _answers(port, certificate),
        url=_url(port),
        label=f"mongo-java-server {VERSION} (not MongoDB)",
    )


def _url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}"


def _answers(port: int, certificate: Certificate | None = None) -> bool:
    if not says(port, b"", b""):
        return False
    # Imported here: no run without it pays for it.
    from pymongo import MongoClient  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    tls: dict[str, Any] = {} if certificate is None else {"tls": True, "tlsCAFile": str(certificate.file)}
    client: MongoClient[dict[str, Any]] = MongoClient(_url(port), serverSelectionTimeoutMS=2000, timeoutMS=2000, **tls)
    try:
        client.admin.command("ping")
    except PyMongoError:
        return False
    finally:
        client.close()
    return True


IMAGE = Image("mongo:7.0", port=27017, url=_url, answers=_answers)
