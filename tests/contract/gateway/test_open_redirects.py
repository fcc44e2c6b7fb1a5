"""Open redirects and poisoned hosts: nothing that a request says of hosts leads anybody who reads its answer, or a mail, elsewhere."""

from typing import Any

import httpx
import pytest
from contract.gateway.served import CODE_ID, IDENTITY, KEY, Api, problem
from contract.gateway.test_auth import ADA, bearing, enter, mails, post
from contract.gateway.test_mass_assignment import described, resolved

EVIL = "evil.example.net"
POISONED = {
    "host": EVIL,
    "x-forwarded-host": EVIL,
    "x-forwarded-proto": "http",
    "x-forwarded-prefix": f"//{EVIL}",
    "x-forwarded-port": "1",
    "x-forwarded-for": f"{EVIL}, 10.0.0.1",
    "x-original-url": f"//{EVIL}/",
    "x-rewrite-url": f"//{EVIL}/",
    "x-host": EVIL,
    "forwarded": f"for=10.0.0.1;host={EVIL};proto=http",
    "referer": f"https://{EVIL}/",
    "origin": f"https://{EVIL}",
}
"""What web frameworks and proxies take for the address that was asked."""


def leads_away(answer: httpx.Response) -> bool:
    return EVIL in str(answer.headers) or EVIL in answer.text or answer.is_redirect


@pytest.mark.parametrize("header", POISONED)
async def test_open_redirects_by_a_poisoned_host_reach_no_answer(api: Api, header: str) -> None:
    description = await described(api)

    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body: Any = None if content is None else resolved(description, content["schema"])["examples"][0]
            address = path.replace("{code_id}", CODE_ID).replace("{name}", "pro").replace("{", "").replace("}", "")
            sent = {"authorization": f"Bearer {KEY}", header: POISONED[header]}
            answer = await api.http.request(method.upper(), address, json=body, headers=sent)
            assert not leads_away(answer), (method, path)


@pytest.mark.parametrize("header", POISONED)
async def test_open_redirects_by_a_poisoned_host_reach_no_link_of_a_list(api: Api, header: str) -> None:
    answer = await api.send("GET", "/v1/codes?limit=1", **{header: POISONED[header]})

    assert answer.headers["link"].startswith("</v1/codes?")
    assert answer.json()["links"]["next"].startswith("/v1/codes?")


@pytest.mark.parametrize("header", POISONED)
async def test_open_redirects_by_a_poisoned_host_reach_no_mail(api: Api, header: str) -> None:
    poison = {header.replace("-", "_"): POISONED[header]}
    await enter(api)
    await post(api, "forgot", {"email": ADA["email"]}, **poison)
    await post(api, "sign-up", ADA | {"name": "Eve", "email": "eve@example.com"}, **poison)
    assert (await api.send("POST", "/v1/members/invitations", {"email": "jo@example.com", "role": "viewer"}, **poison)).status_code == 201

    sent = await mails(api)

    assert len(sent) == 3
    for mail in sent:
        assert EVIL not in mail.text + mail.html
        assert f"{IDENTITY.public_url}/" in mail.text


@pytest.mark.parametrize("name", ["next", "redirect_uri", "return_to", "url", "continue"])
@pytest.mark.parametrize("path", ["sign-in", "sign-up", "verify", "reset", "forgot", "refresh"])
async def test_open_redirects_by_a_parameter_of_signing_in_are_refused(api: Api, path: str, name: str) -> None:
    answer = await post(api, f"{path}?{name}=https://{EVIL}/", {})

    assert problem(answer) == (400, "invalid-argument", [name])
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["next", "redirect_uri", "url"])
async def test_open_redirects_by_an_invitation_are_refused(api: Api, name: str) -> None:
    signed = await enter(api)

    accepted = await api.http.post(
        "/v1/invitations/accept", json={"token": "x", name: f"https://{EVIL}/"}, headers=bearing(signed["access_token"])
    )
    invited = await api.send("POST", "/v1/members/invitations", {"email": "jo@example.com", "role": "viewer", name: f"https://{EVIL}/"})

    assert [problem(answer) for answer in (accepted, invited)] == [(400, "invalid-argument", [name])] * 2


@pytest.mark.parametrize(
    "path",
    [f"//{EVIL}/", f"//{EVIL}/v1/codes/", f"/\\{EVIL}", f"/%2f{EVIL}/", f"/v1/codes//{EVIL}/", f"/%5c%5c{EVIL}", f"/.{EVIL}", "/v1/codes/"],
)
async def test_open_redirects_by_a_path_that_looks_like_a_host_are_not_found(api: Api, path: str) -> None:
    """Frameworks that mend slashes answer `//host/` with a redirect to `//host`."""
    answer = await api.http.send(
        httpx.Request("GET", httpx.URL("http://api").copy_with(raw_path=path.encode()), headers={"authorization": f"Bearer {KEY}"})
    )

    assert problem(answer)[0] == 404
    assert "location" not in answer.headers


async def test_open_redirects_by_a_header_s_injected_line_reach_no_answer(api: Api) -> None:
    """Response splitting: what is told again in headers has no line's end of its own."""
    injected = f"x%0d%0aLocation:%20https://{EVIL}/"
    answers = [
        await api.send("GET", f"/v1/codes?folder={injected}&limit=1"),
        await api.send("GET", f"/v1/codes?cursor={injected}"),
        await api.send("GET", f"/v1/codes/{injected}"),
    ]

    for answer in answers:
        assert "location" not in answer.headers
        assert not any("\n" in value or "\r" in value for value in answer.headers.values())
