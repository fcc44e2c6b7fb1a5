"""How many requests may be under way."""

import heapq

import pytest
from ports import Hands

from quietzone_gateway.plans.domain import MethodClass
from quietzone_gateway.plans.shedding import BEGIN, LEAST, SHARES, TARGET_S, Shedder
from quietzone_gateway.rest.classes import class_of

ORDER = [MethodClass.READ, MethodClass.WRITE, MethodClass.BULK, MethodClass.REPORT, MethodClass.SIGN_UP]


class Server:
    """Answers `rate` requests a second, one after the other, as one core does."""

    def __init__(self, rate: float) -> None:
        self.clock = Hands()
        self.shedder = Shedder(self.clock)
        self._each_s = 1 / rate
        self._free_at = 0.0
        self._ends: list[tuple[float, float]] = []
        self.took: list[float] = []

    def offer(self, rate: float, seconds: float) -> None:
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds += 1 / rate
            while self._ends and self._ends[0][0] <= self.clock.seconds:
                end, began = heapq.heappop(self._ends)
                self.took.append(end - began)
                self.shedder.end(end - began)
            if self.shedder.begin(MethodClass.READ):
                self._free_at = max(self._free_at, self.clock.seconds) + self._each_s
                heapq.heappush(self._ends, (self._free_at, self.clock.seconds))


@pytest.mark.parametrize("capacity", [50, 400])
def test_at_five_times_what_it_can_answer_it_answers_as_much_as_it_can_within_a_second(capacity: int) -> None:
    server = Server(capacity)
    server.offer(5 * capacity, 5)
    server.took.clear()
    server.offer(5 * capacity, 5)

    assert len(server.took) >= 0.95 * capacity * 5
    assert sorted(server.took)[int(len(server.took) * 0.99)] <= 1.0


def test_after_an_overload_the_bound_rises_again_when_there_is_need() -> None:
    server = Server(400)
    server.offer(2_000, 5)
    low = server.shedder.bound
    server._each_s = 1 / 100_000
    server.offer(20_000, 1)
    for _ in range(40 * 200):
        server.shedder._reached = True
        server.offer(1_000, 0.01)

    assert low < 150 < server.shedder.bound


def test_a_service_that_hangs_leaves_room_for_a_few_who_try() -> None:
    clock = Hands()
    shedder = Shedder(clock)
    for _ in range(200):
        for _ in range(10):
            shedder.begin(MethodClass.READ)
        clock.seconds += 5
        while shedder.under_way:
            shedder.end(5.0)

    assert shedder.bound == LEAST


def test_some_slow_bodies_do_not_keep_the_others_out() -> None:
    clock = Hands()
    shedder = Shedder(clock)
    for number in range(1_000):
        shedder.begin(MethodClass.READ)
        clock.seconds += 0.01
        shedder.end(5.0 if number % 3 == 0 else TARGET_S / 10)

    assert shedder.bound == BEGIN


def test_what_goes_first_is_what_can_best_come_again() -> None:
    shedder = Shedder(Hands())
    gone = []
    for _ in range(BEGIN):
        gone += [each for each in ORDER if each not in gone and not begin_and_end(shedder, each)]
        shedder.begin(MethodClass.READ)
    gone += [each for each in ORDER if each not in gone]

    assert gone == ORDER[::-1]


def begin_and_end(shedder: Shedder, method_class: MethodClass) -> bool:
    began = shedder.begin(method_class)
    if began:
        shedder.end(None)
    return began


def test_every_class_has_its_share() -> None:
    assert list(SHARES) == ORDER
    assert sorted(SHARES.values(), reverse=True) == list(SHARES.values())


def test_never_more_are_under_way_than_the_bound() -> None:
    shedder = Shedder(Hands())

    assert sum(shedder.begin(MethodClass.READ) for _ in range(2 * BEGIN)) == BEGIN


@pytest.mark.parametrize(
    ("method", "path", "method_class"),
    [
        ("GET", "/v1/codes/1/image", MethodClass.READ),
        ("GET", "/v1/codes", MethodClass.READ),
        ("POST", "/v1/codes", MethodClass.WRITE),
        ("DELETE", "/v1/codes/1", MethodClass.WRITE),
        ("POST", "/v1/codes/bulk", MethodClass.BULK),
        ("GET", "/v1/exports", MethodClass.REPORT),
        ("GET", "/v1/audit", MethodClass.REPORT),
        ("POST", "/v1/events", MethodClass.WRITE),
        ("POST", "/v1/events/test-pattern", MethodClass.READ),
        ("POST", "/v1/deliveries/redrive", MethodClass.REPORT),
        ("POST", "/v1/auth/sign-up", MethodClass.SIGN_UP),
    ],
)
def test_a_request_is_of_the_class_of_its_address(method: str, path: str, method_class: MethodClass) -> None:
    assert class_of(method, path) is method_class
