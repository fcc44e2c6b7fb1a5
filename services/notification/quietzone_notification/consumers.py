"""Who of this service keeps a place on the bus: topics and groups. Operators' commands read it, without the service's libraries."""

from quietzone_notification.people.consumers import CONSUMER as PEOPLE
from quietzone_notification.reactions.domain import CONSUMER as NEWS
from quietzone_notification.rules.consumers import CONSUMER as RULES
from quietzone_notification.rules.consumers import HEARD
from quietzone_topics import ANALYTICS_MILESTONE_V1, GATEWAY_ACCOUNT_V1, GATEWAY_USAGE_V1, QR_CODE_V1

READING = ((GATEWAY_ACCOUNT_V1, PEOPLE), (QR_CODE_V1, NEWS), (ANALYTICS_MILESTONE_V1, NEWS), (GATEWAY_USAGE_V1, NEWS))
"""The product's reactions."""

CONSUMERS = (*((topic, RULES) for topic in HEARD), *READING)
"""All of them."""
