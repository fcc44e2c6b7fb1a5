"""Where accounts' templates are kept: one document each."""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored, Value
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.templates.domain import MAX_TEMPLATES, Template, is_name
from quietzone_notification.slots import taken_slots

TEMPLATES = Collection(
    "mail_templates",
    key="template_id",
    indexes=(
        Index("by_name", ("account_id", "name"), unique=True),
        Index("by_slot", ("account_id", "slot"), unique=True),  # the store itself refuses one more than there may be
    ),
)
COLLECTIONS = (TEMPLATES,)


class TemplateExists(Exception):
    """A template has this name, or this slot: look again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A template as it was read, with what the store needs to replace it."""

    template: Template
    stored: Stored


class Templates:
    """Templates of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str, name: str) -> Held | None:
        """A template of this account, by key; None when there is none."""
        if not is_name(name):
            return None
        async with store_answers():
            stored = await self._documents.get(TEMPLATES, _key(account_id, name))
        return None if stored is None or stored.body["account_id"] != account_id else _held(stored)

    async def all_of(self, account_id: str) -> list[Template]:
        """All templates of an account by name (index `by_name`): they are bounded."""
        async with store_answers():
            page = await self._documents.query(TEMPLATES, Query("by_name", (account_id,), limit=MAX_TEMPLATES))
        return [held.template for held in readable(TEMPLATES, page.items, _held)]

    async def slots(self, account_id: str) -> set[int]:
        """The slots that an account's templates have (index `by_slot`)."""
        return await taken_slots(self._documents, TEMPLATES, account_id, most=MAX_TEMPLATES)

    async def insert(self, template: Template) -> None:
        """Add a template; raises TemplateExists."""
        try:
            async with store_answers():
                await self._documents.insert(TEMPLATES, _body(template))
        except DuplicateKey as error:
            raise TemplateExists(str(error)) from error

    async def replace(self, held: Held, after: Template) -> None:
        """Put `after` in its place; raises VersionConflict."""
        body = Unknown.of(held.stored.body, _body(held.template)).beside(_body(after))
        async with store_answers():
            await self._documents.replace(TEMPLATES, body, if_version=held.stored.version)

    async def delete(self, held: Held) -> None:
        """Take it away; raises VersionConflict."""
        async with store_answers():
            await self._documents.delete(TEMPLATES, _key(held.template.account_id, held.template.name), if_version=held.stored.version)


def _held(stored: Stored) -> Held:
    """The template in a document; msgspec.ValidationError names the field that was damaged."""
    return Held(msgspec.convert(stored.body, Template), stored)


def _key(account_id: str, name: str) -> str:
    return f"{account_id}/{name}"


def _body(template: Template) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(template)
    return {"template_id": _key(template.account_id, template.name), **body}
