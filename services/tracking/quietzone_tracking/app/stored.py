"""All that this service stores."""

from quietzone_tracking.links import COLLECTIONS as LINK_COLLECTIONS
from quietzone_tracking.salts.repository import SALTS

COLLECTIONS = (*LINK_COLLECTIONS, SALTS)
