import base64
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.rpc import SCOPE_EDGE, SCOPE_OPERATOR, Caller, CallerKeys, RpcSettings, caller, require
from quietzone_kit.rpc._callers import SKEW_MS, VALID_MS, enter

KEY, OLD_KEY = "k" * 32, "o" * 32
ANNA = Caller("anna", frozenset({SCOPE_OPERATOR}))


@dataclass
class At:
    """A clock that stands still."""

    ms: int = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


@given(st.text(), st.frozensets(st.text()))
def test_a_signed_caller_is_known_again(account_id: str, scopes: frozenset[str]) -> None:
    keys = CallerKeys([KEY], At())
    known = Caller(account_id, scopes)

    assert keys.verify(keys.sign(known)) == known


def test_a_signature_expires() -> None:
    signed = CallerKeys([KEY], At()).sign(ANNA)

    with pytest.raises(Unauthenticated, match="expired"):
        CallerKeys([KEY], At(At().ms + VALID_MS + SKEW_MS)).verify(signed)


def test_clocks_may_differ_a_little() -> None:
    signed = CallerKeys([KEY], At(At().ms + SKEW_MS)).sign(ANNA)

    assert CallerKeys([KEY], At()).verify(signed) == ANNA


def test_a_signature_from_the_far_future_is_refused() -> None:
    signed = CallerKeys([KEY], At(At().ms + SKEW_MS + 1)).sign(ANNA)

    with pytest.raises(Unauthenticated):
        CallerKeys([KEY], At()).verify(signed)


def test_a_signature_by_another_key_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="QUIETZONE_CALLER_KEY"):
        CallerKeys([KEY], At()).verify(CallerKeys([OLD_KEY], At()).sign(ANNA))


def test_a_key_that_is_being_replaced_is_still_known() -> None:
    assert CallerKeys([KEY, OLD_KEY], At()).verify(CallerKeys([OLD_KEY], At()).sign(ANNA)) == ANNA


def test_nobody_can_take_another_account_with_their_own_signature() -> None:
    keys = CallerKeys([KEY], At())
    version, payload, signature = keys.sign(ANNA).split(".")
    fields = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(fields | {"account": "bert"}).encode()).rstrip(b"=").decode()

    with pytest.raises(Unauthenticated):
        keys.verify(f"{version}.{forged}.{signature}")


@given(st.text())
def test_no_other_text_is_a_caller(text: str) -> None:
    with pytest.raises(Unauthenticated):
        CallerKeys([KEY], At()).verify(text)


def test_outside_a_call_nobody_is_calling() -> None:
    with pytest.raises(Unauthenticated):
        caller()


async def test_a_scope_that_the_caller_lacks_is_refused() -> None:
    enter(ANNA)

    with pytest.raises(PermissionDenied, match="edge"):
        require(SCOPE_EDGE)


async def test_a_scope_that_the_caller_has_is_granted() -> None:
    enter(ANNA)

    assert require(SCOPE_OPERATOR) == ANNA


@pytest.mark.parametrize("keys", ["short", f"{KEY},short", f"{KEY},"])
def test_every_key_needs_32_characters(keys: str) -> None:
    with pytest.raises(ValidationError, match="openssl rand"):
        RpcSettings(caller_key=keys)
