"""What addresses for operators, and of plans, have in common."""

from typing import Annotated

from fastapi import Depends

from quietzone_gateway.identity.domain import OPERATOR, Principal
from quietzone_gateway.plans import Flags, Plans
from quietzone_gateway.rest.route import Needs, Services


async def _plans(parts: Services) -> Plans:
    return parts.plans


async def _flags(parts: Services) -> Flags:
    return parts.flags


Operator = Annotated[Principal, Depends(Needs(OPERATOR))]
"""Whoever calls, who is an operator."""

PlansNow = Annotated[Plans, Depends(_plans)]
FlagsNow = Annotated[Flags, Depends(_flags)]
