"""All that notification keeps in its store, feature by feature."""

from quietzone_kit.tasks import TASKS
from quietzone_notification.buses.repository import COLLECTIONS as BUSES
from quietzone_notification.delivery.collections import COLLECTIONS as DELIVERY
from quietzone_notification.mail.collections import COLLECTIONS as MAIL
from quietzone_notification.people.repository import COLLECTIONS as PEOPLE
from quietzone_notification.push.repository import COLLECTIONS as PUSH
from quietzone_notification.reactions.repository import COLLECTIONS as REACTIONS
from quietzone_notification.reports.repository import COLLECTIONS as REPORTS
from quietzone_notification.rules.repository import COLLECTIONS as RULES
from quietzone_notification.streams.repository import COLLECTIONS as STREAMS
from quietzone_notification.topics.repository import COLLECTIONS as TOPICS

COLLECTIONS = (*BUSES, *RULES, *TOPICS, *DELIVERY, *MAIL, *STREAMS, *PUSH, *PEOPLE, *REACTIONS, *REPORTS, TASKS)
