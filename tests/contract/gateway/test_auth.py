"""Signing up, signing in and out over HTTP, by tokens and by a browser's cookie."""

import re
from typing import Any

import httpx
import pyotp
import pytest
from contract.gateway.served import IDENTITY, Api, problem
from ports import Hands
from pydantic import TypeAdapter
from unit.gateway.identity.desk import Outbox, do_all
from unit.tracking.links_world import bus_in_memory

from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.work import Tools, build_work
from quietzone_gateway.rest.auth import SIGN_IN, SIGN_UP, SIGNED_IN, SignedInView, SignInInput, SignUpInput
from quietzone_gateway.rest.me import ME, SESSION, MeView, SessionView
from quietzone_gateway.rest.route import COOKIE
from quietzone_kit.mail import Mail
from quietzone_kit.runtime import SystemRandomness

ADA = {"email": "ada@example.com", "password": "Correct-horse-1"}
ORIGIN = IDENTITY.public_url


async def mails(api: Api) -> list[Mail]:
    """The mails that are due."""
    outbox, (bus, keeper), clock = Outbox(), bus_in_memory(), Hands(since_ms=api.identity.ports.now_ms())
    await do_all(api.documents, build_work(Tools(api.documents, bus, Direct(outbox), clock, SystemRandomness()), IDENTITY), clock)
    await bus.close()
    keeper.close()
    return outbox.mails


async def mailed(api: Api) -> str:
    """What the link in the mail that is due holds; others have none."""
    (found,) = [token for mail in await mails(api) for token in re.findall(r"#token=(\S+)", mail.text)]
    return str(found)


