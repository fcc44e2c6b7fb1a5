"""S3 by versitygw, built from its Go module: objects are files in a folder."""

import os
from pathlib import Path

from servers.containers import Image
from servers.packages import Packages
from servers.process import NativeServer, free_port, says

VERSION = "v1.8.0"
BUCKET = "quietzone"
REGION = "us-east-1"
ACCESS = {"AWS_ACCESS_KEY_ID": "quietzone", "AWS_SECRET_ACCESS_KEY": "quietzone-secret"}


def s3(folder: Path, packages: Packages) -> NativeServer:
    """A server that doesn't run yet, with the bucket `BUCKET`; it checks signatures (v4 only)."""
    program = packages.go_program("github.com/versity/versitygw/cmd/versitygw", VERSION, "versitygw")
    port = free_port()
    keys = ("--access", ACCESS["AWS_ACCESS_KEY_ID"], "--secret", ACCESS["AWS_SECRET_ACCESS_KEY"])
    (folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)
    server = NativeServer(
        (str(program), *keys, "--region", REGION, "--port", f"127.0.0.1:{port}", "posix", *_sidecar(folder), str(folder / "data")),
        folder,
        lambda: _answers(port),
        url=_url(port),
        label=f"versitygw {VERSION}",
    )
    server.environment = ACCESS
    return server


def _url(port: int) -> str:
    return f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}&region={REGION}"


def _answers(port: int) -> bool:
    return says(port, b"GET / HTTP/1.1\r\nHost: s3\r\nConnection: close\r\n\r\n", b"HTTP/1.1")


def _sidecar(folder: Path) -> tuple[str, ...]:
    """Where a file system has no extended attributes (tmpfs), metadata go to a folder beside the data."""
    try:
        os.setxattr(folder, "user.quietzone", b"1")
    except OSError:
        (folder / "metadata").mkdir(exist_ok=True)
        return "--sidecar", str(folder / "metadata")
    return ()


_IN_CONTAINER = (
    f"mkdir -p /tmp/data/{BUCKET} /tmp/metadata && PATH=/app:$PATH exec versitygw --region {REGION} --port :7070 "
    f"--access {ACCESS['AWS_ACCESS_KEY_ID']} --secret {ACCESS['AWS_SECRET_ACCESS_KEY']} posix --sidecar /tmp/metadata /tmp/data"
)
IMAGE = Image(
    f"versity/versitygw:{VERSION}",
    port=7070,
    url=_url,
    answers=_answers,
    entrypoint=("/bin/sh", "-c"),
    command=(_IN_CONTAINER,),
    environment=ACCESS,
)
