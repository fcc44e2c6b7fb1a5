import base64
import hmac
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from quietzone_kit.errors import PermissionDenied, Unauthenticated
from quietzone_kit.rpc import SCOPE_EDGE, SCOPE_OPERATOR, SERVICE_SCOPES, Caller, CallerKeys, RpcSettings, caller, scope_of
from quietzone_kit.rpc._access import check
from quietzone_kit.rpc._callers import SKEW_MS, VALID_MS

KEY, OLD_KEY = "k" * 32, "o" * 32
ANNA = Caller("anna", frozenset({SCOPE_OPERATOR}), "user:1")


@dataclass
class At:
    """A clock that stands still."""

    ms: int = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


def services() -> Iterator[ServiceDescriptor]:
    """Of all contracts."""
    for path in sorted(Path("proto/quietzone").rglob("*.proto")):
        module = importlib.import_module(".".join(path.relative_to("proto").with_suffix("").parts) + "_pb2")
        yield from module.DESCRIPTOR.services_by_name.values()


@given(st.text(), st.frozensets(st.text()), st.text())
def test_a_signed_caller_is_known_again(account_id: str, scopes: frozenset[str], subject: str) -> None:
    keys = CallerKeys([KEY], At())
    known = Caller(account_id, scopes, subject)

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


def test_a_signature_of_the_release_before_has_no_subject() -> None:
    keys = CallerKeys([KEY], At())
    payload = json.dumps({"account": "anna", "scopes": [], "until_ms": At().ms + VALID_MS}).encode()
    signed = "v1." + base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    signature = base64.urlsafe_b64encode(hmac.digest(KEY.encode(), signed.encode(), "sha256")).rstrip(b"=").decode()

    assert keys.verify(f"{signed}.{signature}") == Caller("anna")


def test_outside_a_call_nobody_is_calling() -> None:
    with pytest.raises(Unauthenticated):
        caller()


def test_a_scope_that_the_caller_lacks_is_refused() -> None:
    with pytest.raises(PermissionDenied, match="edge"):
        check(ANNA, SCOPE_EDGE)


def test_without_a_caller_no_scope_helps() -> None:
    with pytest.raises(Unauthenticated):
        check(None, SCOPE_OPERATOR)


def test_every_method_of_every_contract_names_a_scope_that_is_known() -> None:
    asked = {scope_of(f"{service.full_name}/{method.name}") for service in services() for method in service.methods}

    assert asked <= SERVICE_SCOPES | {SCOPE_EDGE, SCOPE_OPERATOR}


def test_a_method_whose_contract_names_no_scope_can_not_be_served() -> None:
    with pytest.raises(LookupError, match="scope"):
        scope_of("grpc.health.v1.Health/Watch")


@pytest.mark.parametrize("keys", ["short", f"{KEY},short", f"{KEY},"])
def test_every_key_needs_32_characters(keys: str) -> None:
    with pytest.raises(ValidationError, match="openssl rand"):
        RpcSettings(caller_key=keys)
