"""Generated requests, right and wrong ones, to every address of the API: no answer is a 5xx, and each is as the description says."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REQUEST_S = 20.0


@schemathesis.serializer("application/x-ndjson")
def rows(_context: object, value: object) -> bytes:
    """A text as it is, anything else as a row."""
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode()


@dataclass
class Outcome:
    """What came of it: requests by address, answers by status, and what was wrong with some."""

    sent: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def fuzz(api_url: str, key: str, *, cases: int, seed_of_chance: int = 1, without: Iterable[str] = ()) -> Outcome:
    """Send `cases` requests or a few more, the same number to each address; `without` are addresses such as `GET /v1/reconcile`."""
    config = schemathesis.Config.from_dict({"headers": {"Authorization": f"Bearer {key}"}, "generation": {"deterministic": True}})
    schema = schemathesis.openapi.from_url(f"{api_url}/openapi.json", config=config)
    operations = [found for found in _operations(schema) if found.label not in set(without)]
    outcome, began = Outcome(), time.monotonic()
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(operation, mode, -(-cases // (2 * len(operations))), outcome, seed_of_chance)
    outcome.seconds = time.monotonic() - began
    return outcome


def _operations(schema: BaseSchema) -> list[APIOperation]:
    return [result.ok() for result in schema.get_all_operations()]


def _try(operation: APIOperation, mode: GenerationMode, cases: int, outcome: Outcome, chance: int) -> None:
    """An address that fails once is done with: what is found then is the same fault again."""

    @seed(chance)
    @settings(
        max_examples=cases,
        deadline=timedelta(seconds=REQUEST_S),
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        response = case.call(timeout=REQUEST_S)
        outcome.sent[operation.label] += 1
        outcome.statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    try:
        send()
    except Unsatisfiable:
        return  # it takes nothing that could be wrong
    except FailureGroup as failures:
        outcome.wrong += [f"{operation.label}: {failure}" for failure in failures.exceptions]
