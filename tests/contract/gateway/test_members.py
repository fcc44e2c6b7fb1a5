"""The account, its members and all accounts over HTTP."""

from typing import Any

import pytest
from contract.gateway.served import Api, problem
from contract.gateway.test_auth import ADA, bearing, enter, mailed, post
from pydantic import TypeAdapter

from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.sessions.repository import SESSIONS
from quietzone_gateway.rest.account import ACCOUNT, AccountView
from quietzone_gateway.rest.members import INVITATION, MEMBER, InvitationView, MemberView

EDITOR = {"email": "ada@example.com", "role": "editor"}


async def joined(api: Api) -> dict[str, Any]:
    """Ada, an editor of the first account."""
    signed = await enter(api)
    assert (await api.send("POST", "/v1/members/invitations", EDITOR)).status_code == 201
    token = await mailed(api)
    sent = bearing(signed["access_token"])
    assert (await api.http.post("/v1/invitations/accept", json={"token": token}, headers=sent)).status_code == 200
    switched = await api.http.post("/v1/auth/account", json={"account_id": "first"}, headers=sent)
    found: dict[str, Any] = switched.json()
    return found


async def test_who_accepts_an_invitation_works_in_the_account(api: Api) -> None:
    ada = await joined(api)

    await api.http.get("/v1/codes", headers=bearing(ada["access_token"]))

    assert api.services.accounts[-1] == "first"
    listed = (await api.send("GET", "/v1/members")).json()["items"]
    assert [(member["email"], member["role"]) for member in listed] == [("ada@example.com", "editor")]


async def test_what_only_a_newer_release_knows_is_shown_and_breaks_nothing(api: Api) -> None:
    await joined(api)
    account = await api.documents.get(ACCOUNTS, "first")
    session = (await api.documents.scan(SESSIONS, limit=1)).items[0]
    other = await enter_again(api)
    assert account is not None
    members = [dict(member) | {"role": "curator"} for member in account.body["members"]]  # type: ignore[union-attr,arg-type,call-overload]
    await api.documents.replace(ACCOUNTS, {**account.body, "members": members}, if_version=account.version)
    await api.documents.replace(SESSIONS, {**session.body, "kind": "device"}, if_version=session.version)
    await api.identity.ports.news.tell("account", "first")

    listed = (await api.send("GET", "/v1/members")).json()["items"]
    me = (await api.http.get("/v1/me", headers=bearing(other))).json()
    sessions = (await api.http.get("/v1/me/sessions", headers=bearing(other))).json()["items"]

    assert [member["role"] for member in listed] == ["curator"]
    assert "curator" in [place["role"] for place in me["accounts"]]
    assert {each["kind"] for each in sessions} == {"token", "device"}
    assert problem(await api.http.get("/v1/members", headers=bearing(other)))[0] == 403


async def enter_again(api: Api) -> str:
    """The access token of another session of hers."""
    return str((await post(api, "sign-in", ADA)).json()["access_token"])


async def test_an_editor_manages_nobody(api: Api) -> None:
    sent = bearing((await joined(api))["access_token"])

    for answer in (
        await api.http.get("/v1/members", headers=sent),
        await api.http.post("/v1/members/invitations", json=EDITOR, headers=sent),
        await api.http.get("/v1/keys", headers=sent),
        await api.http.patch("/v1/account", json={"name": "Mine"}, headers=sent),
        await api.http.get("/v1/operator/accounts", headers=sent),
    ):
        assert problem(answer)[:2] == (403, "permission-denied")


async def test_another_role_counts_at_once(api: Api) -> None:
    ada = await joined(api)

    changed = await api.send("PATCH", f"/v1/members/{ada['user_id']}", {"role": "viewer"})

    assert changed.json()["role"] == "viewer"
    me = (await api.http.get("/v1/me", headers=bearing(ada["access_token"]))).json()
    assert "codes:write" not in me["scopes"]


async def test_who_is_removed_is_out_at_once(api: Api) -> None:
    ada = await joined(api)

    assert (await api.send("DELETE", f"/v1/members/{ada['user_id']}")).status_code == 204

    assert problem(await api.http.get("/v1/codes", headers=bearing(ada["access_token"])))[:2] == (403, "permission-denied")


async def test_an_invitation_can_be_withdrawn(api: Api) -> None:
    made = (await api.send("POST", "/v1/members/invitations", EDITOR)).json()

    assert (await api.send("DELETE", f"/v1/members/invitations/{made['id']}")).status_code == 204

    assert (await api.send("GET", "/v1/members/invitations")).json() == {"items": []}
    assert problem(await api.send("DELETE", f"/v1/members/invitations/{made['id']}"))[0] == 404


async def test_an_operator_suspends_an_account_and_changes_its_plan(api: Api) -> None:
    signed = await enter(api)
    own = (await api.http.get("/v1/me", headers=bearing(signed["access_token"]))).json()["account_id"]

    changed = await api.send("PATCH", f"/v1/operator/accounts/{own}", {"plan": "pro", "suspended": True})

    assert (changed.json()["plan"], changed.json()["suspended_at"] is not None) == ("pro", True)
    refused = await api.http.get("/v1/codes", headers=bearing(signed["access_token"]))
    assert (refused.status_code, "suspended" in refused.json()["detail"]) == (403, True)
    assert (await api.http.get("/v1/me", headers=bearing(signed["access_token"]))).json()["accounts"][0]["suspended"]
    assert {account["id"] for account in (await api.send("GET", "/v1/operator/accounts")).json()["items"]} == {"first", own}


async def test_operators_addresses_are_401_for_nobody_and_403_for_others(api: Api) -> None:
    signed = await enter(api)

    assert problem(await api.http.get("/v1/operator/accounts"))[:2] == (401, "unauthenticated")
    assert problem(await api.http.get("/v1/operator/accounts", headers=bearing(signed["access_token"])))[:2] == (403, "permission-denied")


@pytest.mark.parametrize("field", ["plan", "suspended", "account_id", "members", "created_at"])
async def test_mass_assignment_of_the_account_is_refused(api: Api, field: str) -> None:
    answer = await api.send("PATCH", "/v1/account", {"name": "Ours", field: "enterprise"})

    assert problem(answer) == (400, "invalid-argument", [field])


async def test_a_role_that_there_is_not_is_refused(api: Api) -> None:
    for role in ("operator", "OWNER", "", None):
        assert problem(await api.send("POST", "/v1/members/invitations", EDITOR | {"role": role}))[:2] == (400, "invalid-argument")


async def test_a_person_in_no_account_asks_services_nothing(api: Api) -> None:
    ada = await joined(api)
    sent = bearing(ada["access_token"])
    asked = len(api.services.asked)
    assert (await api.http.post("/v1/account/leave", headers=sent)).status_code == 204

    assert problem(await api.http.get("/v1/codes", headers=sent))[0] == 403
    assert len(api.services.asked) == asked


async def test_the_first_account_s_key_is_no_person_who_could_leave(api: Api) -> None:
    assert problem(await api.send("POST", "/v1/account/leave"))[0] == 403
    assert (await post(api, "account", {"account_id": "first"})).status_code == 401


def test_the_examples_fit_the_models() -> None:
    for model, example in ((AccountView, ACCOUNT), (MemberView, MEMBER), (InvitationView, INVITATION)):
        TypeAdapter(model).validate_python(example)
