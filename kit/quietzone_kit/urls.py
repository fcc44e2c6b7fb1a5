"""URLs of servers, in one grammar for all adapters.

::

    scheme://[user[:password]@]host[:port][,host[:port]…][/path][?option=value&…]

What is secret can stay out of the URL: `password_file` names a file that is read again for each new connection, so that a changed
password needs no restart. `ca_file`, `cert_file` and `key_file` are for TLS, and are read again too.
"""

import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

TLS_OPTIONS = frozenset({"ca_file", "cert_file", "key_file"})


class InvalidUrl(ValueError):
    """The URL can't be used: says why and what would do, and never shows its password."""


class CredentialsUnreadable(Exception):
    """A file of credentials can't be read now: names the option and the file."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A URL taken apart; `hosts` holds (name or address, port), `path` has no leading slash."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    user: str | None
    path: str
    options: Mapping[str, str]
    _password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, *, default_port: int, options: Collection[str] = ()) -> "ServerUrl":
        """Take `text` apart; `options` are those that the adapter knows.

        Raises:
            InvalidUrl: it has no host, a wrong port or an unknown option.
        """
        parts = split(text)
        user, password, places = _authority(parts.netloc)
        if not places:
            raise InvalidUrl(f"no host; use {parts.scheme or 'scheme'}://host:{default_port}")
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        known = TLS_OPTIONS | {"password_file"} | set(options)
        if unknown := sorted(set(given) - known):
            raise InvalidUrl(f"no such option: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        if password is not None and "password_file" in given:
            raise InvalidUrl("a password and password_file: leave one of them out")
        hosts = tuple(_host(place, default_port) for place in places.split(","))
        return cls(parts.scheme, hosts, user, unquote(parts.path).removeprefix("/"), given, password)

    @property
    def shown(self) -> str:
        """The URL for messages and logs: without password and options."""
        user = f"{self.user}@" if self.user else ""
        places = ",".join(f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name, port in self.hosts)
        return f"{self.scheme}://{user}{places}" + (f"/{self.path}" if self.path else "")

    def password(self) -> str | None:
        """The password as it is now: from the URL, or from its file.

        Raises:
            CredentialsUnreadable: the file can't be read.
        """
        return self._read("password_file") if "password_file" in self.options else self._password

    def tls(self) -> ssl.SSLContext:
        """What a TLS connection needs, from the files as they are now; the server's name is always checked.

        Raises:
            CredentialsUnreadable: a file can't be read, or isn't a certificate or key.
        """
        try:
            context = ssl.create_default_context(cafile=self.options.get("ca_file"))
            if "cert_file" in self.options:
                context.load_cert_chain(self.options["cert_file"], self.options.get("key_file"))
        except OSError as error:
            names = ", ".join(f"{name}={value}" for name, value in sorted(self.options.items()) if name in TLS_OPTIONS)
            raise CredentialsUnreadable(f"{self.shown}: {names} can't be used: {error.strerror or error}") from error
        return context

    def _read(self, option: str) -> str:
        path = self.options[option]
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsUnreadable(f"{self.shown}: {option}={path} can't be read: {error}") from error


def split(text: str) -> SplitResult:
    """The parts of a URL with an authority.

    Raises:
        InvalidUrl: it is none, or an unescaped password would be taken for host, path or options. Nothing of it is repeated.
    """
    rest = text.partition("://")[2]
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    if "@" in rest[end:]:
        raise InvalidUrl(
            "there is an @ behind the first / ? or #: in a user or password write / as %2F, ? as %3F, # as %23, and an @ elsewhere as %40"
        )
    try:
        return urlsplit(text)
    except ValueError:
        raise InvalidUrl("not a URL: its host or port can't be read") from None


def wrong_scheme(text: str, instead: str) -> str:
    """What to say of a URL that no adapter is for. Of a text without a scheme nothing is repeated: what stands there may be a password."""
    scheme, separator, _ = text.partition("://")
    known = separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme)
    return f"no such scheme {scheme!r}; use {instead}" if known else f"no scheme; use {instead}"


def domain_of(url: str) -> str:
    """The host that a URL of people's leads to, in lower case: `unknown` without a URL, `invalid-url` for what is none."""
    if not url:
        return "unknown"
    try:
        return urlsplit(url).hostname or "invalid-url"
    except ValueError:
        return "invalid-url"


def _authority(netloc: str) -> tuple[str | None, str | None, str]:
    """User, password and hosts."""
    credentials, at, places = netloc.rpartition("@")
    if not at:
        return None, None, places
    user, colon, password = credentials.partition(":")
    return unquote(user), unquote(password) if colon else None, places


def _host(place: str, default_port: int) -> tuple[str, int]:
    name, bracket, after = place.removeprefix("[").partition("]")
    if not bracket:
        name, _, port = place.partition(":")
    else:
        port = after.removeprefix(":")
    if not name:
        raise InvalidUrl(f"{place!r} names no host")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidUrl(f"{place!r}: a port is a number from 1 to 65535")
    return name, int(port) if port else default_port
