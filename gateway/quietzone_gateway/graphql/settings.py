"""What GraphQL is told."""

from dataclasses import dataclass

from pydantic import Field

from quietzone_kit.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What an installation can set."""

    depth: int = 10
    complexity: int = 2_000
    aliases: int = 15
    introspection: bool = True


class GraphqlSettings(Settings):
    """Inherited by role `serve`."""

    gateway_graphql_max_depth: int = Field(
        Limits().depth, ge=4, le=30, description="Fields within each other in a GraphQL request; our own types need 8"
    )
    gateway_graphql_max_complexity: int = Field(
        Limits().complexity,
        ge=100,
        le=100_000,
        description="What a GraphQL request may cost, about 20 µs of a processor each: a page of 100 codes with 12 fields is 1,300",
    )
    gateway_graphql_max_aliases: int = Field(Limits().aliases, ge=0, le=1_000, description="Fields with an alias in a GraphQL request")
    gateway_graphql_introspection: bool = Field(
        True, description="Whether the schema can be asked for, and errors suggest names; it is public in any case (docs/schema.graphql)"
    )

    @property
    def graphql_limits(self) -> Limits:
        """As the feature takes them."""
        return Limits(
            depth=self.gateway_graphql_max_depth,
            complexity=self.gateway_graphql_max_complexity,
            aliases=self.gateway_graphql_max_aliases,
            introspection=self.gateway_graphql_introspection,
        )
