"""Asking an account's authoriser: signed (https://www.standardwebhooks.com), within 3 s, and never in our own network."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore

from quietzone_gateway.identity.authorisers.domain import InvalidPolicy, Place, Policy, policy_of
from quietzone_kit.outside import NoAddress, NotAllowed, Pinned, Resolver, allowed_addresses
from quietzone_kit.runtime import Clock

TOTAL_S = 3.0
"""For look-up, connection and answer: the request that waits for it has 5 s."""

MAX_ANSWER_BYTES = 16_384

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks writes secrets


class NoPolicy(Exception):
    """The authoriser gave no policy: says why, for the account's own people."""


class Refused(Exception):
    """The authoriser knows nobody who shows this token."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an authoriser is asked. `source_ip` is the client's address, whole: it decides by it now."""

    token: str
    method: str
    path: str
    source_ip: str
    request_id: str

    def body(self) -> bytes:
        """The question as JSON."""
        return json.dumps(
            {
                "type": "TOKEN",
                "token": self.token,
                "method": self.method,
                "path": self.path,
                "sourceIp": self.source_ip,
                "requestId": self.request_id,
            }
        ).encode()


class Asker:
    """Asks authorisers. `private` and `tls` are for tests, whose authoriser is on this machine."""

    def __init__(self, resolver: Resolver, clock: Clock, *, private: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._resolver = resolver
        self._clock = clock
        self._private = private
        self._tls = tls

    async def ask(self, place: Place, secret: bytes, question: Question) -> Policy:
        """The policy for a question.

        Raises:
            Refused: it knows nobody with this token (401 or 403).
            NoPolicy: it can't be reached, isn't asked there, or answers something else.
        """
        body = question.body()
        headers = self._headers(place, secret, question.request_id, body)
        try:
            async with asyncio.timeout(TOTAL_S):
                status, answer = await self._post(place, headers, body)
        except TimeoutError as error:
            raise NoPolicy(f"no answer within {TOTAL_S:g} s") from error
        except (NoAddress, NotAllowed) as error:
            raise NoPolicy(str(error)) from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise NoPolicy(f"no connection, or not one that we trust: {type(error).__name__}") from error
        if status in (401, 403):
            raise Refused
        if status != 200:
            raise NoPolicy(f"it answers {status}, not 200")
        try:
            return policy_of(json.loads(answer))
        except (InvalidPolicy, ValueError, RecursionError) as error:
            raise NoPolicy(f"its answer is no policy: {error}") from error

    async def _post(self, place: Place, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        addresses = await allowed_addresses(self._resolver, place.host, place.port, private=self._private)
        origin = httpcore.Origin(b"https", place.host.encode(), place.port)
        target = httpcore.URL(scheme=b"https", host=place.host.encode(), port=place.port, target=place.target.encode())
        limits = {"connect": TOTAL_S, "read": TOTAL_S, "write": TOTAL_S}
        if self._tls is None:
            self._tls = httpcore.default_ssl_context()  # 20 ms, which most processes never need
        connection = httpcore.AsyncHTTPConnection(origin, self._tls, network_backend=Pinned(addresses))
        async with (
            connection,
            connection.stream("POST", target, headers=list(headers.items()), content=body, extensions={"timeout": limits}) as response,
        ):
            answer = bytearray()
            async for part in response.aiter_stream():
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise NoPolicy(f"its answer has more than {MAX_ANSWER_BYTES:,} bytes")
            return response.status, bytes(answer)

    def _headers(self, place: Place, secret: bytes, message_id: str, body: bytes) -> Mapping[str, str]:
        sent_s = str(self._clock.now_ms() // 1000)
        return {
            "Host": place.named,
            "User-Agent": "Quietzone authoriser",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "webhook-id": message_id,
            "webhook-timestamp": sent_s,
            "webhook-signature": signature(secret, message_id, sent_s, body),
        }


def signature(secret: bytes, message_id: str, sent_s: str, body: bytes) -> str:
    """What shows an authoriser that it is us who ask."""
    signed = f"{message_id}.{sent_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def shown_secret(secret: bytes) -> str:
    """A secret as people copy it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()
