"""The API's description (OpenAPI 3.1): what FastAPI makes of the code, with our problems in place of its errors."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from quietzone_gateway.rest.problems import (
    ALL_KINDS,
    BODY_TOO_LARGE,
    INTERNAL,
    KINDS,
    MEDIA_TYPE,
    UNSUPPORTED_MEDIA_TYPE,
    Kind,
)

Responses = dict[int | str, dict[str, Any]]

_BY_STATUS = {kind.status: kind for kind in (*KINDS.values(), BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INTERNAL)}

ALWAYS = frozenset({429, 500, 503, 504})
"""A plan's limits, a fault of ours, and services that are away or late: any operation can end in these."""

NOT_MODIFIED: Responses = {304: {"description": "What If-None-Match names is still current; no body"}}
IMAGE: Responses = {
    200: {
        "description": "The file",
        "content": {
            "image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}},
            "image/svg+xml": {"schema": {"type": "string", "contentMediaType": "image/svg+xml"}},
        },
    }
}

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

EXPORT_FILE: Responses = {
    200: {
        "description": "The file; `Repr-Digest` has its SHA-256",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
            **{
                name: {"schema": {"type": "string", "contentMediaType": name}}
                for name in ("application/vnd.apache.parquet", XLSX, "application/pdf")
            },
        },
    }
}

BULK_ROWS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One JSON object a line: `op` is `create` (also when it is absent; fields of a new code), `update` (`id`, fields to "
        "change, `revision`) or `delete` (`id`, `revision`). At most 10,000 rows and 16 MiB.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"destination": "https://example.com/menu", "tags": ["menu"]}\n'
                '{"op": "update", "id": "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d", "state": "paused"}\n',
            }
        },
    }
}
BULK_RESULTS: Responses = {
    200: {
        "description": "A line for each row, in order: `row`, `status`, `code` or `problem`; then one with `rows`, `succeeded`, `failed`",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}

PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "A problem (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Which kind; leads to a page that says what to do"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong this time"},
        "instance": {"type": "string", "format": "uri-reference", "description": "The address that was asked"},
        "request_id": {"type": "string", "description": "Names this request in our logs; X-Request-Id has it too"},
        "retryAfter": {
            "type": "integer",
            "description": "Seconds until it is worth trying again, as in Retry-After; absent where waiting alone doesn't help",
        },
        "errors": {
            "type": "array",
            "description": "Each field that is wrong",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}

ABOUT = """Dynamic QR codes: print once, change the destination at any time, know exactly how often each code was scanned.

Every error is a problem (RFC 9457). Unknown fields are refused. Times are RFC 3339. A body has at most 64 KiB, where nothing else is said.

`RateLimit-Policy` and `RateLimit` say which limits the account's plan has and how much of each is left; `X-RateLimit-*` say it of the one
that ends first. Beyond a limit the answer is 429, with the seconds to wait in `Retry-After`; where waiting doesn't help, as
with room for files, there is none."""


def problems(*statuses: int) -> Responses:
    """The problems that an operation can end in, with those of ALWAYS."""
    return {status: _response(_BY_STATUS[status]) for status in sorted({*statuses, *ALWAYS})}


def scoped(*scopes: str) -> dict[str, Any]:
    """The scopes that an operation needs because services ask for them; those that the gateway asks for, `route.Needs` describes."""
    return {"x-scope": " ".join(scopes)}


def describer(app: FastAPI, before: Mapping[str, dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is replaced by: made at the first request, then kept.

    `before` are the operations by method of addresses that are answered before a request reaches FastAPI.
    """

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, before)
        return app.openapi_schema

    return describe


def _describe(app: FastAPI, before: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes, tags=app.openapi_tags)
    found["paths"] |= copy.deepcopy(dict(before))
    for operations in found["paths"].values():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
            operation["responses"] = dict(sorted(operation["responses"].items()))
    schemas = found["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = PROBLEM_SCHEMA
    found["components"]["responses"] = _shared_problems(found["paths"])
    return found


def _shared_problems(paths: dict[str, Any]) -> dict[str, Any]:
    """The problems by kind, to which the operations refer from now on: each stands in the description once, not some sixty times."""
    shared: dict[str, Any] = {}
    for responses in (operation["responses"] for operations in paths.values() for operation in operations.values()):
        for status, response in responses.items():
            if (problem := response.get("content", {}).get(MEDIA_TYPE)) is not None:
                name = problem["example"]["type"].rpartition("/")[2]
                shared[name] = response
                responses[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _response(kind: Kind) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.advice,
        "instance": "/v1/codes",
        "request_id": "01936b2e-7c1a-7e3f-9d55-0a4f6f1c2b3d",
    }
    if kind is ALL_KINDS["invalid-argument"]:
        example["errors"] = [{"field": "destination", "reason": "needed"}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    title = kind.title if kind.title.endswith("?") else f"{kind.title}."
    return {"description": f"{title} {kind.advice}", "content": content}
