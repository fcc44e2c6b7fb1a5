"""What a caller must hold: the scope that the contract of each method names (`quietzone/access/v1/access.proto`)."""

from google.protobuf.descriptor_pool import Default

from quietzone.access.v1 import access_pb2
from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.rpc._callers import Caller

CODES_READ, CODES_WRITE = "codes:read", "codes:write"
ANALYTICS_READ = "analytics:read"
EXPORTS_READ, EXPORTS_WRITE = "exports:read", "exports:write"

SERVICE_SCOPES = frozenset({CODES_READ, CODES_WRITE, ANALYTICS_READ, EXPORTS_READ, EXPORTS_WRITE})
"""What an account can give to its members and keys, and services ask for."""


def scope_of(method: str) -> str:
    """The scope that `method`, such as `quietzone.qr.v1.CodeService/GetCode`, asks for.

    Raises:
        LookupError: there is no such method, or its contract names none: nobody may call it.
    """
    options = Default().FindMethodByName(method.replace("/", ".")).GetOptions()
    if not options.HasExtension(access_pb2.scope):
        raise LookupError(f"{method}: its contract names no scope; give it the option (quietzone.access.v1.scope)")
    return str(options.Extensions[access_pb2.scope])


def check(caller: Caller | None, scope: str) -> None:
    """Let the caller in.

    Raises:
        Unauthenticated: nobody is known to be calling.
        PermissionDenied: it hasn't the scope.
    """
    if caller is None:
        raise Unauthenticated("this call needs a signed caller in its metadata")
    if scope not in caller.scopes:
        raise PermissionDenied(f"this needs the scope {scope!r}")
