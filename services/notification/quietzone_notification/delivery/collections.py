"""All that delivery keeps in the service's store."""

from quietzone_notification.delivery.deliveries.repository import COLLECTIONS as DELIVERIES
from quietzone_notification.delivery.endpoints.repository import COLLECTIONS as ENDPOINTS
from quietzone_notification.delivery.sender.shares import COLLECTIONS as SHARES

COLLECTIONS = (*ENDPOINTS, *DELIVERIES, *SHARES)
