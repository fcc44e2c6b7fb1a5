"""Which tasks accounts see."""

from quietzone_kit.tasks.service import Shown
from quietzone_notification.delivery.deliveries.use_cases import REDRIVE
from quietzone_notification.reactions.use_cases import SEND
from quietzone_notification.reports.tasks import GENERATE

SHOWN = {GENERATE: Shown(), REDRIVE: Shown(), SEND: Shown()}
"""Reports, deliveries that are sent again, and mails that tell of what happened within an hour; all can be run again."""
