"""Enums of contracts, read by people."""

from quietzone.qr.v1 import code_pb2
from quietzone_kit.words import Words


def test_values_are_called_by_their_own_part_of_the_name() -> None:
    words = Words(code_pb2.CodeState.items())

    assert words[code_pb2.CODE_STATE_ACTIVE] == "active"


def test_a_value_that_is_not_said_or_that_a_newer_release_has_is_unknown() -> None:
    words = Words(code_pb2.CodeState.items())

    assert [words[code_pb2.CODE_STATE_UNSPECIFIED], words[77]] == ["unknown", "unknown"]
