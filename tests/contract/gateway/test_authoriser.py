"""Asking an authoriser over TLS; and the account's authoriser over HTTP."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from contract.gateway.served import Api, problem
from contract.rpc.authority import Authority
from pydantic import TypeAdapter

from quietzone_gateway.identity.authorisers import ask
from quietzone_gateway.identity.authorisers.ask import Asker, NoPolicy, Question, Refused
from quietzone_gateway.identity.authorisers.domain import Place
from quietzone_gateway.rest.authoriser import AUTHORISER, AuthoriserInput, AuthoriserView
from quietzone_kit.runtime import SystemClock

SECRET = b"s" * 32
QUESTION = Question("token", "GET", "/v1/codes", "192.0.2.7", "request-1")
POLICY = {"principalId": "ada", "policy": [{"effect": "Allow", "scopes": ["codes:read"]}], "context": {"team": "a"}, "ttl": 60}


@dataclass
class Site:
    """An authoriser on this machine: what it was sent, and what it answers."""

    answer: bytes
    port: int = 0
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hangs: bool = False


@dataclass
class Names:
    """Every host's addresses."""

    addresses: Sequence[str] = ("127.0.0.1",)

    async def resolve(self, _host: str, _port: int) -> Sequence[str]:
        return self.addresses


def answer(status: int, body: bytes, *headers: str) -> bytes:
    head = (f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*head, "", "")).encode() + body


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the authoriser, and for who trusts it."""
    files = Authority(tmp_path, "authority").certificate("site", of="DNS:auth.example.com")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(files.cert, files.key)
    return served, ssl.create_default_context(cafile=str(files.ca))


@asynccontextmanager
async def serving(tls: ssl.SSLContext, sent: bytes = b"", *, hangs: bool = False) -> AsyncIterator[Site]:
    site = Site(sent or answer(200, json.dumps(POLICY).encode()), hangs=hangs)
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        site.heads.append({name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)})
        site.bodies.append(await reader.readexactly(int(site.heads[-1]["content-length"])))
        if site.hangs:
            await ended.wait()
        writer.write(site.answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        ended.set()
        server.close()


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


def asking(trust: ssl.SSLContext, *, private: bool = True, names: Names | None = None) -> Asker:
    return Asker(names or Names(), SystemClock(), private=private, tls=trust)


def place(site: Site, host: str = "auth.example.com") -> Place:
    return Place(host, site.port, "/quietzone?a=b")


async def test_an_authoriser_is_asked_in_a_signed_request_and_its_policy_taken(contexts: Contexts) -> None:
    served, trust = contexts
    async with serving(served) as site:
        policy = await asking(trust).ask(place(site), SECRET, QUESTION)

    (head,), (body,) = site.heads, site.bodies
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    assert head["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert json.loads(body) == {
        "type": "TOKEN",
        "token": "token",
        "method": "GET",
        "path": "/v1/codes",
        "sourceIp": "192.0.2.7",
        "requestId": "request-1",
    }
    assert (policy.principal_id, policy.scopes, policy.ttl_s) == ("ada", {"codes:read"}, 60)


@pytest.mark.parametrize("status", [401, 403])
async def test_one_that_knows_nobody_refuses(contexts: Contexts, status: int) -> None:
    served, trust = contexts
    async with serving(served, answer(status, b"")) as site:
        with pytest.raises(Refused):
            await asking(trust).ask(place(site), SECRET, QUESTION)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (answer(500, b""), "500"),
        (answer(204, b""), "204"),
        (answer(302, b"", "Location: http://169.254.169.254/"), "302"),
        (answer(200, b"{"), "no policy"),
        (answer(200, b"{}"), "no policy"),
        (answer(200, b"[" * 10_000), "no policy"),
        (answer(200, b"\xff"), "no policy"),
        (answer(200, b" " * 20_000), "more than 16,384"),
        (b"rubbish\r\n\r\n", "RemoteProtocolError"),
    ],
)
async def test_an_answer_that_is_no_policy_is_none(contexts: Contexts, sent: bytes, said: str) -> None:
    served, trust = contexts
    async with serving(served, sent) as site:
        with pytest.raises(NoPolicy, match=said):
            await asking(trust).ask(place(site), SECRET, QUESTION)


async def test_one_that_hangs_is_given_up(contexts: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    served, trust = contexts
    monkeypatch.setattr(ask, "TOTAL_S", 0.2)
    async with serving(served, hangs=True) as site:
        with pytest.raises(NoPolicy, match="no answer within"):
            await asking(trust).ask(place(site), SECRET, QUESTION)


async def test_a_certificate_of_another_is_not_trusted(contexts: Contexts) -> None:
    served, trust = contexts
    async with serving(served) as site:
        with pytest.raises(NoPolicy, match="trust"):
            await asking(trust).ask(place(site, "other.example.com"), SECRET, QUESTION)
    assert site.heads == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "192.168.1.1"])
async def test_server_side_request_forgery_into_our_own_network_is_refused(contexts: Contexts, address: str) -> None:
    served, trust = contexts
    async with serving(served) as site:
        with pytest.raises(NoPolicy, match="isn't asked"):
            await asking(trust, private=False, names=Names((address,))).ask(place(site), SECRET, QUESTION)
    assert site.heads == []


async def test_an_authoriser_is_put_shown_without_its_secret_and_removed(api: Api) -> None:
    made = await api.send("PUT", "/v1/account/authoriser", AUTHORISER)

    assert made.json()["secret"].startswith("whsec_")
    assert (await api.send("GET", "/v1/account/authoriser")).json() == AUTHORISER
    assert (await api.send("DELETE", "/v1/account/authoriser")).status_code == 204
    assert problem(await api.send("GET", "/v1/account/authoriser"))[0] == 404


async def test_a_request_with_a_token_of_nobody_is_refused(api: Api) -> None:
    headers = {"authorization": "Bearer anything", "x-quietzone-account": "first"}

    assert problem(await api.http.get("/v1/codes", headers=headers))[:2] == (401, "unauthenticated")


async def test_wrong_fields_are_named(api: Api) -> None:
    answer = await api.send("PUT", "/v1/account/authoriser", {"url": "http://127.0.0.1", "scopes": ["members:write"], "ttl_s": 60})

    assert problem(answer) == (400, "invalid-argument", ["url", "scopes"])


def test_the_examples_fit_the_models() -> None:
    TypeAdapter(AuthoriserInput).validate_python(AUTHORISER)
    TypeAdapter(AuthoriserView).validate_python(AUTHORISER)
