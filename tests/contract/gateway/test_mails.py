"""What an account's mails look like and who gets none, by REST."""

from typing import Any

import pytest
from contract.gateway.notified import NOON, last
from contract.gateway.served import Api, problem
from contract.gateway.test_auth import bearing, enter
from pydantic import BaseModel

from quietzone.notification.v1 import mail_pb2
from quietzone_gateway.rest import mail_looks, mail_readers
from quietzone_kit.errors import FieldViolation, InvalidInput, NotFound, ResourceExhausted, RevisionMismatch

BRANDING = "/v1/mail/branding"
EVENT = "/v1/mail/templates/event"
SUPPRESSIONS = "/v1/mail/suppressions"
TEXTS = {"subject": "s", "text": "t", "html": "h"}
ADA = "ada@example.com"


async def test_branding_is_read_and_put_at_its_revision(notifying: Api) -> None:
    read = await notifying.send("GET", BRANDING)
    put = await notifying.send("PUT", BRANDING, {"name": "North & Sons", "colour": "#1f2937"}, if_match='"1"')

    shown = {"name": "North & Sons", "colour": "#1f2937", "logo_url": "", "footer": "", "reply_to": "", "link_base": ""}
    assert read.json() == put.json() == shown | {"revision": 1, "updated_at": NOON}
    assert read.headers["etag"] == put.headers["etag"] == '"1"'
    wanted = mail_pb2.Branding(name="North & Sons", colour="#1f2937")
    assert last(notifying) == mail_pb2.PutBrandingRequest(branding=wanted, expected_revision=1)


async def test_branding_that_nobody_has_put_is_the_house_s(notifying: Api) -> None:
    notifying.services.answer("GetBranding", mail_pb2.GetBrandingResponse(branding=mail_pb2.Branding()))

    shown = (await notifying.send("GET", BRANDING)).json()

    assert (shown["name"], shown["revision"], shown["updated_at"]) == ("", 0, None)


async def test_answers_go_to_verified_members(notifying: Api) -> None:
    token = (await enter(notifying))["access_token"]

    await notifying.http.put(BRANDING, json={"reply_to": "Ada@example.com"}, headers=bearing(token))
    to_ada = last(notifying).reply_to_is_verified
    await notifying.http.put(BRANDING, json={"reply_to": "eve@example.com"}, headers=bearing(token))

    assert (to_ada, last(notifying).reply_to_is_verified) == (True, False)


async def test_what_mails_cannot_look_like_is_named_by_its_field(notifying: Api) -> None:
    notifying.services.fail("PutBranding", InvalidInput(FieldViolation("branding.colour", "write it as #1f2937")))

    assert problem(await notifying.send("PUT", BRANDING, {"colour": "red"})) == (400, "invalid-argument", ["colour"])
    assert problem(await notifying.send("PUT", BRANDING, {"font": "x"})) == (400, "invalid-argument", ["font"])


async def test_templates_are_listed_read_put_and_taken_away(notifying: Api) -> None:
    listed = (await notifying.send("GET", "/v1/mail/templates")).json()
    read = await notifying.send("GET", EVENT)
    put = await notifying.send("PUT", EVENT, TEXTS, if_none_match="*")

    assert listed == {"items": [{"name": "event", "revision": 2, "updated_at": NOON}]}
    assert read.json() == put.json() == listed["items"][0] | TEXTS
    assert last(notifying) == mail_pb2.PutTemplateRequest(template=mail_pb2.Template(name="event", **TEXTS), expected_revision=0)
    assert (await notifying.send("DELETE", EVENT)).status_code == 204
    assert last(notifying) == mail_pb2.DeleteTemplateRequest(name="event")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidInput(FieldViolation("template.html", "line 3: Include isn't in the language")), (400, "invalid-argument", ["html"])),
        (RevisionMismatch("it has revision 3"), (412, "revision-mismatch", [])),
        (ResourceExhausted("the account has 20 templates"), (429, "resource-exhausted", [])),
    ],
)
async def test_why_a_template_was_not_taken_is_said(notifying: Api, error: Exception, said: tuple[int, str, list[str]]) -> None:
    notifying.services.fail("PutTemplate", error)

    answer = await notifying.send("PUT", EVENT, TEXTS)

    assert (answer.status_code, problem(answer)[2]) == (said[0], said[2])


