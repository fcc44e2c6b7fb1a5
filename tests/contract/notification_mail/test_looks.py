"""How an account's mails look: its branding and templates, by gRPC, on every store."""

import json
from typing import Any

import pytest
from contract.notification_mail.world import ACCOUNT, ADA, NOTICE, OTHER, Service, wrong

from quietzone.notification.v1 import mail_pb2
from quietzone_kit.errors import InvalidInput, NotFound, ResourceExhausted, RevisionMismatch
from quietzone_notification.mail.templates.domain import MAX_TEMPLATES


def template(name: str = "event", subject: str = "s", text: str = "t", html: str = "h") -> mail_pb2.Template:
    return mail_pb2.Template(name=name, subject=subject, text=text, html=html)


async def put(service: Service, one: mail_pb2.Template, account_id: str = ACCOUNT, **more: Any) -> mail_pb2.Template:
    answer = await service.call(service.mail.PutTemplate, mail_pb2.PutTemplateRequest(template=one, **more), account_id)
    found: mail_pb2.Template = answer.template
    return found


# Branding


async def brand(service: Service, *, verified: bool = True, **fields: Any) -> mail_pb2.Branding:
    more = {"expected_revision": fields.pop("expected_revision")} if "expected_revision" in fields else {}
    request = mail_pb2.PutBrandingRequest(branding=mail_pb2.Branding(**fields), reply_to_is_verified=verified, **more)
    found: mail_pb2.Branding = (await service.call(service.mail.PutBranding, request)).branding
    return found


async def test_branding_is_the_house_s_until_somebody_puts_another(service: Service) -> None:
    before = (await service.call(service.mail.GetBranding, mail_pb2.GetBrandingRequest())).branding
    after = await brand(service, name="Menus", colour="#aa0000", footer="a\nb", expected_revision=0)
    same = await brand(service, name="Menus", colour="#aa0000", footer="a\nb")

    assert before == mail_pb2.Branding()
    assert (after.name, after.revision) == ("Menus", 1)
    assert same == after == (await service.call(service.mail.GetBranding, mail_pb2.GetBrandingRequest())).branding
    assert (await service.call(service.mail.GetBranding, mail_pb2.GetBrandingRequest(), OTHER)).branding == mail_pb2.Branding()


