"""An address whose requests and answers have another form, by the rules of `mapping`."""

import json
from collections.abc import Awaitable, Callable

from fastapi import Request
from pydantic import JsonValue
from starlette.responses import Response

from quietzone_gateway.rest.mapping import Context, Rule, mapped, mapped_headers
from quietzone_gateway.rest.times import rfc3339
from quietzone_kit.errors import FieldViolation, InvalidInput

Handle = Callable[[Request], Awaitable[Response]]


async def with_mapping(request: Request, handle: Handle, rule: Rule, context: Context) -> Response:
    """What `handle` answers to the request as the rule makes it, as the rule makes that.

    Raises:
        InvalidInput: the body isn't JSON.
    """
    if rule.request is not None:
        body = mapped(rule.request.body, _json(await request.body()), context)
        request._body = json.dumps(body).encode()  # noqa: SLF001 - where Starlette keeps what it has read
    response = await handle(request)
    if rule.response is None or not response.headers.get("content-type", "").startswith("application/json"):
        return response
    shown: JsonValue = json.loads(bytes(response.body))
    headers = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
    content = json.dumps(mapped(rule.response.body, shown, context), ensure_ascii=False, separators=(",", ":"))
    return Response(content, response.status_code, headers | mapped_headers(rule.response, shown, context), media_type="application/json")


def context_of(request: Request, *, now_ms: int, request_id: str, user_id: str | None, left: int | None, source_ip: str | None) -> Context:
    """What `$context.` leads to."""
    return {
        "requestId": request_id,
        "requestTime": rfc3339(now_ms),
        "sourceIp": source_ip,
        "userAgent": request.headers.get("user-agent"),
        "authorizer.userId": user_id,
        "quota.left": left,
    }


def _json(body: bytes) -> JsonValue:
    try:
        found: JsonValue = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(FieldViolation("body", "not JSON in UTF-8, or nested too deeply")) from error
    return found
