"""What is kept of the making of each code: who made it, when, and where it led."""

from quietzone_analytics.creations.consumers import CONSUMER, KeepCreations
from quietzone_analytics.creations.repository import COLLECTIONS, CREATIONS, Creations, creation_of
from quietzone_analytics.creations.use_cases import list_creations

__all__ = ["COLLECTIONS", "CONSUMER", "CREATIONS", "Creations", "KeepCreations", "creation_of", "list_creations"]
