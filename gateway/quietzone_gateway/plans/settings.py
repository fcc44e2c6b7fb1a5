"""What plans are told."""

from pydantic import Field

from quietzone_kit.limits import MAX_BURST
from quietzone_kit.settings import Settings


class PlansSettings(Settings):
    """Inherited by role `serve`. What an account may do is in its plan, which operators change with PUT /v1/plans."""

    gateway_anonymous_requests: int = Field(
        100, ge=1, le=MAX_BURST, description="Requests without an account, of one address in 15 minutes; an office may have one address"
    )
