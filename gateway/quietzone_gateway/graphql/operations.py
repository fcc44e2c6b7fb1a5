"""One subscription: its document, checked once, and then run for each event without waiting for anything."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
    get_operation_ast,
    parse,
    validate,
)

from quietzone_gateway.graphql.errors import note, told
from quietzone_gateway.graphql.limits import PARSING, QueryRefused, check
from quietzone_gateway.graphql.live_types import news_of
from quietzone_gateway.graphql.metrics import REFUSED
from quietzone_gateway.graphql.schema import Schema, rules_of
from quietzone_gateway.live.domain import Delivery
from quietzone_gateway.live.protocol import Wanted
from quietzone_kit.errors import QuietzoneError


class Refused(Exception):
    """The operation can't be begun: `errors` say why, as the caller reads them."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


class Operation:
    """A subscription that is under way; `wanted` is what it asks of the hub."""

    __slots__ = ("_executor", "_request_id", "_suggestions", "wanted")

    def __init__(self, executor: Executor[Any], wanted: Wanted, request_id: str, *, suggestions: bool) -> None:
        self._executor = executor
        self._request_id = request_id
        self._suggestions = suggestions
        self.wanted = wanted

    def shown(self, delivery: Delivery) -> Mapping[str, object]:
        """A delivery as the document asks for it. Nothing of it waits: `check` lets no field of a service through."""
        result = execute_subscription_event(self._executor.build_per_event_executor(news_of(self.wanted, delivery)))
        if not isinstance(result, ExecutionResult):
            raise TypeError("a field of a subscription waits for something: it belongs into ASKING")
        if not result.errors:
            return {"data": result.data}
        note(result.errors, self._request_id)
        errors = [told(error, self._request_id, suggestions=self._suggestions).formatted for error in result.errors]
        return {"data": result.data, "errors": errors}


async def begin(schema: Schema, text: str, variables: Mapping[str, object], operation_name: str | None, request_id: str) -> Operation:
    """The operation in a document.

    Raises:
        Refused: it asks for too much, isn't of the schema, or isn't a subscription.
    """
    suggestions = schema.limits.introspection
    try:
        executor = _executor(schema, text, variables, operation_name)
        return Operation(executor, await _wanted(executor), request_id, suggestions=suggestions)
    except _Wrong as error:
        note(error.errors, request_id)
        raise Refused([told(each, request_id, suggestions=suggestions) for each in error.errors]) from error


class _Wrong(Exception):
    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = errors


def _executor(schema: Schema, text: str, variables: Mapping[str, object], operation_name: str | None) -> Executor[Any]:
    document = _document(schema, text, variables)
    operation = get_operation_ast(document, operation_name)
    if not isinstance(operation, OperationDefinitionNode):
        raise _Wrong(GraphQLError("`operationName` says which operation of the document is meant"))
    if operation.operation is not OperationType.SUBSCRIPTION:
        raise _Wrong(GraphQLError("queries and mutations go by POST to this address, subscriptions come over this connection"))
    executor = Executor.build(schema.core, document, raw_variable_values=dict(variables), operation_name=operation_name)
    if not isinstance(executor, Executor):
        raise _Wrong(*executor)
    return executor


def _document(schema: Schema, text: str, variables: Mapping[str, object]) -> DocumentNode:
    try:
        document = parse(text, **PARSING)
        check(schema.core, document, variables, schema.limits)
    except GraphQLError as error:
        raise _Wrong(error) from error
    except QueryRefused as error:
        REFUSED.labels(error.limit).inc()
        raise _Wrong(GraphQLError(str(error))) from error
    if errors := validate(schema.core, document, rules_of(schema.limits)):
        raise _Wrong(*errors)
    return document


async def _wanted(executor: Executor[Any]) -> Wanted:
    """What the source of the subscription has, which is one thing."""
    source = create_source_event_stream(executor)
    if not isinstance(source, AsyncIterable | ExecutionResult):
        source = await source
    if isinstance(source, ExecutionResult):
        raise _Wrong(*(source.errors or ()))
    if not isinstance(source, AsyncGenerator):
        raise TypeError("the source of a subscription is a generator")
    try:
        async with aclosing(source):
            return Wanted.model_validate(await anext(source))
    except QuietzoneError as error:
        raise _Wrong(GraphQLError(str(error), original_error=error)) from error
