"""SNS's subscription filter policies: which of a topic's messages a subscriber gets. Pure."""

from quietzone_notification.filters._attributes import Attribute
from quietzone_notification.filters._policy import (
    MAX_COMBINATIONS,
    MAX_KEYS,
    MAX_POLICY_BYTES,
    Filter,
    InvalidFilter,
    Readable,
    Scope,
    compile_filter,
)

__all__ = [
    "MAX_COMBINATIONS",
    "MAX_KEYS",
    "MAX_POLICY_BYTES",
    "Attribute",
    "Filter",
    "InvalidFilter",
    "Readable",
    "Scope",
    "compile_filter",
]
