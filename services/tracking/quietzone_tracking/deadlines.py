"""How long the store may take; later is as good as not there, and the caller tries again."""

from contextlib import AbstractAsyncContextManager

from quietzone_kit.deadlines import deadline
from quietzone_kit.documents import DocumentsUnavailable

STORE_S = 10.0
"""A page or a bulk takes some 50 ms; a store that elects a new primary is back within this."""


def store_answers(within_s: float = STORE_S) -> AbstractAsyncContextManager[None]:
    """The block under a deadline; raises DocumentsUnavailable when it passes."""
    return deadline(within_s, DocumentsUnavailable, f"the store gave no answer within {within_s:g} s")
