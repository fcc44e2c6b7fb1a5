"""What callers want of codes: unchecked, and checked, with all that is wrong said at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quietzone_kit.errors import Violations
from quietzone_kit.ids import derived_id
from quietzone_qr.codes.domain import AccountId, Change, CodeId, Draft, ScanBase, State, parse_destination, parse_slug
from quietzone_qr.codes.texts import parse_folder, parse_tags, parse_title

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")


@dataclass(frozen=True, slots=True)
class NewCode:
    """What somebody wants a code to be, unchecked; `slug` None means: draw one. One code is made for one `request_id` of an account."""

    destination: str
    title: str
    slug: str | None
    tags: Sequence[str] = ()
    folder: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants to be different about a code, unchecked; None leaves as it is."""

    destination: str | None = None
    title: str | None = None
    state: State | None = None
    tags: Sequence[str] | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A code of any account, by its id or by its slug: one of them is given."""

    code_id: str = ""
    slug: str = ""


def drafted(new: NewCode, scan: ScanBase, account_id: AccountId, new_id: Callable[[], str]) -> Draft:
    """What somebody wants, checked.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    violations = Violations()
    with violations.field("destination"):
        destination = parse_destination(new.destination, scan)
    with violations.field("title"):
        title = parse_title(new.title)
    with violations.field("slug"):
        chosen = None if new.slug is None else parse_slug(new.slug)
    with violations.field("tags"):
        tags = parse_tags(new.tags)
    with violations.field("folder"):
        folder = parse_folder(new.folder)
    if new.request_id is not None and not _REQUEST_ID.fullmatch(new.request_id):
        violations.add("request_id", "use 1 to 64 characters of 0-9 A-Z a-z . _ -")
    violations.check()
    code_id = CodeId(new_id() if new.request_id is None else derived_id("code", account_id, new.request_id))
    return Draft(code_id, account_id, chosen, destination, title, tags, folder)


def checked(edit: Edit, scan: ScanBase) -> Change:
    """What somebody wants to be different, checked.

    Raises:
        InvalidInput: names each field that is wrong.
    """
    violations = Violations()
    with violations.field("destination"):
        destination = None if edit.destination is None else parse_destination(edit.destination, scan)
    with violations.field("title"):
        title = None if edit.title is None else parse_title(edit.title)
    with violations.field("tags"):
        tags = None if edit.tags is None else parse_tags(edit.tags)
    with violations.field("folder"):
        folder = None if edit.folder is None else parse_folder(edit.folder)
    if edit.state is State.DELETED:
        violations.add("state", "use ACTIVE or PAUSED; DeleteCode deletes")
    if edit == Edit():
        violations.add("destination", "nothing is to be changed; set destination, title, state, tags or folder")
    violations.check()
    return Change(destination, title, edit.state, tags, folder)
