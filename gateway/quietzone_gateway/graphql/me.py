"""Who calls."""

import strawberry

from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.fields import field
from quietzone_gateway.identity import Means

strawberry.enum(Means, description="How a principal showed who he is")


@strawberry.type(description="Who calls, and what they may do")
class Me:
    """A principal."""

    account_id: strawberry.ID
    plan: str = strawberry.field(description="The account's plan")
    means: Means
    subject: str = strawberry.field(description="`user:<id>`, `key:<id>` or `webhook:<account>/<principal>`")
    scopes: list[str] = strawberry.field(description="In order")


@strawberry.type
class MeQueries:
    """Part of Query."""

    @field(description="Who calls, and what they may do")
    def me(self, info: Info) -> Me:
        """The caller."""
        principal = info.context.principal
        return Me(
            account_id=strawberry.ID(principal.account_id),
            plan=principal.plan,
            means=principal.means,
            subject=principal.subject,
            scopes=sorted(principal.scopes),
        )
