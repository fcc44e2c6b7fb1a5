"""The tail of a bus, as the API's description has it: it is answered by the live addresses' door, before a request reaches the API."""

from typing import Any

from quietzone_gateway.identity.domain import CODES_WRITE
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.operation_ids import OPERATION_IDS

TAIL = "/v1/events/tail"

ABOUT = """Watch a bus: every event from now on, as rules see it. Nothing is kept: who comes back has missed what came meanwhile.
Server-sent events: `ready`, then `event` with an event as JSON, `missed` with how many were dropped because they came faster than they
were read (`count`; null: unknown), `notice` of the operator, at the end `reconnect` with when to come back, or `bye`. Who may make rules
may watch."""

EXAMPLE = """retry: 2000
event: ready
data: {}

event: event
data: {"version": "0", "id": "o-17", "detail-type": "Order Paid", "source": "shop.till", "account": "main", \
"time": "2026-11-21T12:00:00.000Z", "resources": [], "detail": {"order": "o-17", "total": 18.5}}

event: missed
data: {"count": 12}

event: reconnect
data: {"reason": "age", "after_ms": 1200}

"""

DESCRIBED: dict[str, Any] = {
    "get": {
        "tags": ["events"],
        "summary": "Tail Events",
        "description": ABOUT,
        "operationId": OPERATION_IDS[f"GET {TAIL}"],
        "parameters": [
            {
                "name": "bus",
                "in": "query",
                "required": False,
                "schema": {"type": "string", "description": "The bus", "default": "default", "title": "Bus"},
                "description": "The bus",
            },
            {
                "name": "pattern",
                "in": "query",
                "required": False,
                "schema": {
                    "type": "string",
                    "maxLength": 4096,
                    "description": "Only events that match this pattern, as a rule has it",
                    "title": "Pattern",
                },
                "description": "Only events that match this pattern, as a rule has it",
            },
        ],
        "responses": {
            "200": {
                "description": "Server-sent events, until one side ends it",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
            },
            **{str(status): response for status, response in problems(400, 401, 403, 404).items()},
        },
        "security": [{"HTTPBearer": []}, {"APIKeyHeader": []}],
        **scoped(CODES_WRITE),
    }
}
"""What FastAPI would say of it, by method."""
