"""Plans, limits, load shedding and feature flags.

`open_plans` puts it together. Each request passes `Plans.admit`; before that `Shedder` says whether there is room for it at all.
"""

from quietzone_gateway.plans.compose import COLLECTIONS, PlansParts, Ports, open_plans, relay_plans
from quietzone_gateway.plans.domain import InvalidPlan, MethodClass, Pace, Period, Plan, Quota, Unit
from quietzone_gateway.plans.flags import Flag, FlagState, InvalidFlag
from quietzone_gateway.plans.known_flags import Flags
from quietzone_gateway.plans.limiting import Admission, Creating, Plans, Use
from quietzone_gateway.plans.refusals import LimitReached
from quietzone_gateway.plans.settings import PlansSettings
from quietzone_gateway.plans.shedding import Shedder

__all__ = [
    "COLLECTIONS",
    "Admission",
    "Creating",
    "Flag",
    "FlagState",
    "Flags",
    "InvalidFlag",
    "InvalidPlan",
    "LimitReached",
    "MethodClass",
    "Pace",
    "Period",
    "Plan",
    "Plans",
    "PlansParts",
    "PlansSettings",
    "Ports",
    "Quota",
    "Shedder",
    "Unit",
    "Use",
    "open_plans",
    "relay_plans",
]
