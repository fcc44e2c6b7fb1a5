"""Changes of codes."""

from typing import Annotated

import strawberry

from quietzone_gateway.graphql.code_types import Code
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import mutation
from quietzone_gateway.graphql.scalars import Count
from quietzone_gateway.issuing import issue
from quietzone_gateway.rest.code_shapes import CodeChange as CheckedChange
from quietzone_gateway.rest.code_shapes import NewCode as CheckedCode
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rpc import CodeState
from quietzone_kit.errors import FieldViolation, InvalidInput

Expected = Annotated[Count | None, strawberry.argument(description="Refuse it unless it has this revision")]
Reason = Annotated[str, strawberry.argument(description="For the log of what operators do")]


@strawberry.input(description="A code to create")
class NewCode:
    """As `NewCode` of REST, which checks it."""

    destination: str = strawberry.field(description="Where scans lead: an http or https URL of at most 2,048 bytes, not on the scan host")
    title: str = strawberry.field(default="", description="For people, at most 200 characters")
    slug: str | None = strawberry.field(
        default=None, description="The end of the scan URL, never to be changed: 3 to 64 of 0-9 A-Z a-z _ -; drawn at random when absent"
    )
    tags: list[str] = strawberry.field(
        default_factory=list, description="At most 20 of 1 to 50 characters; kept in lower case, in order, and once"
    )
    folder: str = strawberry.field(default="", description="Where it is kept; slashes cut it into parts")


@strawberry.input(description="What to change; what is absent stays, null isn't a value. What is printed always stays")
class CodeChange:
    """As `CodeChange` of REST, which checks it."""

    destination: str | None = strawberry.field(default=strawberry.UNSET, description="Where scans lead from now on")
    title: str | None = strawberry.UNSET
    state: CodeState | None = strawberry.field(default=strawberry.UNSET, description="ACTIVE or PAUSED")
    tags: list[str] | None = strawberry.field(default=strawberry.UNSET, description="In the place of those that it has")
    folder: str | None = strawberry.field(default=strawberry.UNSET, description="Empty: in none")


@strawberry.type
class CodeMutations:
    """Part of Mutation."""

    @mutation(description="Issue a code. Its symbol was read back by two decoders before this answers")
    async def create_code(self, info: Info, input: NewCode) -> Code | None:  # noqa: A002 - as callers know it
        """As REST's."""
        context = info.context
        new = checked(CheckedCode, vars(input)).asked(request_id=context.name_of(*info.path.as_list()))
        with names_of_graphql():
            return Code.of(await issue(context.parts.codes, context.parts.plans, context.admission, context.caller, new))

    @mutation(description="Change where a code leads, or what is kept about it; scans follow within a second")
    async def update_code(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - as callers know it
        input: CodeChange,  # noqa: A002 - as callers know it
        expected_revision: Expected = None,
    ) -> Code | None:
        """As REST's."""
        given = {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
        edit = checked(CheckedChange, given).asked(expected_revision=expected_revision)
        with names_of_graphql():
            return Code.of(await info.context.parts.codes.change(info.context.caller, known_id(id), edit))

    @mutation(description="Delete a code for good: scans get 410, its slug is never given out again. Answers with its id")
    async def delete_code(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - as callers know it
        expected_revision: Expected = None,
    ) -> strawberry.ID | None:
        """As REST's."""
        await info.context.parts.codes.delete(info.context.caller, known_id(id), expected_revision=expected_revision)
        return id

    @mutation(description="Have scans of any account's code answered with 451; for operators. Either `id` or `slug` names it")
    async def block_code(
        self,
        info: Info,
        reason: Reason,
        id: strawberry.ID | None = None,  # noqa: A002 - as callers know it
        slug: str | None = None,
    ) -> Code | None:
        """The service lets in operators only."""
        code_id = _named(id, slug)
        with names_of_graphql():
            return Code.of(await info.context.parts.codes.block(info.context.caller, code_id=code_id, slug=slug, reason=reason))

    @mutation(description="Give a blocked code back the state that it had; for operators. Either `id` or `slug` names it")
    async def unblock_code(
        self,
        info: Info,
        reason: Reason,
        id: strawberry.ID | None = None,  # noqa: A002 - as callers know it
        slug: str | None = None,
    ) -> Code | None:
        """The service lets in operators only."""
        code_id = _named(id, slug)
        with names_of_graphql():
            return Code.of(await info.context.parts.codes.unblock(info.context.caller, code_id=code_id, slug=slug, reason=reason))


def _named(code_id: str | None, slug: str | None) -> str | None:
    if (code_id is None) == (slug is None):
        raise InvalidInput(FieldViolation("id", "give either `id` or `slug`"))
    return None if code_id is None else known_id(code_id)
