"""Strawberry's decorators, typed for what they decorate: its own give Any."""

import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias, cast

import strawberry
from strawberry.types.field import StrawberryField

from quietzone_gateway.graphql.context import Context
from quietzone_gateway.plans import MethodClass

Resolver: TypeAlias = Callable[..., object]
Decorator: TypeAlias = Callable[[Resolver], StrawberryField]


def field(*, description: str | None = None, name: str | None = None) -> Decorator:
    """What a method answers."""
    decorate: Decorator = strawberry.field(name=name, description=description)
    return decorate


def mutation(*, description: str, name: str | None = None, method_class: MethodClass = MethodClass.WRITE) -> Decorator:
    """What a method changes; it counts as a request of its class would."""

    def decorate(resolver: Resolver) -> StrawberryField:
        @functools.wraps(resolver)
        async def counted(*given: object, **named: object) -> object:
            context = _context((*given, *named.values()))
            await context.parts.plans.admit_as(context.admission, method_class)
            return await cast("Awaitable[object]", resolver(*given, **named))

        found: StrawberryField = strawberry.mutation(counted, name=name, description=description)
        return found

    return decorate


def _context(given: Iterable[object]) -> Context:
    """Of what a resolver is given, the request's."""
    return next(cast("Context", one.context) for one in given if isinstance(one, strawberry.Info))


def subscription(*, description: str, graphql_type: type) -> Decorator:
    """What a method tells of, whatever its source has."""
    decorate: Decorator = strawberry.subscription(description=description, graphql_type=graphql_type)
    return decorate
