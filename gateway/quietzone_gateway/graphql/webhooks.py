"""Webhooks: the account's endpoints, and their secrets."""

import strawberry

from quietzone_gateway.graphql.code_changes import Expected
from quietzone_gateway.graphql.context import Info
from quietzone_gateway.graphql.deliveries import Delivery
from quietzone_gateway.graphql.errors import checked, names_of_graphql
from quietzone_gateway.graphql.fields import field, mutation
from quietzone_gateway.graphql.scalars import DateTime
from quietzone_gateway.rest.route import known_id
from quietzone_gateway.rest.webhooks import NewWebhookInput, SecretRotationInput, WebhookChangeInput
from quietzone_gateway.rpc.notification import DisabledReason, OpenedWebhook, WebhookState
from quietzone_gateway.rpc.notification import Webhook as KnownWebhook
from quietzone_kit.errors import NotFound

strawberry.enum(WebhookState, description="DISABLED: what is for it is dropped")
strawberry.enum(DisabledReason, description="OWNER: somebody of the account; GONE: it answered 410; FAILED: for 5 days")

_HEADERS = "At most ten: `Authorization`, `Api-Key`, or names that begin with `X-`; values are never shown"


@strawberry.type(description="Where an account's webhooks go")
class Webhook:
    """An endpoint."""

    id: strawberry.ID
    url: str
    description: str
    header_names: list[str] = strawberry.field(description="Of headers of its own")
    state: WebhookState
    reason: DisabledReason | None = strawberry.field(description="Why it is disabled")
    disabled_at: DateTime | None
    failing_since: DateTime | None = strawberry.field(description="When the first of its latest failures was; null after a success")
    revision: int
    created_at: DateTime
    updated_at: DateTime

    @classmethod
    def of(cls, webhook: KnownWebhook) -> "Webhook":
        """As it is shown."""
        return cls(
            id=strawberry.ID(webhook.id),
            url=webhook.url,
            description=webhook.description,
            header_names=list(webhook.header_names),
            state=webhook.state,
            reason=webhook.reason,
            disabled_at=None if webhook.disabled_at_ms is None else DateTime(webhook.disabled_at_ms),
            failing_since=None if webhook.failing_since_ms is None else DateTime(webhook.failing_since_ms),
            revision=webhook.revision,
            created_at=DateTime(webhook.created_at_ms),
            updated_at=DateTime(webhook.updated_at_ms),
        )


@strawberry.type(description="An endpoint with its secret: this answer is the only one that has it")
class WebhookWithSecret:
    """An endpoint, opened."""

    webhook: Webhook
    secret: str = strawberry.field(description="What verifies its webhooks, by Standard Webhooks")

    @classmethod
    def of(cls, opened: OpenedWebhook) -> "WebhookWithSecret":
        """As it is shown once."""
        return cls(webhook=Webhook.of(opened.webhook), secret=opened.secret)


@strawberry.input(description="A header that webhooks have")
class WebhookHeaderInput:
    """One of `headers` of REST."""

    name: str
    value: str


@strawberry.input(description="An endpoint to make")
class NewWebhook:
    """As `NewWebhookInput` of REST, which checks it."""

    url: str
    description: str = ""
    headers: list[WebhookHeaderInput] = strawberry.field(default_factory=list, description=_HEADERS)
    secret: str | None = strawberry.field(default=None, description="Yours: `whsec_` and 24 to 64 bytes in base64; null: one is drawn")

    def given(self) -> dict[str, object]:
        """As REST has it."""
        return {**vars(self), "headers": {each.name: each.value for each in self.headers}}


@strawberry.input(description="What to change; what is absent stays, null isn't a value")
class WebhookChange:
    """As `WebhookChangeInput` of REST, which checks it."""

    url: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    headers: list[WebhookHeaderInput] | None = strawberry.field(
        default=strawberry.UNSET, description=f"In the place of those that it has. {_HEADERS}"
    )
    state: WebhookState | None = strawberry.UNSET

    def given(self) -> dict[str, object]:
        """As REST has it."""
        given = {name: value for name, value in vars(self).items() if value is not strawberry.UNSET}
        return given | ({"headers": {each.name: each.value for each in self.headers}} if isinstance(self.headers, list) else {})


@strawberry.type
class WebhookQueries:
    """Part of Query."""

    @field(description="The account's endpoints, oldest first; at most 100")
    async def webhooks(self, info: Info) -> list[Webhook] | None:
        """All of them."""
        return list(map(Webhook.of, await info.context.parts.notification.webhooks.all(info.context.caller)))

    @field(description="One endpoint; null when this account has none with this id")
    async def webhook(self, info: Info, id: strawberry.ID) -> Webhook | None:  # noqa: A002 - as callers know it
        """Without its secret."""
        try:
            return Webhook.of(await info.context.parts.notification.webhooks.get(info.context.caller, _known(id)))
        except NotFound:
            return None


@strawberry.type
class WebhookMutations:
    """Part of Mutation."""

    @mutation(description="Make an endpoint. No Idempotency-Key keeps it from being made twice: its answer, with the secret, isn't kept")
    async def create_webhook(self, info: Info, input: NewWebhook) -> WebhookWithSecret | None:  # noqa: A002 - as callers know it
        """As REST's."""
        new = checked(NewWebhookInput, input.given()).asked()
        with names_of_graphql():
            return WebhookWithSecret.of(await info.context.parts.notification.webhooks.create(info.context.caller, new))

    @mutation(description="Change an endpoint; it holds everywhere within 5 seconds")
    async def change_webhook(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - as callers know it
        input: WebhookChange,  # noqa: A002 - as callers know it
        expected_revision: Expected = None,
    ) -> Webhook | None:
        """As REST's."""
        edit = checked(WebhookChangeInput, input.given()).asked(expected_revision=expected_revision)
        with names_of_graphql():
            return Webhook.of(await info.context.parts.notification.webhooks.change(info.context.caller, _known(id), edit))

    @mutation(description="Give an endpoint another secret, which only this answer has; those before it sign too for `overlapS` seconds")
    async def rotate_webhook_secret(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - as callers know it
        secret: str | None = None,
        overlap_s: int = 86_400,
    ) -> WebhookWithSecret | None:
        """As REST's."""
        given, context = checked(SecretRotationInput, {"secret": secret, "overlap_s": overlap_s}), info.context
        with names_of_graphql():
            opened = await context.parts.notification.webhooks.rotate(
                context.caller, _known(id), secret=given.secret, overlap_ms=given.overlap_s * 1000
            )
        return WebhookWithSecret.of(opened)

    @mutation(description="Take an endpoint away, what waits for it is dropped; answers with its id")
    async def delete_webhook(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:  # noqa: A002 - as callers know it
        """As REST's."""
        await info.context.parts.notification.webhooks.delete(info.context.caller, _known(id))
        return id

    @mutation(description="Send a signed test event, once: ask for the delivery for what became of it")
    async def test_webhook(self, info: Info, id: strawberry.ID) -> Delivery | None:  # noqa: A002 - as callers know it
        """As REST's."""
        return Delivery.of(await info.context.parts.notification.webhooks.test(info.context.caller, _known(id)))


def _known(webhook_id: str) -> str:
    return known_id(webhook_id, "webhook endpoint")
