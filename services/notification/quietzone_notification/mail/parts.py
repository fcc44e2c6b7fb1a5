"""The parts of mail, put together: what the sender needs of it, and what its calls do."""

from dataclasses import dataclass

from quietzone_kit.documents import Documents
from quietzone_kit.mail import Mailer
from quietzone_kit.runtime import Clock
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.domain import Outbound
from quietzone_notification.mail.addresses.repository import Addresses
from quietzone_notification.mail.addresses.use_cases import AddressDesk
from quietzone_notification.mail.brands.repository import Brands
from quietzone_notification.mail.brands.use_cases import BrandDesk
from quietzone_notification.mail.courier import MailCourier, Ports
from quietzone_notification.mail.envelopes import Envelopes
from quietzone_notification.mail.post import Post
from quietzone_notification.mail.scribe import Scribe
from quietzone_notification.mail.templates.repository import Templates
from quietzone_notification.mail.templates.use_cases import TemplateDesk
from quietzone_notification.mail.tokens import Tokens
from quietzone_notification.mail.use_cases import MailDesk
from quietzone_notification.people.repository import People
from quietzone_notification.reports.repository import Reports


@dataclass(frozen=True, slots=True)
class Desks:
    """All that can be asked of mail."""

    mails: MailDesk
    addresses: AddressDesk
    brands: BrandDesk
    templates: TemplateDesk


class MailParts:
    """Mail on a store; `seal` seals tokens and what the house says, `unsubscribe_url` is the page that takes them."""

    def __init__(self, documents: Documents, seal: Seal, clock: Clock, *, unsubscribe_url: str) -> None:
        self._clock = clock
        self._addresses, self._brands, self._templates = Addresses(documents), Brands(documents), Templates(documents)
        self._tokens, self._envelopes = Tokens(seal), Envelopes(seal)
        self._people, reports = People(documents), Reports(documents)
        self._post = Post(self._brands, self._templates, self._tokens, reports=reports, unsubscribe_url=unsubscribe_url)

    def courier(self, mailer: Mailer, *, at_once: int) -> MailCourier:
        """Who carries mails, for the sender."""
        return MailCourier(Ports(mailer, self._post, self._addresses, self._envelopes, self._people), self._clock, at_once=at_once)

    def scribe(self, outbound: Outbound) -> Scribe:
        """Who takes what the house itself writes."""
        return Scribe(outbound, self._envelopes, self._clock)

    def desks(self, outbound: Outbound) -> Desks:
        """What calls do."""
        return Desks(
            MailDesk(self._post, self.scribe(outbound), self._clock),
            AddressDesk(self._addresses, self._tokens, self._clock),
            BrandDesk(self._brands, self._clock),
            TemplateDesk(self._templates, self._brands, self._clock),
        )
