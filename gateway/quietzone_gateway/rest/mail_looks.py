"""What an account's mails look like: its branding and its templates."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.use_cases import verified_addresses
from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.codes import revision_of
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.etags import tag
from quietzone_gateway.rest.json_text import ObjectOrText, as_text
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, names_of_the_api
from quietzone_gateway.rest.rules import IfMatch, IfNoneMatch, expected_of
from quietzone_gateway.rest.shapes import Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc.notification import Branding, Template

MAX_SUBJECT, MAX_TEXT, MAX_HTML = 1_000, 16_384, 32_768
"""Characters, as the service has them."""

BRANDING: dict[str, JsonValue] = {
    "name": "North & Sons",
    "colour": "#1f2937",
    "logo_url": "https://menus.example/logo.png",
    "footer": "North & Sons, 1 Quay Street",
    "reply_to": "ada@example.com",
    "link_base": "https://menus.example",
}
SHOWN_BRANDING: dict[str, JsonValue] = {**BRANDING, "revision": 1, "updated_at": "2026-11-21T09:30:00.125Z"}
TEXTS: dict[str, JsonValue] = {
    "subject": "{{ data.value.detail.title }} was scanned",
    "text": "{{ data.value.detail.title }} was scanned.",
    "html": "<p>{{ data.value.detail.title }} was scanned.</p>",
}
LISTED: dict[str, JsonValue] = {"name": "event", "revision": 2, "updated_at": "2026-11-21T09:30:00.125Z"}
TEMPLATE: dict[str, JsonValue] = {**LISTED, **TEXTS}
TRIAL: dict[str, JsonValue] = {"name": "event", "data": {"value": {"detail": {"title": "Summer menu"}}}}
"""Examples; tests hold them against the models."""


class BrandingInput(Input):
    """What mails look like; what is left out is as the house has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [BRANDING]})

    name: Text = Field("", description="Whom mails are from: printable characters without `@`, `<` and `>`", max_length=100)
    colour: Text = Field("", description="Of headings and links, as `#1f2937`", max_length=7)
    logo_url: Text = Field("", description="An image at https, which readers' programs load", max_length=500)
    footer: Text = Field("", description="Stands below each mail", max_length=500)
    reply_to: Text = Field("", description="Where answers go: the address of a verified member", max_length=254)
    link_base: Text = Field("", description="What templates make links of: https, without a slash at its end", max_length=300)


class BrandingView(BaseModel):
    """What mails look like."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHOWN_BRANDING]})

    name: str
    colour: str
    logo_url: str
    footer: str
    reply_to: str
    link_base: str
    revision: int = Field(description="Counts changes; 0: mails look as the house's do")
    updated_at: Time | None

    @classmethod
    def of(cls, branding: Branding) -> Self:
        """As it is shown."""
        return cls(
            name=branding.name,
            colour=branding.colour,
            logo_url=branding.logo_url,
            footer=branding.footer,
            reply_to=branding.reply_to,
            link_base=branding.link_base,
            revision=branding.revision,
            updated_at=rfc3339(branding.updated_at_ms) if branding.revision else None,
        )


class TemplateInput(Input):
    """What mails are made of: Jinja2 without anything that computes."""

    model_config = ConfigDict(json_schema_extra={"examples": [TEXTS]})

    subject: Text = Field(description="One line", max_length=MAX_SUBJECT)
    text: Text = Field(description="The mail as plain text", max_length=MAX_TEXT)
    html: Text = Field(description="The same as HTML; what is filled in is escaped", max_length=MAX_HTML)

    def named(self, name: str) -> Template:
        """As the service is asked for it."""
        return Template(name, self.subject, self.text, self.html)


class ListedTemplateView(BaseModel):
    """A template of the account."""

    model_config = ConfigDict(json_schema_extra={"examples": [LISTED]})

    name: str
    revision: int = Field(description="Counts changes; 0: it is the house's")
    updated_at: Time | None

    @classmethod
    def of(cls, template: Template) -> Self:
        """As it is shown."""
        return cls(
            name=template.name,
            revision=template.revision,
            updated_at=rfc3339(template.updated_at_ms) if template.revision else None,
        )


class TemplatesView(BaseModel):
    """Templates of the account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [LISTED]}]})

    items: list[ListedTemplateView] = Field(description="By name, at most 20")


class TemplateView(ListedTemplateView):
    """A template with its texts."""

    model_config = ConfigDict(json_schema_extra={"examples": [TEMPLATE]})

    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, template: Template) -> Self:
        """As it is shown."""
        listed = ListedTemplateView.of(template)
        return cls(**listed.model_dump(), subject=template.subject, text=template.text, html=template.html)


