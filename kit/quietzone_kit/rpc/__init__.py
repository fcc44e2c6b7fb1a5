"""gRPC between parts: who calls, how long it may take, what went wrong, and whether the other side is there.

Server side: `Server` checks and wraps every call, and lets in only who holds the scope that the contract names; inside one, `caller()`
says for whom it is made, and raising an error of `quietzone_kit.errors` is how it fails. Client side: a `Peer` is one service that is
called, and `Peer.call` raises the same errors. A method that answers with a stream is an async generator there, and `Peer.stream` here.
"""

import os

from quietzone_kit.rpc._access import (
    ANALYTICS_READ,
    CODES_READ,
    CODES_WRITE,
    EXPORTS_READ,
    EXPORTS_WRITE,
    SERVICE_SCOPES,
    scope_of,
)
from quietzone_kit.rpc._callers import SCOPE_EDGE, SCOPE_OPERATOR, Caller, CallerKeys, caller
from quietzone_kit.rpc._client import Peer, PeerFailed
from quietzone_kit.rpc._deadlines import DEFAULT_DEADLINE_S, deadline, remaining
from quietzone_kit.rpc._server import MAX_STREAM_S, Server
from quietzone_kit.rpc._tls import Tls
from quietzone_kit.rpc._unknown_fields import refuse_unknown_fields
from quietzone_kit.rpc.settings import RpcSettings

# Our processes fork only to run other programs; gRPC's handlers of forks are for others, and say at each that they do nothing.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

__all__ = [
    "ANALYTICS_READ",
    "CODES_READ",
    "CODES_WRITE",
    "DEFAULT_DEADLINE_S",
    "EXPORTS_READ",
    "EXPORTS_WRITE",
    "MAX_STREAM_S",
    "SCOPE_EDGE",
    "SCOPE_OPERATOR",
    "SERVICE_SCOPES",
    "Caller",
    "CallerKeys",
    "Peer",
    "PeerFailed",
    "RpcSettings",
    "Server",
    "Tls",
    "caller",
    "deadline",
    "refuse_unknown_fields",
    "remaining",
    "scope_of",
]
