"""From the accounts of releases before 0.3, which were a key and nothing else, to those with members and any number of keys.

The key moves to the collection `keys`, which is another document's matter (`keys.use_cases.open_first_account`, and whoever finds it by
its old place). Until the contract step it stays here too, where an older release looks for it, and maybe changes it.
"""

from quietzone_gateway.identity.accounts.domain import FIRST_NAME, FIRST_PLAN
from quietzone_kit.documents import Body

OLD_FIELDS = ("key_id", "key_hash", "scopes")


def expand(body: Body) -> Body:
    """A body with the fields that this release reads; what it has stays."""
    return {"name": FIRST_NAME, "plan": FIRST_PLAN, "members": [], "invitations": [], "revision": 1, **body}


def contract(body: Body) -> Body:
    """A body without what only older releases read."""
    return {name: value for name, value in body.items() if name not in OLD_FIELDS}


def for_older(account_id: str, key_id: str | None = None, key_hash: str = "", *, operator: bool = False) -> Body:
    """What an older release needs to read an account; without a key of its own it has one that opens for nobody."""
    return {"key_id": key_id or f"-{account_id}", "key_hash": key_hash, "scopes": ["operator"] if operator else []}