class MailTrialInput(Input):
    """What is tried: a template that is there, or one that isn't put yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRIAL]})

    name: Text = Field("", description="A template of the account, or of the house: `event`, `message` or `notice`", max_length=64)
    draft: TemplateInput | None = Field(None, description="In the place of `name`")
    data: ObjectOrText = Field(description="What it is filled with: a JSON object of at most 64 KiB, or a text that holds one")


class RenderedView(BaseModel):
    """A mail as it would be sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subject": "Scanned", "text": "Scanned\n", "html": "<!doctype html>"}]})

    subject: str
    text: str
    html: str


router = APIRouter(prefix="/v1/mail", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["mail"])

TemplateName = Annotated[
    str, Path(description="1 to 64 characters of `[a-z0-9-]`, beginning with a letter; not `confirmation` or `layout`", examples=["event"])
]

DRAFT = "draft"
"""What a template that has no name yet is called while it is tried."""

# The service's fields by the names that callers of the API know.
_OF_BRANDING = {f"branding.{name}": name for name in BrandingInput.model_fields} | {"expected_revision": "If-Match"}
_OF_TEMPLATES = {f"template.{name}": name for name in ("name", "subject", "text", "html")} | {"expected_revision": "If-Match"}


@router.get("/branding", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def get_branding(parts: Services, caller: CallerNow, response: Response) -> BrandingView:
    """What the account's mails look like."""
    branding = await parts.notification.looks.branding(caller)
    response.headers["ETag"] = tag(branding.revision)
    return BrandingView.of(branding)


@router.put("/branding", responses=problems(400, 401, 403, 412, 413, 415), openapi_extra=scoped(CODES_WRITE))
async def put_branding(
    body: BrandingInput, parts: Services, caller: CallerNow, response: Response, if_match: IfMatch = None
) -> BrandingView:
    """Say what the account's mails look like. Answers can go to verified members alone."""
    verified = await verified_addresses(parts.identity.people, caller.account_id) if body.reply_to else []
    is_verified = body.reply_to.lower() in {each.lower() for each in verified}
    with names_of_the_api(_OF_BRANDING):
        branding = await parts.notification.looks.put_branding(
            caller, Branding(**body.model_dump()), reply_to_is_verified=is_verified, expected_revision=revision_of(if_match)
        )
    response.headers["ETag"] = tag(branding.revision)
    return BrandingView.of(branding)


@router.get("/templates", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_templates(parts: Services, caller: CallerNow) -> TemplatesView:
    """The account's own templates, without their texts."""
    return TemplatesView(items=list(map(ListedTemplateView.of, await parts.notification.looks.templates(caller))))


@router.get("/templates/{name}", responses=problems(400, 401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_template(name: TemplateName, parts: Services, caller: CallerNow, response: Response) -> TemplateView:
    """A template with its texts; where the account has none of that name, the house's, to begin from."""
    template = await parts.notification.looks.template(caller, name)
    response.headers["ETag"] = tag(template.revision)
    return TemplateView.of(template)


@router.put("/templates/{name}", responses=problems(400, 401, 403, 412, 413, 415, 422, 429), openapi_extra=scoped(CODES_WRITE))
async def put_template(
    name: TemplateName,
    body: TemplateInput,
    *,
    parts: Services,
    caller: CallerNow,
    response: Response,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> TemplateView:
    """Make a template, or make the one of this name what is given here: also in the place of one of the house's."""
    wanted = expected_of(if_match, if_none_match)
    with names_of_the_api(_OF_TEMPLATES):
        template = await parts.notification.looks.put_template(caller, body.named(name), expected_revision=wanted)
    response.headers["ETag"] = tag(template.revision)
    return TemplateView.of(template)


@router.delete("/templates/{name}", status_code=204, responses=problems(400, 401, 403, 404), openapi_extra=scoped(CODES_WRITE))
async def delete_template(name: TemplateName, parts: Services, caller: CallerNow) -> None:
    """Take a template away; the house's of that name is used again."""
    await parts.notification.looks.delete_template(caller, name)


@router.post("/render", responses=problems(400, 401, 403, 404, 413, 415), openapi_extra=scoped(CODES_READ))
async def render_mail(body: MailTrialInput, parts: Services, caller: CallerNow) -> RenderedView:
    """What a mail would be, with the account's branding; nothing is sent."""
    asked = body.name if body.draft is None or body.name else body.draft.named(DRAFT)
    made = await parts.notification.looks.render(caller, asked, as_text(body.data, "data"))
    return RenderedView(subject=made.subject, text=made.text, html=made.html)
