"""Responses as bytes."""

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus


def http_date(unix_s: int) -> bytes:
    """A moment as `Date` and other headers have it (RFC 9110, 5.6.7)."""
    return formatdate(unix_s, usegmt=True).encode("ascii")


def response_head(status: int, headers: Iterable[tuple[bytes, bytes]], *, date: bytes, size: int) -> bytes:
    """Status line and headers with the blank line. `size` is the body's and becomes Content-Length; `Connection` is the server's."""
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode("ascii")), b"Date: " + date]
    lines += [name + b": " + value for name, value in headers]
    lines += [b"Content-Length: %d" % size, b"", b""]
    return b"\r\n".join(lines)


def closing(head: bytes) -> bytes:
    """The same head, saying that the connection ends with it."""
    return head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def plain_response(status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = (), *, date: bytes) -> tuple[bytes, bytes]:
    """Head and body of a short text for whoever reads it."""
    body = f"{text}\n".encode()
    return response_head(status, [(b"Content-Type", b"text/plain; charset=utf-8"), *headers], date=date, size=len(body)), body
