"""Adobe's S3Mock from Maven: an S3 that keeps storage classes, which versitygw doesn't. It checks no signatures, and restores nothing."""

from pathlib import Path

from servers.packages import Packages
from servers.process import NativeServer, free_port, says

VERSION = "4.8.0"
BUCKET = "quietzone"
ACCESS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
"""Set by the tests that ask it: for everybody they would hide those of the other S3."""


def s3mock(folder: Path, packages: Packages) -> NativeServer:
    """A server that doesn't run yet, with the bucket `BUCKET`."""
    jar = packages.program_jar("s3mock", f"com.adobe.testing:s3mock:{VERSION}:jar:exec")
    port, tls_port = free_port(), free_port()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    settings = {
        "server.address": "127.0.0.1",
        "server.port": tls_port,
        "com.adobe.testing.s3mock.httpPort": port,
        "com.adobe.testing.s3mock.store.initialBuckets": BUCKET,
        "com.adobe.testing.s3mock.store.root": folder / "data",
    }
    options = ("-Xmx128m", "-XX:+UseSerialGC", "-jar", str(jar))
    return NativeServer(
        (packages.java(), *options, *(f"--{name}={value}" for name, value in settings.items())),
        folder,
        lambda: says(port, b"GET / HTTP/1.1\r\nHost: s3\r\nConnection: close\r\n\r\n", b"HTTP/1.1"),
        url=f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}&region=us-east-1",
        label=f"S3Mock {VERSION}",
    )
