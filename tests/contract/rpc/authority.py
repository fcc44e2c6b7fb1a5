"""Authorities and certificates for tests, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers.packages import Packages

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Files:
    """A certificate, its key, and the authority that others' are checked by: as a process finds them, in a folder of its own."""

    cert: Path
    key: Path
    ca: Path

    def take(self, other: "Files") -> None:
        """Hold from now on what `other` holds."""
        for mine, its in ((self.cert, other.cert), (self.key, other.key), (self.ca, other.ca)):
            mine.write_bytes(its.read_bytes())


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / name
        self._folder.mkdir()
        self._openssl = Packages().program("openssl", "openssl")
        self._make("ca", name)

    def certificate(self, name: str, *, of: str = "IP:127.0.0.1") -> Files:
        """A certificate of an address, signed by this authority."""
        ca = ("-CA", str(self._folder / "ca.pem"), "-CAkey", str(self._folder / "ca.key"))
        self._make(name, name, *ca, "-addext", f"subjectAltName={of}", "-addext", "basicConstraints=CA:FALSE")
        return Files(self._folder / f"{name}.pem", self._folder / f"{name}.key", self._folder / "ca.pem")

    def _make(self, file: str, name: str, *more: str) -> None:
        made = ("-keyout", str(self._folder / f"{file}.key"), "-out", str(self._folder / f"{file}.pem"))
        command = [self._openssl, "req", "-x509", *EC, "-subj", f"/CN={name}", *more, *made]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
