"""What an account's mails look like: branding and templates."""

from dataclasses import dataclass
from functools import cached_property

from quietzone.notification.v1 import mail_pb2, mail_pb2_grpc
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


@dataclass(frozen=True, slots=True)
class Branding:
    """What mails look like; fields as in `quietzone.notification.v1.Branding`. `revision` is 0 where nothing was put."""

    name: str = ""
    colour: str = ""
    logo_url: str = ""
    footer: str = ""
    reply_to: str = ""
    link_base: str = ""
    revision: int = 0
    updated_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """What mails are made of; fields as in `quietzone.notification.v1.Template`. `revision` is 0 of the house's."""

    name: str
    subject: str = ""
    text: str = ""
    html: str = ""
    revision: int = 0
    updated_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as it would be sent."""

    subject: str
    text: str
    html: str


class Looks:
    """A client of the service's branding and templates; what each call raises stands in `mail.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "mail_pb2_grpc.MailServiceAsyncStub":
        return mail_pb2_grpc.MailServiceStub(self._service.channel)

    async def branding(self, caller: Caller) -> Branding:
        """What the account's mails look like."""
        request = mail_pb2.GetBrandingRequest()
        return _branding((await self._service.peer.call(self._stub.GetBranding, request, caller=caller, idempotent=True)).branding)

    async def put_branding(self, caller: Caller, new: Branding, *, reply_to_is_verified: bool, expected_revision: int | None) -> Branding:
        """Say what they look like; the same again changes nothing."""
        branding = mail_pb2.Branding(
            name=new.name, colour=new.colour, logo_url=new.logo_url, footer=new.footer, reply_to=new.reply_to, link_base=new.link_base
        )
        request = mail_pb2.PutBrandingRequest(
            branding=branding, reply_to_is_verified=reply_to_is_verified, expected_revision=expected_revision
        )
        again = expected_revision is None
        return _branding((await self._service.peer.call(self._stub.PutBranding, request, caller=caller, idempotent=again)).branding)

    async def templates(self, caller: Caller) -> list[Template]:
        """The account's own, by name, without their texts."""
        request = mail_pb2.ListTemplatesRequest()
        response = await self._service.peer.call(self._stub.ListTemplates, request, caller=caller, idempotent=True)
        return list(map(_template, response.templates))

    async def template(self, caller: Caller, name: str) -> Template:
        """One with its texts, or the house's of that name."""
        request = mail_pb2.GetTemplateRequest(name=name)
        return _template((await self._service.peer.call(self._stub.GetTemplate, request, caller=caller, idempotent=True)).template)

    async def put_template(self, caller: Caller, new: Template, *, expected_revision: int | None) -> Template:
        """Make one, or change it; the same again changes nothing."""
        request = mail_pb2.PutTemplateRequest(template=_message(new), expected_revision=expected_revision)
        again = expected_revision is None
        return _template((await self._service.peer.call(self._stub.PutTemplate, request, caller=caller, idempotent=again)).template)

    async def delete_template(self, caller: Caller, name: str) -> None:
        """Take one of the account's away."""
        request = mail_pb2.DeleteTemplateRequest(name=name)
        await self._service.peer.call(self._stub.DeleteTemplate, request, caller=caller, idempotent=False)

    async def render(self, caller: Caller, template: str | Template, data: str) -> Rendered:
        """What a mail of a template, by its name or as a draft, would be."""
        if isinstance(template, str):
            request = mail_pb2.RenderTemplateRequest(name=template, data=data)
        else:
            request = mail_pb2.RenderTemplateRequest(draft=_message(template), data=data)
        made = await self._service.peer.call(self._stub.RenderTemplate, request, caller=caller, idempotent=True)
        return Rendered(made.subject, made.text, made.html)


def _message(template: Template) -> mail_pb2.Template:
    return mail_pb2.Template(name=template.name, subject=template.subject, text=template.text, html=template.html)


def _branding(message: mail_pb2.Branding) -> Branding:
    return Branding(
        message.name,
        message.colour,
        message.logo_url,
        message.footer,
        message.reply_to,
        message.link_base,
        message.revision,
        message.updated_at_ms,
    )


def _template(message: mail_pb2.Template) -> Template:
    return Template(message.name, message.subject, message.text, message.html, message.revision, message.updated_at_ms)
