"""From a scan to a signed webhook, through a whole house whose processes die."""

import json
from collections.abc import Iterator

import pytest
from house_events import SCANNED, Events, known, receiving_here, scans_of, webhooks_go_to
from receiver import Receiver
from system.conftest import BACKENDS, EMBEDDED

from house import House, house_in, until


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving_here() as receiver:
        yield receiver


@pytest.fixture(scope="module", params=BACKENDS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[House]:
    """A house that may send webhooks to this machine."""
    urls = {} if request.param == EMBEDDED else request.getfixturevalue("new_urls")()
    with webhooks_go_to(receiver), house_in(tmp_path_factory.mktemp("house") / "data", urls) as house:
        yield house


def test_a_scan_comes_to_a_webhook_once_and_signed(house: House, receiver: Receiver) -> None:
    events, code = Events(house), house.create("https://example.com/menu")
    hook = events.hook(receiver, "/once")
    events.send(scans_of(code), hook)
    known(house, code["slug"])

    house.scan(code["slug"])
    got = hook.first(SCANNED)
    events.probe(hook)

    assert json.loads(hook.verified(got).body)["detail"]["qrId"] == code["id"]
    assert len(hook.got(SCANNED)) == 1


def test_a_scan_that_was_made_while_nobody_matched_comes_once_when_somebody_does(house: House, receiver: Receiver) -> None:
    events, code = Events(house), house.create("https://example.com/menu")
    hook = events.hook(receiver, "/killed")
    events.send(scans_of(code), hook)
    known(house, code["slug"])

    house.kill("notification serve")
    house.scan(code["slug"])
    got = hook.first(SCANNED)
    events.probe(hook)

    assert json.loads(hook.verified(got).body)["detail"]["class"] == "person"
    assert len(hook.got(SCANNED)) == 1


def test_a_webhook_that_was_not_taken_comes_again_after_a_kill_and_is_the_same(house: House, receiver: Receiver) -> None:
    events, code = Events(house), house.create("https://example.com/menu")
    hook = events.hook(receiver, "/again")
    events.send(scans_of(code), hook)
    known(house, code["slug"])
    receiver.answers[hook.path] = [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"]

    house.scan(code["slug"])
    refused = hook.first(SCANNED)
    house.kill("notification serve")
    receiver.answers.pop(hook.path)
    until(lambda: len(hook.got(SCANNED)) > 1, "it comes again", within_s=60)

    assert {hook.verified(got).id for got in hook.got(SCANNED)} == {hook.verified(refused).id}


def test_a_house_that_is_stopped_lets_an_attempt_end_and_makes_no_other(house: House, receiver: Receiver) -> None:
    events, code = Events(house), house.create("https://example.com/menu")
    hook = events.hook(receiver, "/slow")
    events.send(scans_of(code), hook)
    known(house, code["slug"])
    receiver.delays["/slow"] = 2.0  # less than a sender waits for at its end

    house.scan(code["slug"])
    hook.first(SCANNED)
    house.restart()
    receiver.delays.pop("/slow")
    events.probe(hook)

    assert len(hook.got(SCANNED)) == 1


def test_a_house_that_is_started_again_signs_with_the_secrets_of_before(house: House, receiver: Receiver) -> None:
    events, code = Events(house), house.create("https://example.com/menu")
    hook = events.hook(receiver, "/kept")
    events.send(scans_of(code), hook)

    house.restart()
    known(house, code["slug"])
    house.scan(code["slug"])

    assert json.loads(hook.verified(hook.first(SCANNED)).body)["detail"]["qrId"] == code["id"]