async def test_branding_of_another_revision_is_not_changed(service: Service) -> None:
    await brand(service, name="Menus")

    with pytest.raises(RevisionMismatch):
        await brand(service, name="Others", expected_revision=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\r\nBcc: b"),
        ("name", "support@bank.example"),
        ("name", "=?utf-8?q?a?="),
        ("name", "\u202eknab"),
        ("name", "x" * 101),
        ("colour", "red"),
        ("colour", "#aa0000;background:url(x)"),
        ("logo_url", "http://menus.example/logo.png"),
        ("logo_url", "javascript:alert(1)"),
        ("logo_url", 'https://menus.example/" onload="x'),
        ("logo_url", "https://user@menus.example/logo.png"),
        ("logo_url", "https:///logo.png"),
        ("logo_url", "https://menus.example/" + "x" * 500),
        ("footer", "x" * 501),
        ("footer", "a\x00b"),
        ("link_base", "https://menus.example/"),
        ("link_base", "https://menus.example?x=1"),
        ("reply_to", "nobody"),
    ],
)
async def test_what_no_mail_can_look_like_is_refused_by_its_field(service: Service, field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await brand(service, **{field: value})

    assert wrong(refused.value) == {f"branding.{field}"}


async def test_answers_go_to_a_verified_member_alone(service: Service) -> None:
    with pytest.raises(InvalidInput):
        await brand(service, reply_to=ADA, verified=False)
    await brand(service, reply_to=ADA, verified=True)

    assert (await brand(service, name="Menus", reply_to=ADA, verified=False)).reply_to == ADA


# Templates


async def test_a_template_is_put_read_changed_listed_and_taken_away(service: Service) -> None:
    first = await put(service, template(), expected_revision=0)
    after = await put(service, template(subject="other"), expected_revision=1)
    same = await put(service, template(subject="other"))
    listed = (await service.call(service.mail.ListTemplates, mail_pb2.ListTemplatesRequest())).templates
    await service.call(service.mail.DeleteTemplate, mail_pb2.DeleteTemplateRequest(name="event"))

    assert (first.revision, after.revision, after.subject, same) == (1, 2, "other", after)
    assert [(each.name, each.html) for each in listed] == [("event", "")]
    with pytest.raises(NotFound):
        await service.call(service.mail.DeleteTemplate, mail_pb2.DeleteTemplateRequest(name="event"))


@pytest.mark.parametrize("name", ["event", "message", "notice"])
async def test_the_house_s_template_can_be_read_to_begin_from_and_put_as_it_is(service: Service, name: str) -> None:
    found = (await service.call(service.mail.GetTemplate, mail_pb2.GetTemplateRequest(name=name))).template

    assert found.revision == 0
    assert (await put(service, found)).html == found.html


@pytest.mark.parametrize("name", ["confirmation", "layout", "nothing", "../event", ""])
async def test_what_is_no_template_of_an_account_is_not_found(service: Service, name: str) -> None:
    with pytest.raises(NotFound):
        await service.call(service.mail.GetTemplate, mail_pb2.GetTemplateRequest(name=name))


async def test_a_template_of_another_account_is_not_found(service: Service) -> None:
    await put(service, template("own"))

    with pytest.raises(NotFound):
        await service.call(service.mail.GetTemplate, mail_pb2.GetTemplateRequest(name="own"), OTHER)


async def test_a_template_of_another_revision_is_not_changed(service: Service) -> None:
    await put(service, template())

    with pytest.raises(RevisionMismatch):
        await put(service, template(subject="other"), expected_revision=0)


async def test_an_account_has_so_many_templates_and_no_more(service: Service) -> None:
    for n in range(MAX_TEMPLATES):
        await put(service, template(f"own-{n}"))

    with pytest.raises(ResourceExhausted):
        await put(service, template("own-more"))


async def test_all_that_is_wrong_with_a_template_is_said_by_place_line_and_reason(service: Service) -> None:
    with pytest.raises(InvalidInput) as refused:
        await put(service, template("Event", "{{ nobody }}", "a\n{{ data.__class__() }}", "\n\n{% include 'x' %}"))

    said = {each.field: each.reason for each in refused.value.violations}
    assert set(said) == {"template.name", "template.subject", "template.text", "template.html"}
    assert said["template.subject"].startswith("line 1: nothing is called 'nobody'")
    assert said["template.text"].startswith("line 2: Call isn't in the language")
    assert said["template.html"].startswith("line 3: Include isn't in the language")


@pytest.mark.parametrize("name", ["confirmation", "layout"])
async def test_no_account_has_a_template_of_what_asks_strangers(service: Service, name: str) -> None:
    with pytest.raises(InvalidInput):
        await put(service, template(name))


async def test_a_draft_is_tried_with_data_and_the_account_s_branding(service: Service) -> None:
    await brand(service, name="Menus")
    draft = template("x", "New\n{{ data.title }}", "{{ data.title }} of {{ brand.name }}", "<i>{{ data.title }}</i>")

    made = await service.call(service.mail.RenderTemplate, mail_pb2.RenderTemplateRequest(draft=draft, data='{"title": "<Menu>"}'))

    assert made.subject == "New <Menu>"
    assert made.text.startswith("<Menu> of Menus\n")
    assert "<i>&lt;Menu&gt;</i>" in made.html
    assert "Menus" in made.html


async def test_a_template_that_is_there_is_tried_by_its_name(service: Service) -> None:
    made = await service.call(service.mail.RenderTemplate, mail_pb2.RenderTemplateRequest(name="notice", data=json.dumps(NOTICE)))

    assert (made.subject, "Hello Ada," in made.text) == ("Choose a new password", True)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (mail_pb2.RenderTemplateRequest(), "name"),
        (mail_pb2.RenderTemplateRequest(name="event", draft=template()), "name"),
        (mail_pb2.RenderTemplateRequest(name="notice", data="{}"), "subject"),
        (mail_pb2.RenderTemplateRequest(name="notice", data="x"), "data"),
        (mail_pb2.RenderTemplateRequest(draft=template(html="{{ data.x }}")), "draft.html"),
        (mail_pb2.RenderTemplateRequest(draft=template(html="{{")), "draft.html"),
    ],
)
async def test_what_can_t_be_rendered_is_refused_by_its_field(service: Service, request_: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await service.call(service.mail.RenderTemplate, request_)

    assert wrong(refused.value) == {field}
