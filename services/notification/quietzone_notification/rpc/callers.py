"""For whom a call is made."""

from quietzone_kit.errors import PermissionDenied
from quietzone_kit.rpc import caller


def account() -> str:
    """The account that the current call is made for.

    Raises:
        Unauthenticated: nobody is known to be calling.
        PermissionDenied: a service is, for itself.
    """
    account_id = caller().account_id
    if not account_id:
        raise PermissionDenied("events, rules and topics belong to accounts: this call must be made for one")
    return account_id
