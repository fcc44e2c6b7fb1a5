"""What addresses for operators, and of plans, have in common."""

from typing import Annotated

from fastapi import Depends, Request

from quietzone_gateway.identity.domain import OPERATOR, Principal
from quietzone_gateway.plans import Flags, Plans, PlansParts
from quietzone_gateway.rest.route import Needs


def _plans(request: Request) -> Plans:
    parts: PlansParts = request.app.state.plans
    return parts.plans


def _flags(request: Request) -> Flags:
    parts: PlansParts = request.app.state.plans
    return parts.flags


Operator = Annotated[Principal, Depends(Needs(OPERATOR))]
"""Whoever calls, who is an operator."""

PlansNow = Annotated[Plans, Depends(_plans)]
FlagsNow = Annotated[Flags, Depends(_flags)]
