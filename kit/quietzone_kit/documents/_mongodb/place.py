"""MongoDB's own connection string, with what we add (`password_file`) and what we don't leave to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from quietzone_kit.urls import CredentialsUnreadable, InvalidUrl, split

SCHEMES = ("mongodb", "mongodb+srv")
SETTING = "QUIETZONE_<SERVICE>_DOCUMENTS_URL"

_NOT_OURS = frozenset({"admin", "config", "local"})
_FILES = frozenset({"password_file", "tlscafile", "tlscertificatekeyfile"})
_FIXED = {
    "w": ("majority",),
    "journal": ("true",),
    "readpreference": ("primary",),
    "readconcernlevel": ("majority",),
    "retrywrites": ("true", "false"),  # both are in strings that people paste; off all the same: write ids are of all servers
    "retryreads": ("true", "false"),
    "maxpoolsize": (),
    "minpoolsize": (),
    "maxconnecting": (),
    "waitqueuetimeoutms": (),
    "connecttimeoutms": (),
    "sockettimeoutms": (),
    "serverselectiontimeoutms": (),
    "timeoutms": (),
    "wtimeoutms": (),
    "heartbeatfrequencyms": (),
}
"""Options that are decided here, since promises and deadlines hang on them, and the values that may be repeated in the URL."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is: `uri` is for the driver and has no `password_file`; `shown` is for messages and has no password."""

    uri: str = field(repr=False)
    database: str
    shown: str
    password_file: str | None
    reads_files: bool

    def password(self) -> str | None:
        """The password in its file as it is now; None when the URL has all there is.

        Raises:
            CredentialsUnreadable: the file can't be read.
        """
        if self.password_file is None:
            return None
        try:
            return Path(self.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsUnreadable(f"{self.shown}: password_file={self.password_file} can't be read: {error}") from error


def place_of(url: str) -> Place:
    """Take a URL apart and check it, without looking anything up.

    Raises:
        InvalidUrl: says what is wrong and what would do, never the password.
    """
    parts = split(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user = unquote(credentials.partition(":")[0])
    database = unquote(parts.path).removeprefix("/")
    shown = f"{parts.scheme}://{f'{quote(user)}@' if user else ''}{hosts}" + (f"/{database}" if database else "")
    if not database or database in _NOT_OURS:
        raise InvalidUrl(
            f"{shown}: name a database of its own for each service, such as {parts.scheme}://{hosts or 'host:27017'}/quietzone_qr"
        )
    given = parse_qsl(parts.query, keep_blank_values=True)
    password_file = next((value for name, value in given if name == "password_file"), None)
    if password_file is not None and (not user or ":" in credentials):
        raise InvalidUrl(f"{shown}: password_file needs a user in the URL, and no password beside it")
    options = [(name, value) for name, value in given if name != "password_file"]
    _check_options(shown, options)
    uri = parts._replace(query=urlencode(options, safe=":,/", quote_via=quote)).geturl()
    _check_uri(shown, uri, has_password=":" in credentials)
    return Place(uri, database, shown, password_file, any(name.lower() in _FILES for name, _ in given))


def _check_options(shown: str, options: Iterable[tuple[str, str]]) -> None:
    for name, value in options:
        allowed = _FIXED.get(name.lower())
        if allowed is not None and value.lower() not in allowed:
            instead = f"only {name}={' or '.join(allowed)} can be given" if allowed else "leave it out"
            raise InvalidUrl(f"{shown}: {name}={value} is not for the URL to decide, {instead}")


def _check_uri(shown: str, uri: str, *, has_password: bool) -> None:
    """Let the driver read it; names in DNS and files are only looked up when they are used."""
    plain = "mongodb://" + _without_lookups(uri.partition("://")[2])
    try:
        parse_uri(plain, validate=True, warn=False)
    except (PyMongoError, ValueError) as error:
        # what is wrong with a password would be in the driver's message
        reason = "its special characters, those of the password too, must be written as %XX, and its options be MongoDB's"
        raise InvalidUrl(f"{shown}: {reason if has_password else error}") from None


def _without_lookups(rest: str) -> str:
    before, _, query = rest.partition("?")
    names = ("srv", *_FILES)
    kept = [option for option in query.split("&") if option and not option.lower().startswith(names)]
    return f"{before}?{'&'.join(kept)}" if kept else before
