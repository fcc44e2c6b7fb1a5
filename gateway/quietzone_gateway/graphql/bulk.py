"""Many codes in one mutation, each on its own."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from quietzone_gateway.graphql.code_types import Code
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, code_of, names_of_graphql
from quietzone_gateway.graphql.fields import mutation
from quietzone_gateway.issuing import issue_many
from quietzone_gateway.plans import MethodClass
from quietzone_gateway.rest.code_shapes import NewCode
from quietzone_gateway.rest.problems import internal, problem_of
from quietzone_gateway.rpc import MAX_BATCH
from quietzone_gateway.rpc import Code as KnownCode
from quietzone_gateway.rpc import NewCode as NewCodeAsked
from quietzone_kit.errors import FieldViolation, InvalidInput, QuietzoneError

CREATED = 201


@strawberry.type(description="A field that is wrong")
class FieldError:
    """As in `extensions.errors`."""

    field: str
    reason: str


@strawberry.type(description="Why something failed; the same as in the `extensions` of an error")
class Problem:
    """A problem."""

    code: str
    status: int
    title: str
    detail: str
    errors: list[FieldError] = strawberry.field(description="Each field that is wrong")

    @classmethod
    def of(cls, error: QuietzoneError) -> "Problem":
        """The error as it is shown."""
        problem = problem_of(error) or internal()
        return cls(
            code=code_of(problem),
            status=problem.kind.status,
            title=problem.kind.title,
            detail=problem.detail,
            errors=[FieldError(field=violation.field, reason=violation.reason) for violation in problem.errors],
        )


@strawberry.type(description="What became of one code of many")
class BulkResult:
    """A result."""

    row: int = strawberry.field(description="Its number, from 1 on")
    status: int = strawberry.field(description="As of a request for it alone: 201 when it was created")
    code: Code | None = strawberry.field(description="null when it wasn't created")
    problem: Problem | None = strawberry.field(description="Why it wasn't; null when it was")


@strawberry.type
class BulkMutations:
    """Part of Mutation."""

    @mutation(
        name="bulkCreateQRCodes",
        description=f"Create up to {MAX_BATCH} codes, each on its own; /v1/codes/bulk takes 10,000",
        method_class=MethodClass.BULK,
    )
    async def bulk_create(
        self,
        info: Info,
        qr_data: Annotated[JSON, strawberry.argument(description="An array of codes with the fields of `NewCode`")],
    ) -> list[BulkResult] | None:
        """A result for each, in order."""
        rows = [_row(each, info.context.name_of(*info.path.as_list(), number)) for number, each in enumerate(_array(qr_data), 1)]
        new = [row for row in rows if isinstance(row, NewCodeAsked)]
        context = info.context
        made = iter(await issue_many(context.parts.codes, context.parts.plans, context.admission, context.caller, new))
        outcomes = [next(made) if isinstance(row, NewCodeAsked) else row for row in rows]
        return [_result(number, outcome) for number, outcome in enumerate(outcomes, 1)]


def _array(given: object) -> list[object]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_BATCH:
        raise InvalidInput(FieldViolation("qrData", f"give an array of 1 to {MAX_BATCH} codes"))
    return given


def _row(given: object, request_id: str | None) -> NewCodeAsked | InvalidInput:
    if not isinstance(given, dict):
        return InvalidInput(FieldViolation("row", "not a JSON object"))
    try:
        return checked(NewCode.model_validate, {"obj": given}).asked(request_id=request_id)
    except InvalidInput as error:
        return error


def _result(number: int, outcome: KnownCode | QuietzoneError) -> BulkResult:
    if isinstance(outcome, KnownCode):
        return BulkResult(row=number, status=CREATED, code=Code.of(outcome), problem=None)
    problem = Problem.of(_in_our_words(outcome))
    return BulkResult(row=number, status=problem.status, code=None, problem=problem)


def _in_our_words(error: QuietzoneError) -> QuietzoneError:
    try:
        with names_of_graphql():
            raise error
    except QuietzoneError as named:
        return named
