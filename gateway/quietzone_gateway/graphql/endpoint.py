"""`/graphql` over HTTP, as the working draft has it (https://graphql.github.io/graphql-over-http/draft/).

A request that is none, or isn't allowed in, is answered with a problem as everywhere in the API; a well-formed one with GraphQL's answer,
whatever becomes of it: with status 200 as `application/json`, and with the status of its first error, when it has no data, as
`application/graphql-response+json`.

Cross-site request forgery needs a request that a page may send anywhere without asking: a form's, or a GET. Forms aren't JSON, and GET
runs queries only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from quietzone_gateway.graphql.context import Context
from quietzone_gateway.graphql.errors import problem_in, told
from quietzone_gateway.graphql.loaders import Loaders
from quietzone_gateway.graphql.negotiation import GRAPHQL, media_type_for
from quietzone_gateway.graphql.schema import Schema
from quietzone_gateway.rest.problems import METHOD_NOT_ALLOWED, NO_SUCH_FIELD, UNSUPPORTED_MEDIA_TYPE, Refused
from quietzone_gateway.rest.repeats import check_repeated, repeated
from quietzone_gateway.rest.route import Parts, authenticate, caller_of, principal_of
from quietzone_kit.errors import FieldViolation, InvalidInput

PATH = "/graphql"

PARAMETERS = ("query", "operationName", "variables", "extensions")

BODIES = ("application/json", GRAPHQL)

BY_METHOD = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed request; whether its document is one shows later."""

    query: str
    variables: dict[str, object]
    operation_name: str | None


def make_router(schema: Schema) -> APIRouter:
    """Answers at PATH."""
    endpoint, router = _Endpoint(schema), APIRouter()
    router.add_api_route(PATH, endpoint.answer, methods=list(BY_METHOD), include_in_schema=False)
    return router


class _Endpoint:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    async def answer(self, request: Request) -> Response:
        """Answer one request. With an Idempotency-Key what it creates is created once, however often it is sent."""
        await authenticate(request)
        parts: Parts = request.app.state.parts
        return await repeated(request, self._run, parts.repeats, parts.clock, principal=principal_of(request), keep=False)

    async def _run(self, request: Request) -> Response:
        media_type = media_type_for(request.headers.get("accept"))
        asked = _in_query(request) if request.method == "GET" else await _in_body(request)
        parts, state = request.app.state.parts, request.state
        await check_repeated(request, parts.repeats, parts.clock, state.principal)
        name = getattr(state, "request_name", None)
        caller = caller_of(request)
        context = Context(parts, state.principal, state.admission, caller, state.request_id, Loaders(parts, caller), request_name=name)
        return self._shown(await self._result(asked, context, request.method), media_type, state.request_id)

    async def _result(self, asked: Asked, context: Context, method: str) -> ExecutionResult:
        try:
            return await self._schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=BY_METHOD[method],
            )
        except CannotGetOperationTypeError as error:
            return _refused(FieldViolation("operationName", "the document has no operation with this name"), error)
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise Refused(METHOD_NOT_ALLOWED, "GET only asks: send a mutation by POST") from error
            return _refused(FieldViolation("query", "subscriptions go over a WebSocket at this address (graphql-transport-ws)"), error)

    def _shown(self, result: ExecutionResult, media_type: str, request_id: str) -> Response:
        errors = result.errors or []
        body: dict[str, object] = {}
        if errors:
            body["errors"] = [told(error, request_id, suggestions=self._schema.limits.introspection).formatted for error in errors]
        if not isinstance(result, PreExecutionError):
            body["data"] = result.data
        status = 200 if media_type != GRAPHQL or result.data is not None or not errors else problem_in(errors[0]).kind.status
        # What was asked may hold half characters; written as \\ud8xx they are JSON again.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
        return Response(content, status, media_type=f"{media_type}; charset=utf-8")


def _refused(violation: FieldViolation, cause: Exception) -> ExecutionResult:
    error = InvalidInput(violation)
    error.__cause__ = cause
    return PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])


def _in_query(request: Request) -> Asked:
    given = request.query_params.multi_items()
    if repeated_names := {name for name, _ in given if sum(name == other for other, _ in given) > 1}:
        raise InvalidInput(*(FieldViolation(name, "given more than once") for name in sorted(repeated_names)))
    texts = dict(given)
    fields: dict[str, object] = {**texts}
    for name in ("variables", "extensions"):
        if texts.get(name):
            fields[name] = _json(texts[name].encode(errors="surrogatepass"), name)
    return _asked(fields)


async def _in_body(request: Request) -> Asked:
    if request.query_params:
        raise InvalidInput(*(FieldViolation(name, NO_SUCH_FIELD) for name in dict.fromkeys(request.query_params)))
    _check_media_type(request.headers.get("content-type", ""))
    content = _json(await request.body(), "body")
    if isinstance(content, list):
        raise InvalidInput(FieldViolation("body", "an array: send each operation as a request of its own, or several fields in one"))
    if not isinstance(content, dict):
        raise InvalidInput(FieldViolation("body", "not a JSON object"))
    return _asked(content)


def _check_media_type(given: str) -> None:
    media_type, *parameters = (part.strip().lower() for part in given.split(";"))
    charset = next((text.removeprefix("charset=").strip('"') for text in parameters if text.startswith("charset=")), "utf-8")
    if media_type not in BODIES or charset not in ("utf-8", "utf8"):
        raise Refused(UNSUPPORTED_MEDIA_TYPE, f"the body is {given[:100] or 'of no type'}; send it as application/json in UTF-8")


def _json(text: bytes, field: str) -> object:
    try:
        content: object = json.loads(text.decode())
        json.dumps(content, ensure_ascii=False).encode()  # half characters can't be passed on
    except (ValueError, RecursionError) as error:
        raise InvalidInput(FieldViolation(field, "not JSON in UTF-8, or nested too deeply")) from error
    return content


def _asked(fields: Mapping[str, object]) -> Asked:
    violations = [FieldViolation(name, NO_SUCH_FIELD) for name in fields if name not in PARAMETERS]
    query, name = fields.get("query"), fields.get("operationName") or None
    variables, extensions = fields.get("variables") or {}, fields.get("extensions") or {}
    if not isinstance(query, str) or not query.strip():
        violations.append(FieldViolation("query", "needed: a document of GraphQL"))
    if not isinstance(name, str | None):
        violations.append(FieldViolation("operationName", "not a text"))
    violations += [
        FieldViolation(field, "not a JSON object")
        for field, value in (("variables", variables), ("extensions", extensions))
        if not isinstance(value, dict)
    ]
    if violations or not isinstance(query, str) or not isinstance(variables, dict) or not isinstance(name, str | None):
        raise InvalidInput(*violations)
    return Asked(query, variables, name)
