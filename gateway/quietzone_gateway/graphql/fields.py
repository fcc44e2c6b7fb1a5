"""Strawberry's decorators, typed for what they decorate: its own give Any."""

from collections.abc import Callable
from typing import TypeAlias

import strawberry
from strawberry.types.field import StrawberryField

Resolver: TypeAlias = Callable[..., object]
Decorator: TypeAlias = Callable[[Resolver], StrawberryField]


def field(*, description: str | None = None, name: str | None = None) -> Decorator:
    """What a method answers."""
    decorate: Decorator = strawberry.field(name=name, description=description)
    return decorate


def mutation(*, description: str, name: str | None = None) -> Decorator:
    """What a method changes."""
    decorate: Decorator = strawberry.mutation(name=name, description=description)
    return decorate


def subscription(*, description: str, graphql_type: type) -> Decorator:
    """What a method tells of, whatever its source has."""
    decorate: Decorator = strawberry.subscription(description=description, graphql_type=graphql_type)
    return decorate
