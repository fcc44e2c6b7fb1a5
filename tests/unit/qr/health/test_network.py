"""What checks of one process know together."""

import asyncio

import pytest
from ports import Hands

from quietzone_qr.health import network
from quietzone_qr.health.network import HOSTS_AWAY, LATELY_S, RESTING_KEPT, Busy, Hosts, OwnNetwork


def failing(network: OwnNetwork, *hosts: str) -> OwnNetwork:
    for host in hosts:
        network.note(host, reached=False)
    return network


def test_one_or_two_hosts_that_fail_are_at_fault_themselves() -> None:
    assert not failing(OwnNetwork(Hands(1_000.0)), "a", "b", "a", "b", "a").seems_away()


def test_when_several_hosts_fail_and_none_answers_it_is_our_network() -> None:
    assert failing(OwnNetwork(Hands(1_000.0)), "a", "b", "c").seems_away()


def test_one_answer_proves_that_our_network_is_there() -> None:
    ours = failing(OwnNetwork(Hands(1_000.0)), *"abcdefgh")
    ours.note("i", reached=True)

    assert not ours.seems_away()


def test_an_answer_proves_it_for_a_while_only() -> None:
    clock = Hands(1_000.0)
    ours = OwnNetwork(clock)
    ours.note("a", reached=True)
    failing(ours, "b", "c", "d")
    assert not ours.seems_away()

    clock.seconds += LATELY_S

    assert ours.seems_away()


def test_of_hosts_that_fail_no_more_are_kept_than_it_takes() -> None:
    ours = failing(OwnNetwork(Hands(1_000.0)), *map(str, range(1_000)))

    assert len(ours._silent) == HOSTS_AWAY


async def test_a_host_is_asked_by_one_at_a_time() -> None:
    hosts, at_once, most = Hosts(Hands(1_000.0)), 0, 0

    async def ask() -> None:
        nonlocal at_once, most
        async with hosts.turn("a"):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

    await asyncio.gather(*(ask() for _ in range(20)))

    assert most == 1
    assert hosts._asked == {}


async def test_different_hosts_do_not_wait_for_each_other() -> None:
    hosts = Hosts(Hands(1_000.0))

    async with asyncio.timeout(1), hosts.turn("a"), hosts.turn("b"):
        assert set(hosts._asked) == {"a", "b"}


async def test_who_waits_too_long_is_told_that_the_host_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TURN_WITHIN_S", 0.01)
    hosts = Hosts(Hands(1_000.0))

    async with hosts.turn("a"):
        with pytest.raises(Busy):
            async with hosts.turn("a"):
                pass

    async with hosts.turn("a"):
        assert set(hosts._asked) == {"a"}


async def test_a_host_that_wants_to_be_left_alone_is_until_its_time_is_over() -> None:
    clock = Hands(1_000.0)
    hosts = Hosts(clock)
    hosts.rest("a", 60_000)

    with pytest.raises(Busy) as refused:
        async with hosts.turn("a"):
            pass
    clock.seconds += 61
    async with hosts.turn("a"):
        assert hosts._resting == {}

    assert refused.value.after_ms == 60_001


def test_of_hosts_that_rest_the_first_are_forgotten() -> None:
    hosts = Hosts(Hands(1_000.0))
    for number in range(RESTING_KEPT + 5):
        hosts.rest(str(number), 60_000)

    assert (len(hosts._resting), "4" in hosts._resting, "5" in hosts._resting) == (RESTING_KEPT, False, True)
