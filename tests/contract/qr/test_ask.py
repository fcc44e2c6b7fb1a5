"""How destinations are asked, of real servers on this machine."""

import asyncio
import socket
import ssl
import subprocess
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.qr.sites import Names, NoNames, Site, always, answer, pages, site

from quietzone_kit.outside import Resolver, SystemResolver, _connect
from quietzone_kit.runtime import SystemClock, ThreadExecutor
from quietzone_qr.health import ask
from quietzone_qr.health.ask import Answered, Asker, NoAnswer, NotAsked
from servers.packages import Packages

USER_AGENT = "Quietzone/1.0 (a test)"
PUBLIC = "93.184.215.14"


def asker(resolver: Resolver | None = None, *, private: bool = True, tls: ssl.SSLContext | None = None) -> Asker:
    return Asker(resolver or Names("127.0.0.1"), SystemClock(), user_agent=USER_AGENT, private=private, tls=tls)


@pytest.fixture
async def ok() -> AsyncIterator[Site]:
    async with site(always(answer(200))) as found:
        yield found


@pytest.mark.parametrize("status", [200, 206, 304, 401, 404, 410, 416, 429, 500, 503])
async def test_a_status_is_told_as_it_is(status: int) -> None:
    async with site(always(answer(status))) as there:
        assert await asker().ask(there.url("/menu?table=4")) == Answered(status)


async def test_the_request_says_who_asks_and_wants_one_byte(ok: Site) -> None:
    await asker().ask(ok.url("/menu?table=4#top"))

    assert ok.requests[0].startswith("GET /menu?table=4 HTTP/1.1\r\n")
    assert (ok.header("host"), ok.header("user-agent")) == (f"127.0.0.1:{ok.port}", USER_AGENT)
    assert (ok.header("range"), ok.header("cookie"), ok.header("authorization")) == ("bytes=0-0", None, None)


async def test_a_name_is_asked_under_its_name(ok: Site) -> None:
    names = Names("127.0.0.1")

    assert await asker(names).ask(ok.url(host="menu.example")) == Answered(200)
    assert (ok.header("host"), names.asked) == (f"menu.example:{ok.port}", ["menu.example"])


async def test_the_machine_s_own_name_server_knows_this_machine(ok: Site) -> None:
    executor = ThreadExecutor("resolver")

    assert await asker(SystemResolver(executor)).ask(ok.url(host="localhost")) == Answered(200)
    executor.close()


async def test_no_name_server_is_asked_for_a_proxy(ok: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert await asker().ask(ok.url()) == Answered(200)


async def test_redirects_are_followed_to_where_they_end() -> None:
    replies = {"/": answer(301, {"Location": "/a"}), "/a": answer(307, {"Location": "b?c=1"}), "/b?c=1": answer(404)}
    async with site(pages(replies)) as there:
        assert await asker().ask(there.url()) == Answered(404)


async def test_what_redirects_in_a_circle_has_no_answer() -> None:
    replies = {"/": answer(302, {"Location": "/a"}), "/a": answer(302, {"Location": "/#again"})}
    async with site(pages(replies)) as there:
        assert await asker().ask(there.url()) == NoAnswer("it redirects in a circle", reached=True)


async def test_a_circle_that_a_cookie_would_end_is_a_redirect() -> None:
    async with site(always(answer(302, {"Location": "/", "Set-Cookie": "seen=1"}))) as there:
        assert await asker().ask(there.url()) == Answered(302)


async def test_after_five_redirects_nobody_follows_any_more() -> None:
    replies = {f"/{step}": answer(302, {"Location": f"/{step + 1}"}) for step in range(20)}
    async with site(pages(replies)) as there:
        assert await asker().ask(there.url("/0")) == Answered(302)
        assert there.paths == ["/0", "/1", "/2", "/3", "/4", "/5"]


@pytest.mark.parametrize("location", ["market://details?id=menu", "mailto:chef@example.com"])
async def test_a_redirect_to_an_app_is_an_answer(location: str) -> None:
    async with site(always(answer(302, {"Location": location}))) as there:
        assert await asker().ask(there.url()) == Answered(302)


async def test_a_redirect_to_nonsense_is_none() -> None:
    async with site(always(answer(302, {"Location": "http://[::x]/"}))) as there:
        assert await asker().ask(there.url()) == NoAnswer("it redirects to what isn't a URL", reached=True)


async def test_a_redirect_without_a_place_is_an_answer() -> None:
    async with site(always(answer(302))) as there:
        assert await asker().ask(there.url()) == Answered(302)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", ask.LONGEST_RETRY_AFTER_S),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", ask.LONGEST_RETRY_AFTER_S),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
async def test_a_server_says_how_long_it_wants_to_be_left_alone(header: str, wanted: int | None) -> None:
    reply = f"HTTP/1.1 429 Slow\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n".encode()
    async with site(always(reply)) as there:
        assert await asker().ask(there.url()) == Answered(429, wanted)


# What must not hold us up


async def test_a_server_that_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "TOTAL_S", 0.3)

    async def drip(_path: str, writer: asyncio.StreamWriter) -> None:
        for byte in answer(200):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)  # how slow it is: each byte comes in time, all of them don't

    async with site(drip) as there:
        assert await asker().ask(there.url()) == NoAnswer("no answer within 0.3 s")