async def test_a_template_or_a_draft_is_tried(notifying: Api) -> None:
    made = await notifying.send("POST", "/v1/mail/render", {"name": "event", "data": {"detail": {"title": "Menu"}}})
    by_name = last(notifying)
    await notifying.send("POST", "/v1/mail/render", {"draft": TEXTS, "data": "{}"})

    assert made.json() == {"subject": "Paid", "text": "Paid\n", "html": "<p>Paid</p>"}
    assert by_name == mail_pb2.RenderTemplateRequest(name="event", data='{"detail":{"title":"Menu"}}')
    assert last(notifying) == mail_pb2.RenderTemplateRequest(draft=mail_pb2.Template(name="draft", **TEXTS), data="{}")


async def test_suppressions_are_put_listed_and_lifted(notifying: Api) -> None:
    put = await notifying.send("POST", SUPPRESSIONS, {"address": "bob@example.com", "kind": "milestone", "detail": "by phone"})
    asked = last(notifying)
    page = (await notifying.send("GET", f"{SUPPRESSIONS}?limit=7&cursor=abc")).json()
    paged = last(notifying)
    lifted = await notifying.send("DELETE", f"{SUPPRESSIONS}?address=bob%2Bx%40example.com&kind=milestone")

    shown = {"address": "bob@example.com", "kind": "milestone", "reason": "by_hand", "at": NOON, "detail": "by phone"}
    assert (put.status_code, put.json(), page) == (201, shown, {"items": [shown], "next_cursor": "next"})
    assert asked == mail_pb2.PutSuppressionRequest(address="bob@example.com", kind="milestone", detail="by phone")
    assert (paged.page_size, paged.page_token, lifted.status_code) == (7, "abc", 204)
    assert last(notifying) == mail_pb2.DeleteSuppressionRequest(address="bob+x@example.com", kind="milestone")


async def test_a_suppression_that_is_not_there_is_not_found(notifying: Api) -> None:
    notifying.services.fail("DeleteSuppression", NotFound("no suppression of that address and kind"))

    assert problem(await notifying.send("DELETE", f"{SUPPRESSIONS}?address={ADA}"))[0] == 404


async def test_a_person_says_which_mails_he_wants_and_nobody_else_does(notifying: Api) -> None:
    token = (await enter(notifying))["access_token"]

    got = await notifying.http.get("/v1/me/mails", headers=bearing(token))
    put = await notifying.http.put("/v1/me/mails", json={"wanted": {"created": False}}, headers=bearing(token))
    by_key = await notifying.send("GET", "/v1/me/mails")

    assert got.json() == put.json() == {"wanted": {"created": False, "milestone": True}}
    assert last(notifying) == mail_pb2.PutPreferencesRequest(preferences=mail_pb2.Preferences(address=ADA, wanted={"created": False}))
    assert by_key.status_code == 403


async def test_a_kind_of_mail_that_nobody_can_want_is_named(notifying: Api) -> None:
    token = (await enter(notifying))["access_token"]
    notifying.services.fail("PutPreferences", InvalidInput(FieldViolation("preferences.wanted", "use one of created, milestone")))

    answer = await notifying.http.put("/v1/me/mails", json={"wanted": {"security": False}}, headers=bearing(token))

    assert problem(answer) == (400, "invalid-argument", ["wanted"])


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (mail_looks.BrandingInput, mail_looks.BRANDING),
        (mail_looks.BrandingView, mail_looks.SHOWN_BRANDING),
        (mail_looks.TemplateInput, mail_looks.TEXTS),
        (mail_looks.TemplateView, mail_looks.TEMPLATE),
        (mail_looks.MailTrialInput, mail_looks.TRIAL),
        (mail_readers.SuppressionInput, mail_readers.NEW_SUPPRESSION),
        (mail_readers.SuppressionView, mail_readers.SUPPRESSION),
        (mail_readers.WantedInput, mail_readers.WANTED),
    ],
)
def test_each_example_is_what_its_model_takes(model: type[BaseModel], example: dict[str, Any]) -> None:
    model.model_validate(example)
