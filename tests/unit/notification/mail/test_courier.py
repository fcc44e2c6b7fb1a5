"""How a courier treats its server."""

import asyncio
from dataclasses import replace

import pytest
from unit.notification.world import OURS, World

from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_kit.mail import Mail, MailUnavailable, Taken
from quietzone_kit.runtime import SystemRandomness
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.domain import Delivery
from quietzone_notification.delivery.sender.ports import Ended
from quietzone_notification.mail.parts import MailParts
from quietzone_notification.mail.tokens import Tokens, Way

WAY = Way("north", "ada@example.com", "events")


class Server:
    """A mail server that holds each mail until it may go, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.asked = 0
        self.under_way = 0
        self.most = 0
        self.may_go = asyncio.Event()

    async def send(self, mail: Mail) -> Taken:  # noqa: ARG002 - the port's
        self.asked += 1
        if self.away:
            raise MailUnavailable("nobody is there")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.may_go.wait()
        self.under_way -= 1
        return Taken()

    async def close(self) -> None:
        """Nothing is open."""


def seal(*keys: str) -> Seal:
    return Seal(keys, SystemRandomness(), setting="SECRET_KEY", lacks="no key")


def mail(n: int) -> Delivery:
    return Delivery(f"d{n}", OURS, "rule:r1:t", "e1", "Order", "mail", f"a{n}@example.com", b"{}", "application/json", (), 10, None, 1, 1)


async def carried(world: World, server: Server, number: int) -> list[Ended]:
    parts = MailParts(world.documents, seal("s" * 32), world.clock, unsubscribe_url="https://console.example/u")
    courier = parts.courier(server, at_once=3)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(courier.carry(mail(n))) for n in range(number)]
        if not server.away:
            while server.under_way < 3:
                await asyncio.sleep(0)
            server.may_go.set()
    return [task.result() for task in tasks]


async def test_a_server_is_handed_so_many_mails_at_once_and_no_more(world: World) -> None:
    server = Server()

    ended = await carried(world, server, 10)

    assert (server.most, [each.attempt.status for each in ended if each.attempt]) == (3, [250] * 10)


async def test_a_server_that_is_away_is_not_asked_for_each_mail(world: World) -> None:
    server = Server(away=True)

    ended = await carried(world, server, 50)

    assert server.asked <= 8
    assert all(each.attempt is not None and each.attempt.status is None and not each.is_last for each in ended)


async def test_no_mail_is_given_up_without_its_last_attempt_while_a_server_is_away(world: World) -> None:
    server = Server(away=True)
    courier = MailParts(world.documents, seal("s" * 32), world.clock, unsubscribe_url="https://console.example/u").courier(
        server, at_once=3
    )
    for n in range(5):
        await courier.carry(mail(n))

    with pytest.raises(Unavailable):
        await courier.carry(replace(mail(5), tries=9))
    world.clock.seconds += 2
    ended = await courier.carry(replace(mail(5), tries=9))

    assert (server.asked, ended.attempt is not None) == (6, True)


def test_a_token_is_read_by_a_key_that_stands_behind_another() -> None:
    token = Tokens(seal("a" * 32)).make(WAY)

    assert Tokens(seal("b" * 32, "a" * 32)).read(token) == WAY


@pytest.mark.parametrize("keys", [("b" * 32,), ("c" * 32, "d" * 32)])
def test_a_token_of_another_key_is_none(keys: tuple[str, ...]) -> None:
    with pytest.raises(NotFound):
        Tokens(seal(*keys)).read(Tokens(seal("a" * 32)).make(WAY))


def test_what_was_sealed_for_something_else_is_no_token() -> None:
    with pytest.raises(NotFound):
        Tokens(seal("a" * 32)).read(seal("a" * 32).seal(b"north\nevents\nada@example.com", "endpoint e1 secret"))


def test_a_token_of_what_nobody_can_leave_is_none() -> None:
    tokens = Tokens(seal("a" * 32))

    with pytest.raises(NotFound):
        tokens.read(tokens.make(Way("north", "ada@example.com", "security")))


def test_without_a_key_there_are_no_tokens() -> None:
    with pytest.raises(FailedPrecondition):
        Tokens(seal()).make(WAY)
