"""Welcoming who has signed up."""

from quietzone_kit.errors import FailedPrecondition
from quietzone_kit.ids import derived_id
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.mail.kinds import HOUSE, WELCOME
from quietzone_notification.mail.letters import Letter
from quietzone_notification.mail.scribe import Addressed, Scribe
from quietzone_notification.people.domain import Person
from quietzone_notification.reactions.domain import LATE_MS
from quietzone_notification.reactions.metrics import WELCOMED

log = logger(__name__)


class Welcome:
    """Writes to people whose first address was verified just now."""

    def __init__(self, scribe: Scribe, clock: Clock, *, dashboard_url: str = "") -> None:
        self._scribe = scribe
        self._clock = clock
        self._dashboard_url = dashboard_url

    async def write(self, person: Person) -> None:
        """Write once, however often this is called; without a key of the house's mails nothing. Raises Unavailable.

        Nobody is welcomed who was verified LATE_MS ago: it is no longer known whether he was then.
        """
        if self._clock.now_ms() - person.verified_at_ms >= LATE_MS:
            WELCOMED.labels("late").inc()
            return
        letter = Letter(WELCOME, WELCOME, {"name": person.name, "link": self._dashboard_url})
        mail_id = derived_id("welcome mail", person.user_id)
        try:
            await self._scribe.take([Addressed(mail_id, HOUSE, person.email, letter)])
        except FailedPrecondition as error:
            WELCOMED.labels("no_key").inc()
            log.warning("nobody is welcomed", reason=str(error))
            return
        WELCOMED.labels("sent").inc()
