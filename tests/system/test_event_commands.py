"""`quietzone events` and `quietzone webhooks` on a whole house, with a receiver on this machine."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from house_events import receiving_here, webhooks_go_to
from receiver import Receiver

from house import KEY, House, command, house_in, until
from quietzone_client.webhooks import verify
from quietzone_kit.runtime import SystemClock

REFUSES = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"
PAID = '{"source": ["shop.till"], "detail": {"total": [{"numeric": [">", 10]}]}}'

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving_here() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[House]:
    """A house that may send webhooks to this machine."""
    with webhooks_go_to(receiver), house_in(tmp_path_factory.mktemp("house") / "data") as house:
        yield house


@pytest.fixture
def run(house: House) -> Run:
    """Runs the command on the house."""
    settings = {"QUIETZONE_API_KEY": KEY, "QUIETZONE_API_URL": house.place.api_url, "COLUMNS": "200"}
    return lambda *arguments, **options: command(*arguments, settings=settings, **options)


def hook(house: House, receiver: Receiver, path: str) -> Any:
    """A new endpoint, with its secret."""
    answer = house.request("POST", "/v1/webhooks", {"url": f"http://127.0.0.1:{receiver.port}{path}"})
    assert answer.status == 201, answer.body
    return answer.json


def rule(house: House, name: str, pattern: str, webhook_id: str) -> None:
    """Have what matches sent to an endpoint."""
    target = {"id": "t", "kind": "webhook", "destination": webhook_id}
    answer = house.request("PUT", f"/v1/event-buses/default/rules/{name}", {"pattern": pattern, "targets": [target]})
    assert answer.status == 200, answer.body


def test_events_that_are_put_come_to_a_webhook_and_are_counted(house: House, receiver: Receiver, run: Run) -> None:
    endpoint = hook(house, receiver, "/paid")
    rule(house, "paid", PAID, endpoint["id"])

    def put_and_come() -> bool:  # a rule holds within a second
        assert run("events", "put", "shop.till", "Order Paid", "-", stdin='{"total": 11}\n{"total": 9}\n').returncode == 0
        return receiver.paths["/paid"] > 0

    until(put_and_come, "an event comes", within_s=60)
    until(lambda: run("events", "rules").stdout.split()[-1].endswith("Z"), "the rule has matched", within_s=60)

    (line,) = [line.split() for line in run("events", "rules").stdout.splitlines() if line.startswith("paid ")]
    assert int(line[1].replace(",", "")) > 0


def test_events_that_are_not_taken_are_named(run: Run) -> None:
    ended = run("events", "put", "shop.till", "Order Paid", "-", stdin='{"total": 11}\n[]\n')

    assert (ended.returncode, "1 events were put" in ended.stdout) == (1, True), ended.stderr
    assert ended.stderr.startswith("✗ line 2: MalformedDetail: ")


def test_a_pattern_is_tried_on_an_event(run: Run) -> None:
    matches = run("events", "test-pattern", PAID, '{"source": "shop.till", "detail": {"total": 11}}')
    differs = run("events", "test-pattern", PAID, '{"source": "shop.till", "detail": {"total": 9}}')

    assert [(ended.returncode, ended.stdout.splitlines()[0]) for ended in (matches, differs)] == [(0, "matches"), (1, "doesn't match")]
    assert "detail.total" in differs.stdout


def test_a_test_event_comes_signed(house: House, receiver: Receiver, run: Run) -> None:
    endpoint = hook(house, receiver, "/tested")

    ended = run("webhooks", "test", endpoint["id"])

    assert (ended.returncode, "is delivered: answered 200" in ended.stdout) == (0, True), ended.stderr
    [got] = [got for got in receiver.got if got.path == "/tested"]
    assert verify(got.body, got.headers, endpoint["secret"], now_s=SystemClock().now_ms() / 1000).id in ended.stdout


def test_what_was_refused_is_listed_and_sent_again_alone_and_together(house: House, receiver: Receiver, run: Run) -> None:
    endpoint = hook(house, receiver, "/refused")
    receiver.answers["/refused"] = [REFUSES]
    refused = run("webhooks", "test", endpoint["id"])
    listed = run("webhooks", "deliveries", endpoint["id"], "--state", "dead")
    receiver.answers.pop("/refused")
    delivery_id = listed.stdout.splitlines()[1].split()[0]

    again = run("webhooks", "retry", delivery_id)
    until(lambda: receiver.ids[delivery_id] == 2, "it comes again", within_s=60)
    until(lambda: delivery_id in run("webhooks", "deliveries", endpoint["id"], "--state", "delivered").stdout, "it is taken", within_s=60)
    all_again = run("webhooks", "redrive", endpoint["id"], "--state", "delivered")
    until(lambda: receiver.ids[delivery_id] == 3, "it comes once more", within_s=60)

    assert (refused.returncode, "is dead: answered 500" in refused.stderr) == (1, True), refused.stderr
    assert [again.returncode, all_again.returncode] == [0, 0], again.stderr + all_again.stderr
    assert "1 are sent again" in all_again.stdout


def test_endpoints_are_listed(house: House, receiver: Receiver, run: Run) -> None:
    endpoint = hook(house, receiver, "/listed")

    listed = run("webhooks", "list").stdout

    assert f"{endpoint['id']}  enabled" in listed
