"""Answers of newer and older servers."""

import copy
import pickle
from dataclasses import fields

import pytest
from unit.client.scripted import CODE, CODE_ID, EXPORT, Server, ok, page

from quietzone_client import Code, CodePart, CodeState, Export, ExportState, StoredBytes


def test_fields_of_a_newer_server_are_passed_over() -> None:
    server = Server.of(ok({**CODE, "colour": "red", "nested": {"deep": [1]}}))

    assert server.client().codes.get(CODE_ID) == Code.of(CODE)


def test_a_state_of_a_newer_server_is_kept_as_it_is() -> None:
    code = Code.of({**CODE, "state": "archived"})

    assert code.state == "archived"
    assert code.state != CodeState.ACTIVE
    assert isinstance(code.state, CodeState)
    assert "archived" not in set(CodeState)


def test_an_unknown_state_can_be_copied_and_kept() -> None:
    state = CodeState("archived")

    assert pickle.loads(pickle.dumps(state)) == copy.deepcopy(state) == CodeState("archived")  # noqa: S301 - our own
    assert {state: 1}[CodeState("archived")] == 1


def test_a_state_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="3"):
        CodeState(3)


def test_an_export_in_an_unknown_state_has_not_ended() -> None:
    assert not Export.of({**EXPORT, "state": "resting"}).has_ended
    assert Export.of({**EXPORT, "state": ExportState.DEAD}).has_ended


def test_an_older_server_has_no_tags_and_no_meta() -> None:
    older = {name: value for name, value in CODE.items() if name not in ("tags", "folder")}
    answer = ok({"items": [older], "next_cursor": None})

    found = Server.of(answer).client().codes.page()

    assert (found.items[0].tags, found.items[0].folder, found.total) == ((), "", None)


def test_a_part_of_a_code_has_the_fields_of_a_code() -> None:
    assert [field.name for field in fields(CodePart)] == [field.name for field in fields(Code)]
    assert [getattr(CodePart.of(CODE), field.name) for field in fields(Code)] == [
        getattr(Code.of(CODE), field.name) for field in fields(Code)
    ]


def test_an_empty_page_is_empty() -> None:
    assert len(Server.of(page()).client().codes.page()) == 0


def test_an_older_server_does_not_say_what_is_stored() -> None:
    assert Server.of(ok({"plan": "free", "items": []})).client().usage().stored_bytes == StoredBytes()
