"""Who calls the API: accounts and their members, people and their sessions, keys, authorisers, and the log of what they changed.

`identity.build` puts it together; other features take a `Principal`, or what they need of one.
"""

from quietzone_gateway.identity.domain import Actor, Means, Principal, Role

__all__ = ["Actor", "Means", "Principal", "Role"]
