"""The schema: all that can be asked, and what happens to a document before it is run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import strawberry
from graphql import ASTValidationRule, GraphQLError, GraphQLSchema, OperationDefinitionNode, specified_rules
from graphql.validation import NoSchemaIntrospectionCustomRule
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from quietzone_gateway.graphql.assets import AssetMutations, AssetQueries
from quietzone_gateway.graphql.background import OperationMutations, OperationQueries
from quietzone_gateway.graphql.bulk import BulkMutations
from quietzone_gateway.graphql.code_changes import CodeMutations
from quietzone_gateway.graphql.codes import CodeQueries
from quietzone_gateway.graphql.deliveries import DeliveryMutations, DeliveryQueries
from quietzone_gateway.graphql.devices import DeviceMutations, DeviceQueries
from quietzone_gateway.graphql.errors import note
from quietzone_gateway.graphql.events import EventMutations, EventQueries
from quietzone_gateway.graphql.exports import ExportMutations, ExportQueries
from quietzone_gateway.graphql.limits import PARSING, QueryRefused, check
from quietzone_gateway.graphql.live_types import Subscription
from quietzone_gateway.graphql.me import MeQueries
from quietzone_gateway.graphql.metrics import REFUSED
from quietzone_gateway.graphql.qr_analytics import QrAnalyticsQueries
from quietzone_gateway.graphql.rules import RuleMutations, RuleQueries
from quietzone_gateway.graphql.scalars import SCALARS
from quietzone_gateway.graphql.search import SearchQueries
from quietzone_gateway.graphql.settings import Limits
from quietzone_gateway.graphql.tasks import TaskMutations, TaskQueries
from quietzone_gateway.graphql.topics import TopicMutations, TopicQueries
from quietzone_gateway.graphql.usage import UsageQueries
from quietzone_gateway.graphql.webhooks import WebhookMutations, WebhookQueries

if TYPE_CHECKING:
    from strawberry.types.execution import ParseOptions


@strawberry.type
class NotificationQueries(EventQueries, RuleQueries, TopicQueries, WebhookQueries, DeliveryQueries, DeviceQueries):
    """Part of Query: what the notification service answers."""


@strawberry.type
class NotificationMutations(EventMutations, RuleMutations, TopicMutations, WebhookMutations, DeliveryMutations, DeviceMutations):
    """Part of Mutation."""


# What stands at the top may be null: a part that is away, or a change that is refused, leaves the others' results.
@strawberry.type(description="What can be asked")
class Query(
    CodeQueries,
    SearchQueries,
    QrAnalyticsQueries,
    ExportQueries,
    AssetQueries,
    OperationQueries,
    TaskQueries,
    NotificationQueries,
    MeQueries,
    UsageQueries,
):
    """Put together."""


@strawberry.type(description="What can be changed. Several are done one after the other; one that fails keeps no other from succeeding")
class Mutation(CodeMutations, BulkMutations, ExportMutations, AssetMutations, OperationMutations, TaskMutations, NotificationMutations):
    """Put together."""


class Schema(strawberry.Schema):
    """Strawberry's, with our limits, and our way to tell of errors."""

    def __init__(self, limits: Limits) -> None:
        guard = type("GuardOfSchema", (Guard,), {"limits": limits})
        super().__init__(
            query=Query, mutation=Mutation, subscription=Subscription, extensions=[guard], config=StrawberryConfig(scalar_map=SCALARS)
        )
        self.limits = limits

    @property
    def core(self) -> GraphQLSchema:
        """As graphql-core has it."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """In the place of Strawberry's own log, which would have all of them, and values of callers."""
        note(errors, execution_context.context.request_id if execution_context and execution_context.context else "")


class Guard(SchemaExtension):
    """Refuses documents before they are run: too large, malformed, too costly, not of the schema."""

    limits: Limits

    def on_operation(self) -> Iterator[None]:
        """Bound what is parsed."""
        # Strawberry's type knows one option, and passes on all.
        self.execution_context.parse_options = cast("ParseOptions", dict(PARSING))
        yield

    def on_validate(self) -> Iterator[None]:
        """Weigh the document; only one that passes is validated, which takes longer."""
        context = self.execution_context
        context.validation_rules = rules_of(self.limits)
        try:
            self._check(context)
        except QueryRefused as error:
            REFUSED.labels(error.limit).inc()
            context.pre_execution_errors = [GraphQLError(str(error))]
        yield

    def _check(self, context: ExecutionContext) -> None:
        document = context.graphql_document
        if document is None:
            return
        check(context.schema._schema, document, context.variables or {}, self.limits)  # noqa: SLF001 - Strawberry's own do too
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        if len(operations) > 1 and context._provided_operation_name is None:  # noqa: SLF001 - Strawberry would run the first
            raise QueryRefused("operations", "several operations: `operationName` says which one is meant")


def rules_of(limits: Limits) -> tuple[type[ASTValidationRule], ...]:
    """What documents are validated by, once they have passed the limits."""
    return specified_rules if limits.introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
