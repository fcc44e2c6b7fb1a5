"""Mutual TLS: who calls and who is called show certificates of one authority. Files are read again when they change."""

import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc

from quietzone_kit.rpc.settings import TLS_FIELDS, RpcSettings
from quietzone_kit.runtime import Clock
from quietzone_kit.settings import SettingsError, variable
from quietzone_kit.telemetry import logger

log = logger(__name__)

LOOK_EVERY_S = 1.0
"""Between looks whether files have changed; certificates are replaced days before they end."""

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Pem:
    """What the files held at one moment; the key belongs to the certificate."""

    cert: bytes
    key: bytes
    ca: bytes


class Tls:
    """A certificate with its key, and the authority that others must have theirs from. Threads may share it."""

    def __init__(self, cert: Path, key: Path, ca: Path, clock: Clock) -> None:
        """Read the files.

        Raises:
            SettingsError: one can't be read, or isn't what it should be: names its setting.
        """
        self._paths = (cert, key, ca)
        self._clock = clock
        self._guard = threading.Lock()
        self._stamp = self._look()
        self._pem = self._read()
        self._looked_at = clock.monotonic()

    @classmethod
    def of(cls, settings: RpcSettings, clock: Clock) -> Self | None:
        """What the settings name; None when calls are plain. Raises SettingsError."""
        cert, key, ca = settings.rpc_tls_cert, settings.rpc_tls_key, settings.rpc_tls_ca
        return None if cert is None or key is None or ca is None else cls(cert, key, ca, clock)

    def current(self) -> Pem:
        """What the files hold; while they make no sense (one was replaced, the next is about to be), what they held before."""
        with self._guard:
            now = self._clock.monotonic()
            if now - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = now
                self._take_up()
            return self._pem

    def _take_up(self) -> None:
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            pem = self._read()
            if self._look() != stamp:
                return  # they change in this moment: the next look sees all of it
        except SettingsError as error:
            log.warning("certificate not taken up; the one before stays in use", reason=str(error))
            return
        self._stamp, self._pem = stamp, pem
        log.info("certificate taken up", file=str(self._paths[0]))

    def _look(self) -> Stamp:
        return tuple(_stamp(path, field) for path, field in zip(self._paths, TLS_FIELDS, strict=True))

    def _read(self) -> Pem:
        cert, key, ca = (_bytes(path, field) for path, field in zip(self._paths, TLS_FIELDS, strict=True))
        _check_certificates(self._paths[0], cert, TLS_FIELDS[0])
        _check_certificates(self._paths[2], ca, TLS_FIELDS[2])
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._paths[:2], password=bytes)  # never ask on a terminal
        except (ssl.SSLError, OSError) as error:
            reason = "it isn't a private key in PEM without a password, or not that of the certificate"
            raise SettingsError(f"{variable(TLS_FIELDS[1])}: {self._paths[1]}: {reason} {self._paths[0]}") from error
        return Pem(cert, key, ca)


def is_local(address: str) -> bool:
    """Whether an address is a Unix socket's, which the machine's own permissions guard."""
    return address.startswith("unix:")


def server_credentials(tls: Tls) -> grpc.ServerCredentials:
    """Credentials that each handshake takes from the files as they are then; a client must show a certificate."""
    last = tls.current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal last
        now = tls.current()
        if now is last:
            return None  # as gRPC wants it: nothing has changed
        last = now
        return _configuration(now)

    # its types don't know that nothing may be new
    return grpc.dynamic_ssl_server_credentials(_configuration(last), fetch, require_client_authentication=True)  # type: ignore[arg-type]


def channel_credentials(pem: Pem) -> grpc.ChannelCredentials:
    """Credentials of a channel, which keeps them for life. It checks that the server has a certificate for the name that is called."""
    return grpc.ssl_channel_credentials(pem.ca, pem.key, pem.cert)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.cert)], root_certificates=pem.ca)


def _stamp(path: Path, field: str) -> tuple[int, int, int]:
    try:
        found = path.stat()  # of what a symbolic link leads to: Kubernetes replaces a folder of them at once
    except OSError as error:
        raise SettingsError(f"{variable(field)}: {path} can't be read ({error.strerror})") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _bytes(path: Path, field: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{variable(field)}: {path} can't be read ({error.strerror})") from error


def _check_certificates(path: Path, data: bytes, field: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{variable(field)}: {path} holds no certificates in PEM") from error
