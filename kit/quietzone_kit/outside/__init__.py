"""Asking servers that somebody else has chosen, without being led where we don't want to go (server-side request forgery).

A host's addresses are looked up once, checked (`refusal`), and connected to by number (`Pinned`): no second look-up can bring another.
Whoever asks follows no redirect that wasn't checked in the same way, and brings no cookies, credentials or proxies of its own.
"""

from quietzone_kit.outside._addresses import refusal
from quietzone_kit.outside._connect import NoAddress, NotAllowed, Pinned, Resolver, SystemResolver, allowed_addresses

__all__ = ["NoAddress", "NotAllowed", "Pinned", "Resolver", "SystemResolver", "allowed_addresses", "refusal"]
