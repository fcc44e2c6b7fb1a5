"""Salts of visitor hashes: 32 random bytes for each UTC day, the same for all edges, destroyed two days after the day began."""

from quietzone_tracking.salts.held import HeldSalts
from quietzone_tracking.salts.keeper import SaltKeeper
from quietzone_tracking.salts.repository import SALTS, SaltStore

__all__ = ["SALTS", "HeldSalts", "SaltKeeper", "SaltStore"]
