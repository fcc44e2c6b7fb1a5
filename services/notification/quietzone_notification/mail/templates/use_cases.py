"""What can be asked of templates."""

from dataclasses import replace

from quietzone_kit.documents import VersionConflict
from quietzone_kit.errors import (
    FieldViolation,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    RevisionMismatch,
    Unavailable,
    Violations,
)
from quietzone_kit.mail import MAX_SUBJECT, header_text
from quietzone_kit.runtime import Clock
from quietzone_notification.mail.brands.repository import Brands
from quietzone_notification.mail.letters import InvalidLetter, read_data
from quietzone_notification.mail.templates.domain import (
    MAX_TEMPLATES,
    NOT_OURS,
    NotRendered,
    Rendered,
    Source,
    Template,
    check_name,
    house,
    problems,
    render,
)
from quietzone_notification.mail.templates.repository import TemplateExists, Templates
from quietzone_notification.slots import free_slot

ATTEMPTS = 5  # people don't write templates against each other: a fifth meeting means that something else is going on
EXAMPLE_URL = "https://example.com/unsubscribe"
"""In a test rendering: a real one would unsubscribe somebody."""


class TemplateDesk:
    """Keeps templates, and tries them."""

    def __init__(self, templates: Templates, brands: Brands, clock: Clock) -> None:
        self._templates = templates
        self._brands = brands
        self._clock = clock

    async def listed(self, account_id: str) -> list[Template]:
        """All templates of an account by name."""
        return await self._templates.all_of(account_id)

    async def get(self, account_id: str, name: str) -> Template:
        """The account's template, else the house's of that name, with revision 0; raises NotFound."""
        held = await self._templates.get(account_id, name)
        if held is not None:
            return held.template
        source = None if name in NOT_OURS else house(name)
        if source is None:
            raise NotFound(f"no template {name!r:.70}")
        return Template(account_id, name, source, created_ms=0, changed_ms=0, slot=0, revision=0)

    async def put(self, account_id: str, name: str, source: Source, *, expected: int | None = None) -> Template:
        """Make a template, or change the one that is there.

        Raises:
            InvalidInput: names the place, its line and what is wrong.
            RevisionMismatch: `expected` is given and the template has another revision (0: there is one).
            ResourceExhausted: the account has as many as it may.
        """
        violations = Violations()
        with violations.field("template.name"):
            check_name(name)
        for place, reason in problems(source).items():
            violations.add(f"template.{place}", reason)
        violations.check()
        for _ in range(ATTEMPTS):
            held = await self._templates.get(account_id, name)
            revision = 0 if held is None else held.template.revision
            if expected not in (None, revision):
                raise RevisionMismatch(f"the template has revision {revision}, not {expected}: read it again")
            try:
                if held is None:
                    return await self._insert(account_id, name, source)
                if held.template.source == source:
                    return held.template
                after = replace(held.template, source=source, changed_ms=self._clock.now_ms(), revision=revision + 1)
                await self._templates.replace(held, after)
            except (TemplateExists, VersionConflict):
                continue
            return after
        raise Unavailable("the account's templates change all the time: try again")

    async def delete(self, account_id: str, name: str) -> None:
        """Take a template away; raises NotFound."""
        for _ in range(ATTEMPTS):
            held = await self._templates.get(account_id, name)
            if held is None:
                raise NotFound(f"no template {name!r:.70} of the account's own")
            try:
                await self._templates.delete(held)
            except VersionConflict:
                continue
            return
        raise Unavailable("the template changes all the time: try again")

    async def rendered(self, account_id: str, source: Source | str, data: str) -> Rendered:
        """What a mail would be: of texts, or of the template with this name.

        Raises:
            InvalidInput: names the place, its line and what is wrong; or the data.
            NotFound: no such template.
        """
        prefix = "draft." if isinstance(source, Source) else ""
        texts = source if isinstance(source, Source) else (await self.get(account_id, source)).source
        violations = Violations()
        for place, reason in problems(texts).items():
            violations.add(f"{prefix}{place}", reason)
        violations.check()
        try:
            values = read_data(data or "{}")
        except InvalidLetter as error:
            raise InvalidInput(FieldViolation("data", str(error))) from error
        brand = (await self._brands.get(account_id)).brand
        try:
            made = render(texts, values, brand, unsubscribe_url=EXAMPLE_URL)
        except NotRendered as error:
            raise InvalidInput(FieldViolation(f"{prefix}{error.place}", error.reason)) from error
        return replace(made, subject=header_text(made.subject, MAX_SUBJECT))

    async def _insert(self, account_id: str, name: str, source: Source) -> Template:
        slot = free_slot(await self._templates.slots(account_id), MAX_TEMPLATES)
        if slot is None:
            raise ResourceExhausted(f"an account has at most {MAX_TEMPLATES} templates of its own: take one away first")
        now_ms = self._clock.now_ms()
        made = Template(account_id, name, source, now_ms, now_ms, slot)
        await self._templates.insert(made)
        return made
