"""Addresses where an Idempotency-Key names what is done, so that a request that comes again learns how things are now."""

from fastapi import Depends, Request

from quietzone_gateway.rest.repeats import check_repeated
from quietzone_gateway.rest.route import ApiRoute, PrincipalNow, Services


class NamedRoute(ApiRoute):
    """Its answers aren't kept: services know by the name what they have done already, and do what is left."""

    only_names = True


async def _same_again(request: Request, parts: Services, principal: PrincipalNow) -> None:
    await check_repeated(request, parts.repeats, parts.clock, principal)


SAME_AGAIN = Depends(_same_again)
"""Refuses a key that came with another request."""
