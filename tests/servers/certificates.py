"""Certificates of 127.0.0.1 for servers and clients, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers.packages import Packages


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that vouches for itself, its key, and both in one file."""

    file: Path
    key: Path
    both: Path


def make_certificate(folder: Path, name: str = "server") -> Certificate:
    """A new one, in files of this name."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-both.pem")
    program = Packages().program("openssl", "openssl")
    own = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    files = ("-keyout", str(made.key), "-out", str(made.file))
    subprocess.run([program, "req", "-x509", *kind, *own, *files], check=True, capture_output=True, timeout=20)
    made.both.write_text(made.key.read_text() + made.file.read_text())
    return made
