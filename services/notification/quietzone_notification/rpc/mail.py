"""MailService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Mapping

from quietzone.notification.v1 import mail_pb2, mail_pb2_grpc
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_notification.mail.addresses.domain import Reason, Suppression
from quietzone_notification.mail.brands.domain import Brand, Looks
from quietzone_notification.mail.parts import Desks
from quietzone_notification.mail.templates.domain import Source, Template
from quietzone_notification.mail.use_cases import NewMail
from quietzone_notification.rpc.callers import account

_REASONS: Mapping[Reason, "mail_pb2.SuppressionReason.ValueType"] = {
    Reason.UNSUBSCRIBED: mail_pb2.SUPPRESSION_REASON_UNSUBSCRIBED,
    Reason.BOUNCED: mail_pb2.SUPPRESSION_REASON_BOUNCED,
    Reason.COMPLAINED: mail_pb2.SUPPRESSION_REASON_COMPLAINED,
    Reason.BY_HAND: mail_pb2.SUPPRESSION_REASON_BY_HAND,
}


class MailService(mail_pb2_grpc.MailServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desks: Desks) -> None:
        self._mails = desks.mails
        self._addresses = desks.addresses
        self._brands = desks.brands
        self._templates = desks.templates

    async def SendMail(self, request: mail_pb2.SendMailRequest, context: object) -> mail_pb2.SendMailResponse:
        """See the contract."""
        new = NewMail(request.account_id, request.to, request.kind, request.template, request.data, request.idempotency_key)
        return mail_pb2.SendMailResponse(delivery_id=await self._mails.send(new))

    async def Unsubscribe(
        self, request: mail_pb2.MailServiceUnsubscribeRequest, context: object
    ) -> mail_pb2.MailServiceUnsubscribeResponse:
        """See the contract."""
        way = await self._addresses.unsubscribe(request.token, all_kinds=request.all_kinds)
        brand = await self._brands.get(way.account_id)
        return mail_pb2.MailServiceUnsubscribeResponse(kind=way.kind, from_name=brand.name)

    async def GetBranding(self, request: mail_pb2.GetBrandingRequest, context: object) -> mail_pb2.GetBrandingResponse:
        """See the contract."""
        return mail_pb2.GetBrandingResponse(branding=_branding(await self._brands.get(account())))

    async def PutBranding(self, request: mail_pb2.PutBrandingRequest, context: object) -> mail_pb2.PutBrandingResponse:
        """See the contract."""
        given = request.branding
        looks = Looks(given.name, given.colour, given.logo_url, given.footer, given.reply_to, given.link_base)
        expected = request.expected_revision if request.HasField("expected_revision") else None
        brand = await self._brands.put(account(), looks, verified=request.reply_to_is_verified, expected=expected)
        return mail_pb2.PutBrandingResponse(branding=_branding(brand))

    async def ListTemplates(self, request: mail_pb2.ListTemplatesRequest, context: object) -> mail_pb2.ListTemplatesResponse:
        """See the contract."""
        return mail_pb2.ListTemplatesResponse(templates=map(_named, await self._templates.listed(account())))

    async def GetTemplate(self, request: mail_pb2.GetTemplateRequest, context: object) -> mail_pb2.GetTemplateResponse:
        """See the contract."""
        return mail_pb2.GetTemplateResponse(template=_template(await self._templates.get(account(), request.name)))

    async def PutTemplate(self, request: mail_pb2.PutTemplateRequest, context: object) -> mail_pb2.PutTemplateResponse:
        """See the contract."""
        expected = request.expected_revision if request.HasField("expected_revision") else None
        source = _source(request.template)
        return mail_pb2.PutTemplateResponse(
            template=_template(await self._templates.put(account(), request.template.name, source, expected=expected))
        )

    async def DeleteTemplate(self, request: mail_pb2.DeleteTemplateRequest, context: object) -> mail_pb2.DeleteTemplateResponse:
        """See the contract."""
        await self._templates.delete(account(), request.name)
        return mail_pb2.DeleteTemplateResponse()

    async def RenderTemplate(self, request: mail_pb2.RenderTemplateRequest, context: object) -> mail_pb2.RenderTemplateResponse:
        """See the contract."""
        account_id = account()
        if request.HasField("draft") == bool(request.name):
            raise InvalidInput(FieldViolation("name", "give a name or a draft, and not both"))
        source = _source(request.draft) if request.HasField("draft") else request.name
        made = await self._templates.rendered(account_id, source, request.data)
        return mail_pb2.RenderTemplateResponse(subject=made.subject, text=made.text, html=made.html)

    async def ListSuppressions(self, request: mail_pb2.ListSuppressionsRequest, context: object) -> mail_pb2.ListSuppressionsResponse:
        """See the contract."""
        page = await self._addresses.listed(account(), page_size=request.page_size, page_token=request.page_token)
        found = (_suppression(one.address, each) for one in page.addresses for each in one.suppressions)
        return mail_pb2.ListSuppressionsResponse(suppressions=found, next_page_token=page.next_token or "")

    async def PutSuppression(self, request: mail_pb2.PutSuppressionRequest, context: object) -> mail_pb2.PutSuppressionResponse:
        """See the contract."""
        found = await self._addresses.put(account(), request.address, request.kind, request.detail)
        return mail_pb2.PutSuppressionResponse(suppression=_suppression(request.address, found))

    async def DeleteSuppression(self, request: mail_pb2.DeleteSuppressionRequest, context: object) -> mail_pb2.DeleteSuppressionResponse:
        """See the contract."""
        await self._addresses.delete(account(), request.address, request.kind)
        return mail_pb2.DeleteSuppressionResponse()

    async def GetPreferences(self, request: mail_pb2.GetPreferencesRequest, context: object) -> mail_pb2.GetPreferencesResponse:
        """See the contract."""
        wanted = await self._addresses.preferences(account(), request.address)
        return mail_pb2.GetPreferencesResponse(preferences=mail_pb2.Preferences(address=request.address, wanted=wanted))

    async def PutPreferences(self, request: mail_pb2.PutPreferencesRequest, context: object) -> mail_pb2.PutPreferencesResponse:
        """See the contract."""
        given = request.preferences
        wanted = await self._addresses.prefer(account(), given.address, dict(given.wanted))
        return mail_pb2.PutPreferencesResponse(preferences=mail_pb2.Preferences(address=given.address, wanted=wanted))


def _source(template: mail_pb2.Template) -> Source:
    return Source(template.subject, template.text, template.html)


def _branding(brand: Brand) -> mail_pb2.Branding:
    return mail_pb2.Branding(
        name=brand.name,
        colour=brand.colour,
        logo_url=brand.logo_url,
        footer=brand.footer,
        reply_to=brand.looks.reply_to,
        link_base=brand.link_base,
        revision=brand.revision,
        updated_at_ms=brand.changed_ms,
    )


def _named(template: Template) -> mail_pb2.Template:
    return mail_pb2.Template(name=template.name, revision=template.revision, updated_at_ms=template.changed_ms)


def _template(template: Template) -> mail_pb2.Template:
    message = _named(template)
    message.subject, message.text, message.html = template.source.subject, template.source.text, template.source.html
    return message


def _suppression(address: str, suppression: Suppression) -> mail_pb2.Suppression:
    return mail_pb2.Suppression(
        address=address,
        kind=suppression.kind,
        reason=_REASONS[suppression.reason],
        at_ms=suppression.at_ms,
        detail=suppression.detail,
    )
