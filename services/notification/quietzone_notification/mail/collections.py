"""All that mail keeps in the service's store."""

from quietzone_notification.mail.addresses.repository import COLLECTIONS as ADDRESSES
from quietzone_notification.mail.brands.repository import COLLECTIONS as BRANDS
from quietzone_notification.mail.templates.repository import COLLECTIONS as TEMPLATES

COLLECTIONS = (*ADDRESSES, *BRANDS, *TEMPLATES)