async def post(api: Api, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """A request without a key."""
    return await api.http.post(f"/v1/auth/{path}", json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def enter(api: Api, **more: Any) -> dict[str, Any]:
    """Sign up, verify, and sign in."""
    assert (await post(api, "sign-up", ADA | {"name": "Ada"})).status_code == 202
    assert (await post(api, "verify", {"token": await mailed(api)})).status_code == 204
    answer = await post(api, "sign-in", ADA | more)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_who_has_signed_in_uses_the_api(api: Api) -> None:
    signed = await enter(api)

    me = await api.http.get("/v1/me", headers=bearing(signed["access_token"]))

    assert (me.json()["email"], me.json()["accounts"][0]["role"]) == ("ada@example.com", "owner")
    assert (await api.http.get("/v1/codes", headers=bearing(signed["access_token"]))).status_code == 200


async def test_services_are_told_who_it_is(api: Api) -> None:
    signed = await enter(api)
    me = (await api.http.get("/v1/me", headers=bearing(signed["access_token"]))).json()

    await api.http.get("/v1/codes", headers=bearing(signed["access_token"]))

    assert api.services.accounts[-1] == me["account_id"] != "first"


async def test_a_session_is_carried_on_and_ended(api: Api) -> None:
    signed = await enter(api)

    again = (await post(api, "refresh", {"refresh_token": signed["refresh_token"]})).json()
    assert (await post(api, "sign-out", **bearing(again["access_token"]))).status_code == 204

    assert problem(await api.http.get("/v1/me", headers=bearing(again["access_token"])))[0] == 401
    assert problem(await post(api, "refresh", {"refresh_token": again["refresh_token"]}))[0] == 401


async def test_a_cookie_is_for_this_host_https_and_no_script(api: Api) -> None:
    await enter(api)

    answer = await post(api, "sign-in", ADA | {"cookie": True})

    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/", "max-age=86400"}
    assert (answer.json()["access_token"], answer.json()["refresh_token"]) == (None, None)


async def test_csrf_by_a_page_of_another_origin_is_refused(api: Api) -> None:
    await enter(api)
    answer = await post(api, "sign-in", ADA | {"cookie": True})
    cookie, csrf = answer.cookies[COOKIE], answer.json()["csrf_token"]
    sent = {"cookie": f"{COOKIE}={cookie}", "x-csrf-token": csrf}

    assert (await api.http.get("/v1/me", headers=sent)).status_code == 200
    for origin in ({}, {"origin": "https://evil.example.com"}):
        assert problem(await api.http.patch("/v1/me", json={"name": "Eve"}, headers=sent | origin))[:2] == (403, "permission-denied")
    assert problem(await api.http.patch("/v1/me", json={"name": "Eve"}, headers={"cookie": sent["cookie"], "origin": ORIGIN}))[0] == 403
    assert (await api.http.patch("/v1/me", json={"name": "Ada L."}, headers=sent | {"origin": ORIGIN})).status_code == 200


async def test_signing_out_takes_the_cookie_away(api: Api) -> None:
    await enter(api)
    answer = await post(api, "sign-in", ADA | {"cookie": True})
    sent = {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}", "x_csrf_token": answer.json()["csrf_token"], "origin": ORIGIN}

    out = await post(api, "sign-out", **sent)

    assert "max-age=0" in out.headers["set-cookie"].lower()
    assert problem(await api.http.get("/v1/me", headers={"cookie": sent["cookie"]}))[0] == 401


async def test_host_header_poisoning_of_mails_changes_no_link(api: Api) -> None:
    await enter(api)

    await post(api, "forgot", {"email": ADA["email"]}, host="evil.example.com", x_forwarded_host="evil.example.com")

    (mail,) = await mails(api)
    assert "evil" not in mail.text + mail.html


async def test_enumeration_gets_the_same_answer_whoever_is_asked_for(api: Api) -> None:
    await enter(api)

    answers = [await post(api, "forgot", {"email": email}) for email in ("ada@example.com", "nobody@example.com")]
    answers += [await post(api, "sign-up", {**ADA, "name": "Eve", "email": email}) for email in ("ada@example.com", "eve@example.com")]

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}


async def test_too_many_failures_are_told_when_to_come_again(api: Api) -> None:
    for _ in range(5):
        assert problem(await post(api, "sign-in", ADA))[:2] == (401, "unauthenticated")

    answer = await post(api, "sign-in", ADA)

    assert problem(answer)[:2] == (429, "resource-exhausted")
    assert int(answer.headers["retry-after"]) == 900


async def test_a_second_factor_is_asked_for_by_a_kind_of_its_own(api: Api) -> None:
    signed = await enter(api)
    sent = bearing(signed["access_token"])
    made = (await api.http.post("/v1/me/second-factor", json={"password": ADA["password"]}, headers=sent)).json()
    code = pyotp.TOTP(made["secret"]).at(api.identity.ports.now_ms() // 1000)
    codes = (await api.http.post("/v1/me/second-factor/confirm", json={"code": code}, headers=sent)).json()["codes"]

    assert problem(await post(api, "sign-in", ADA))[:2] == (401, "second-factor-needed")
    assert (await post(api, "sign-in", ADA | {"code": codes[0]})).status_code == 200


async def test_new_recovery_codes_cost_password_and_code(api: Api) -> None:
    signed = await enter(api)
    sent = bearing(signed["access_token"])
    made = (await api.http.post("/v1/me/second-factor", json={"password": ADA["password"]}, headers=sent)).json()
    code = pyotp.TOTP(made["secret"]).at(api.identity.ports.now_ms() // 1000)
    codes = (await api.http.post("/v1/me/second-factor/confirm", json={"code": code}, headers=sent)).json()["codes"]

    async def renew(**proof: str) -> httpx.Response:
        return await api.http.post("/v1/me/second-factor/recovery-codes", json=proof, headers=sent)

    assert problem(await renew(password=ADA["password"])) == (400, "invalid-argument", ["code"])
    assert problem(await renew(password="Wrong-horse-1", code=codes[0])) == (400, "invalid-argument", ["password"])  # noqa: S106 - no one's
    renewed = (await renew(password=ADA["password"], code=codes[0])).json()["codes"]
    assert (len(renewed), set(renewed) & set(codes)) == (10, set())


async def test_an_address_is_changed_by_the_link_that_went_to_it(api: Api) -> None:
    sent = bearing((await enter(api))["access_token"])
    asked = {"email": "lovelace@example.com", "password": ADA["password"]}

    answer = await api.http.post("/v1/me/email", json=asked, headers=sent)
    changed = await post(api, "email", {"token": await mailed(api)})

    assert (answer.status_code, changed.status_code) == (202, 204)
    assert (await api.http.get("/v1/me", headers=sent)).json()["email"] == "lovelace@example.com"
    assert problem(await post(api, "sign-in", ADA))[:2] == (401, "unauthenticated")
    assert problem(await post(api, "email", {"token": "x"}))[:2] == (404, "not-found")


async def test_enumeration_by_another_address_gets_the_same_answer_whoever_has_it(api: Api) -> None:
    sent = bearing((await enter(api))["access_token"])
    assert (await post(api, "sign-up", ADA | {"name": "Eve", "email": "eve@example.com"})).status_code == 202
    await mails(api)

    answers = [
        await api.http.post("/v1/me/email", json={"email": email, "password": ADA["password"]}, headers=sent)
        for email in ("eve@example.com", "nobody@example.com")
    ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}


async def test_an_address_that_was_taken_meanwhile_is_a_conflict(api: Api) -> None:
    sent = bearing((await enter(api))["access_token"])
    asked = {"email": "eve@example.com", "password": ADA["password"]}
    assert (await api.http.post("/v1/me/email", json=asked, headers=sent)).status_code == 202
    token = await mailed(api)
    assert (await post(api, "sign-up", {**ADA, "name": "Eve", "email": "eve@example.com"})).status_code == 202
    await mails(api)

    assert problem(await post(api, "email", {"token": token}))[:2] == (409, "already-exists")


async def test_who_makes_a_key_gets_a_mail(api: Api) -> None:
    sent = bearing((await enter(api))["access_token"])

    made = (await api.http.post("/v1/keys", json={"name": "till", "scopes": ["codes:read"]}, headers=sent)).json()

    (mail,) = await mails(api)
    assert (mail.to, made["shown"] in mail.text, made["secret"] in mail.text) == (ADA["email"], True, False)


async def test_sessions_are_listed_and_ended(api: Api) -> None:
    signed = await enter(api)
    sent = bearing(signed["access_token"])
    other = (await post(api, "sign-in", ADA)).json()

    listed = (await api.http.get("/v1/me/sessions", headers=sent)).json()["items"]
    assert sorted((each["id"], each["current"]) for each in listed) == sorted([(signed["session_id"], True), (other["session_id"], False)])
    assert (await api.http.delete(f"/v1/me/sessions/{other['session_id']}", headers=sent)).status_code == 204

    assert problem(await api.http.get("/v1/me", headers=bearing(other["access_token"])))[0] == 401


async def test_the_keys_that_sign_are_published(api: Api) -> None:
    await enter(api)

    answer = await api.http.get("/.well-known/jwks.json")

    assert [key["alg"] for key in answer.json()["keys"]] == ["Ed25519"]
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_an_api_key_is_nobody_s_session(api: Api) -> None:
    assert problem(await api.send("GET", "/v1/me"))[:2] == (403, "permission-denied")


@pytest.mark.parametrize("field", ["user_id", "verified", "role", "scopes", "account_id", "plan", "verified_at_ms"])
async def test_mass_assignment_while_signing_up_is_refused(api: Api, field: str) -> None:
    answer = await post(api, "sign-up", ADA | {"name": "Ada", field: "owner"})

    assert problem(answer) == (400, "invalid-argument", [field])


@pytest.mark.parametrize("field", ["email", "verified", "role", "scopes", "account_id"])
async def test_mass_assignment_of_oneself_is_refused(api: Api, field: str) -> None:
    signed = await enter(api)

    answer = await api.http.patch("/v1/me", json={"name": "Ada", field: "owner"}, headers=bearing(signed["access_token"]))

    assert problem(answer) == (400, "invalid-argument", [field])


async def test_csrf_by_a_form_is_refused_for_its_media_type(api: Api) -> None:
    answer = await api.http.post("/v1/auth/sign-in", data=ADA)

    assert problem(answer)[0] == 415


def test_the_examples_fit_the_models() -> None:
    for model, example in ((SignUpInput, SIGN_UP), (SignInInput, SIGN_IN), (SignedInView, SIGNED_IN), (MeView, ME), (SessionView, SESSION)):
        TypeAdapter(model).validate_python(example)