async def test_a_body_that_never_ends_is_not_waited_for() -> None:
    async def endless(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()

    async with site(endless) as there:
        tracemalloc.start()
        found = await asker().ask(there.url())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert found == Answered(200)
    assert most < 5_000_000


async def test_headers_without_end_are_no_answer() -> None:
    async def endless(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 8_000 + b"\r\n")
            await writer.drain()

    async with site(endless) as there:
        assert await asker().ask(there.url()) == NoAnswer("it says nothing, or what isn't HTTP")


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"])
async def test_what_is_not_http_is_no_answer(reply: bytes) -> None:
    async with site(always(reply)) as there:
        assert await asker().ask(there.url()) == NoAnswer("it says nothing, or what isn't HTTP")


async def test_a_connection_that_is_refused_is_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert await asker().ask(f"http://127.0.0.1:{port}/") == NoAnswer("it refuses the connection")


async def test_a_host_without_an_address_is_no_answer() -> None:
    assert await asker(NoNames()).ask("https://gone.example/") == NoAnswer("gone.example has no address")


async def test_the_second_address_is_tried_when_the_first_lets_nobody_in(ok: Site) -> None:
    assert await asker(Names("::1", "127.0.0.1")).ask(ok.url(host="menu.example")) == Answered(200)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of menu.example with its key, in one file; nobody vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    program = Packages().program("openssl", "openssl")
    own = ("-subj", "/CN=menu.example", "-addext", "subjectAltName=DNS:menu.example", "-days", "2", "-nodes")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run([program, "req", "-x509", *kind, *own, *made], check=True, capture_output=True, timeout=20)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder / "both.pem"


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[Site]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with site(always(answer(200)), tls=context) as found:
        yield found


async def test_a_certificate_of_the_host_s_name_is_fine(secure: Site, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))

    assert await asker(tls=trusting).ask(secure.url(host="menu.example")) == Answered(200)


async def test_a_certificate_of_another_name_is_no_answer(secure: Site, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))

    found = await asker(tls=trusting).ask(secure.url(host="other.example"))

    assert isinstance(found, NoAnswer)
    assert found.reason.startswith("its certificate isn't valid: Hostname mismatch")


async def test_a_certificate_that_nobody_vouches_for_is_no_answer(secure: Site) -> None:
    assert await asker().ask(secure.url(host="menu.example")) == NoAnswer("its certificate isn't valid: self-signed certificate")


async def test_tls_with_a_server_that_speaks_none_is_no_answer() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        found = await asker().ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    assert found == NoAnswer("no TLS connection can be made")


# Where nobody may lead us


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1"])
async def test_a_name_that_leads_into_our_own_network_is_not_asked(address: str) -> None:
    found = await asker(Names(address), private=False).ask("http://rebind.example/")

    assert isinstance(found, NotAsked)
    assert found.reason.startswith(f"rebind.example isn't asked: {address} ")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://[::ffff:7f00:1]/", "http://169.254.169.254/latest/"])
async def test_an_address_of_our_own_network_is_not_asked(url: str) -> None:
    executor = ThreadExecutor("resolver")

    assert isinstance(await asker(SystemResolver(executor), private=False).ask(url), NotAsked)
    executor.close()


async def test_metadata_of_a_cloud_is_never_asked() -> None:
    assert isinstance(await asker(Names("169.254.169.254"), private=True).ask("http://169.254.169.254/"), NotAsked)


async def test_a_redirect_into_our_own_network_is_not_followed(ok: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(always(answer(302, {"Location": ok.url()})), address="127.0.0.2") as outer:
        monkeypatch.setattr(ask, "PORTS", {ok.port, outer.port})
        monkeypatch.setattr(_connect, "refusal", lambda address, *, private: None if address == "127.0.0.2" else f"is inside ({private})")
        names = Names(changing=[["127.0.0.2"], ["127.0.0.1"]])
        found = await asker(names, private=False).ask(outer.url(host="outer.example"))

    assert found == NotAsked("127.0.0.1 isn't asked: 127.0.0.1 is inside (False)")
    assert (len(outer.requests), ok.requests) == (1, [])


async def test_a_name_that_changes_between_look_up_and_connection_is_not_looked_up_again(ok: Site) -> None:
    names = Names(changing=[["127.0.0.1"], ["127.0.0.3"]])

    assert await asker(names).ask(ok.url(host="rebind.example")) == Answered(200)
    assert names.asked == ["rebind.example"]


async def test_of_several_addresses_only_those_outside_are_connected_to(ok: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "PORTS", {ok.port})
    monkeypatch.setattr(_connect, "refusal", lambda address, *, private: f"is inside ({private})" if address == "127.0.0.1" else None)

    found = await asker(Names("127.0.0.1", "127.0.0.2"), private=False).ask(ok.url(host="both.example"))

    assert found == NoAnswer("it refuses the connection")
    assert ok.requests == []


@pytest.mark.parametrize("port", [22, 25, 6379, 9092, 27017])
async def test_a_port_of_no_web_server_is_not_asked(port: int) -> None:
    names = Names(PUBLIC)

    found = await asker(names, private=False).ask(f"http://example.com:{port}/")

    assert found == NotAsked(f"port {port} isn't asked, only 80, 443, 8080, 8443")
    assert names.asked == []
