"""Files that somebody fetches all the while at their public address, by URLs that were signed before; each comes whole."""

import hashlib
import io
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from select import select
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from house import fetch
from release.cluster import Failed, until
from release.flow import MAX_FAILURES, beside
from release.proof import Proof

FETCHES_A_SECOND = 4
"""Every other on a connection of its own, the others on one that is kept."""
FETCHED_WITHIN_S = 10.0
DRAWN = 2
"""Codes whose files are fetched."""
HOLDS_S = 86_400


@dataclass(frozen=True, slots=True)
class File:
    """One of an asset, by its signed URL."""

    name: str
    url: str
    sha256: str


@dataclass(slots=True)
class Reader:
    """Somebody who fetches them in turn, each by either kind of connection. Nothing is tried again."""

    files: list[File]
    tags: dict[str, str] = field(default_factory=dict)
    """Their ETags, as they came first."""
    whole: int = 0
    failures: list[str] = field(default_factory=list)
    failed: int = 0
    slowest_s: float = 0.0
    flowed_s: float = 0.0

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Fetch until the end of the block."""
        began = time.monotonic()
        with beside(self._fetch_all):
            yield
        self.flowed_s = time.monotonic() - began

    @property
    def steady(self) -> bool:
        """Whether at least half of what was to be fetched was, each file among it."""
        return self.whole + self.failed >= self.flowed_s * FETCHES_A_SECOND / 2 and len(self.tags) == len(self.files)

    def _fetch_all(self, stopped: threading.Event) -> None:
        began, place = time.monotonic(), urlsplit(self.files[0].url).netloc
        kept = HTTPConnection(place, timeout=FETCHED_WITHIN_S)
        for number in itertools.count():
            if stopped.wait(1 / FETCHES_A_SECOND):
                break
            file, connection = (
                self.files[number // 2 % len(self.files)],
                kept if number % 2 else HTTPConnection(place, timeout=FETCHED_WITHIN_S),
            )
            asked = time.monotonic()
            wrong = self._fetch(connection, file)
            self.slowest_s = max(self.slowest_s, time.monotonic() - asked)
            if wrong is None:
                self.whole += 1
            else:
                self._fail(f"{asked - began:.0f} s: {file.name}: {wrong}")
            if wrong is not None or connection is not kept:
                connection.close()
        kept.close()

    def _fetch(self, connection: HTTPConnection, file: File) -> str | None:
        """What was wrong with it."""
        try:
            if connection.sock is not None and select([connection.sock], [], [], 0)[0]:
                connection.close()  # the server has ended it meanwhile, and it connects anew: whoever keeps connections looks first
            parts = urlsplit(file.url)
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            body, tag = answer.read(), answer.headers["ETag"]
        except (OSError, HTTPException) as error:
            return f"no answer: {error!r}"
        if answer.status != 200:
            return f"{answer.status} {body[:200]!r}"
        if hashlib.sha256(body).hexdigest() != file.sha256:
            return f"{len(body)} other bytes"
        if not tag or self.tags.setdefault(file.name, tag) != tag:
            return f"another ETag: {tag}"
        return None

    def _fail(self, what: str) -> None:
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(what)


def begin_reading(proof: Proof, codes: list[dict[str, str]]) -> Reader:
    """An image in all its files, and the files of some codes."""
    assets = [_uploaded(proof), *(_ready(proof, code["id"]) for code in codes[:DRAWN])]
    return Reader([File(file["name"], _url(proof, asset, file), file["sha256"]) for asset in assets for file in asset["files"]])


def expect_read(proof: Proof, reader: Reader) -> None:
    """Each was what it was before."""
    number = f"{reader.whole + reader.failed} fetches of {len(reader.files)} files"
    proof.expect(f"{number}; slowest {reader.slowest_s * 1000:.0f} ms", holds=reader.steady)
    proof.expect(f"{reader.failed} of them failed or brought other bytes {reader.failures[:3] or ''}", holds=reader.failed == 0)


def _uploaded(proof: Proof) -> Any:
    picture = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(picture, "PNG")
    content = picture.getvalue()
    begun = proof.ask("POST", "/v1/assets", {"name": "picture.png", "media_type": "image/png", "size": len(content)})
    try:
        answer = fetch("PUT", begun["put"]["url"], content, {"content-type": "image/png"})
    except OSError as error:
        raise Failed(f"an upload: {error}") from error
    if not 200 <= answer.status < 300:
        raise Failed(f"an upload: {answer.status} {answer.body[:300]!r}")
    return _ready(proof, begun["asset"]["id"])


def _ready(proof: Proof, asset_id: str) -> Any:
    found: list[Any] = []

    def is_ready() -> bool:
        try:
            found.append(proof.ask("GET", f"/v1/assets/{asset_id}"))
        except Failed:  # a code that isn't drawn yet has none
            return False
        return bool(found[-1]["state"] == "ready")

    until(is_ready, f"the files of {asset_id} are ready")
    return found[-1]


def _url(proof: Proof, asset: Any, file: Any) -> str:
    return str(proof.ask("GET", f"/v1/assets/{asset['id']}/url?variant={file['variant']}&expires_s={HOLDS_S}")["url"])
