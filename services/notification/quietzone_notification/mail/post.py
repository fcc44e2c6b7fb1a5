"""From a letter to a mail: its template, its branding and the way out of it."""

from urllib.parse import quote

from quietzone_kit.ids import derived_id
from quietzone_kit.mail import MAX_NAME, MAX_SUBJECT, Attachment, Mail, header_text
from quietzone_notification.mail.brands.domain import Brand
from quietzone_notification.mail.brands.repository import Brands
from quietzone_notification.mail.kinds import HOUSE
from quietzone_notification.mail.letters import InvalidLetter, Letter
from quietzone_notification.mail.templates.domain import NotRendered, Source, house, problems, render
from quietzone_notification.mail.templates.repository import Templates
from quietzone_notification.mail.tokens import Tokens, Way
from quietzone_notification.reports.repository import Reports

NO_SUBJECT = "Message"
"""What a mail is called whose subject became empty."""


class Post:
    """Makes mails. `unsubscribe_url` is the page that takes people's words; the token is added."""

    def __init__(self, brands: Brands, templates: Templates, tokens: Tokens, *, reports: Reports, unsubscribe_url: str) -> None:
        self._brands = brands
        self._reports = reports
        self._templates = templates
        self._tokens = tokens
        self._unsubscribe_url = unsubscribe_url

    async def mail(self, letter: Letter, delivery_id: str, account_id: str, to: str, *, created_ms: int) -> Mail:
        """The mail that a letter of an account becomes: the same for the same delivery, whose repeats have its Message-ID and its Date.

        Raises:
            NotRendered: the template can't be filled with this; says where.
            InvalidLetter: there is no such template, or no such report any more.
            FailedPrecondition: there is no key that the way out is sealed with.
            Unavailable: the store doesn't answer.
        """
        brand = Brand(account_id) if letter.is_ours else (await self._brands.get(account_id)).brand
        source = await self._source(letter, account_id)
        url = "" if letter.is_ours else self._way_out(Way(account_id, to, letter.kind))
        made = render(source, letter.data, brand, unsubscribe_url=url)
        return Mail(
            to=to,
            subject=header_text(made.subject, MAX_SUBJECT) or NO_SUBJECT,
            text=made.text,
            html=made.html,
            message_id=derived_id("mail", delivery_id),
            from_name=header_text(brand.name, MAX_NAME),
            reply_to=brand.looks.reply_to,
            unsubscribe_url=url,
            at_ms=created_ms,
            attachments=await self._attached(letter, account_id),
        )

    async def _attached(self, letter: Letter, account_id: str) -> tuple[Attachment, ...]:
        if not letter.report:
            return ()
        report = await self._reports.get(account_id, letter.report)
        if report is None:
            raise InvalidLetter("the report that goes with it is gone")
        return (Attachment(report.name, report.media_type, report.data),)

    def _way_out(self, way: Way) -> str:
        return f"{self._unsubscribe_url}?token={quote(self._tokens.make(way), safe='')}"

    async def _source(self, letter: Letter, account_id: str) -> Source:
        held = None if letter.is_ours or account_id == HOUSE else await self._templates.get(account_id, letter.template)
        source = house(letter.template) if held is None else held.template.source
        if source is None:
            raise InvalidLetter(f"no template {letter.template!r:.70}")
        for place, reason in problems(source).items():  # another release has taken it
            raise NotRendered(place, reason)
        return source
