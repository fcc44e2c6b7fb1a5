"""A thousand ways to have a webhook posted into the house, tried in a network namespace where every address there is leads to a canary.

    unshare -rn python tests/contract/notification_delivery/trap.py

The namespace has no way out; `ip route add local 0.0.0.0/0 dev lo` makes every address this machine's own, so that whatever is connected
to is accepted, and seen, here. Connections to public addresses show that the trap works; one to any other is what must not happen.
It prints one line of JSON: how many were tried, and what the canaries saw.
"""

import asyncio
import ipaddress
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import contextlib

from ports import Hands, Inline

from quietzone_kit.outside import SystemResolver
from quietzone_kit.outside._addresses import SPECIAL
from quietzone_notification.delivery.client import Client, Connector, NoAnswer, Target
from quietzone_notification.delivery.reach import InvalidUrl, Reach, place_of

REACH = Reach()
PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07::1")
OPEN_PORTS = (80, 443, 8080, 8443)
CANARY_PORTS = (*sorted(REACH.ports), 22, 25, 6379, 9092, 27017)
INSIDE_6 = (
    *("::1", "::", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "2001:10::1", "3fff::1"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "100::1", "5f00::1", "4000::1", "e000::1"),
)
"""As others list them; `special` has those of the product's own table, and what that lacks would be missing there."""
INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "0.0.0.0", "100.100.100.200")

CLOTHES: dict[str, Callable[[int], str]] = {
    "plain": lambda number: str(ipaddress.IPv4Address(number)),
    "mapped": lambda number: f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}",
    "mapped, dotted": lambda number: f"::ffff:{ipaddress.IPv4Address(number)}",
    "compatible": lambda number: f"::{number >> 16:x}:{number & 0xFFFF:x}",
    "translated": lambda number: f"::ffff:0:{number >> 16:x}:{number & 0xFFFF:x}",
    "NAT64": lambda number: f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
    "NAT64 of its own": lambda number: f"64:ff9b:1::{number >> 16:x}:{number & 0xFFFF:x}",
    "6to4": lambda number: f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    "Teredo": lambda number: f"2001:0:4136:e378:8000:63bf:{~number >> 16 & 0xFFFF:x}:{~number & 0xFFFF:x}",
}


def written(address: str) -> Iterator[str]:
    """An address of IPv4 as URLs can have it, and as some who read them take it."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = ipaddress.IPv4Address(address).packed
    yield from (address, f"{address}.", str(number), f"0x{number:x}", f"0X{number:X}", f"0{number:o}")
    yield from (
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
    )
    yield from (
        f"0{a:03o}.{b}.{c}.{d}",
        f"{a}.0x{b:x}.0{c:o}.{d}",
        f"{a + 256}.{b}.{c}.{d}",
        "%31" + address[1:],
        address.replace(".", "。"),
    )
    yield from (f"[{clothes(number)}]" for clothes in CLOTHES.values() if ":" in clothes(number))


def tricks(inside: str) -> Iterator[str]:
    """URLs that look as if they led elsewhere."""
    public = "example.com"
    yield from (
        f"http://{public}@{inside}/",
        f"http://{public}:80@{inside}/",
        f"http://{public}%40{inside}/",
        f"http://{inside}#@{public}/",
    )
    yield from (f"http://{public}\\@{inside}/", f"http://{inside}\\@{public}/", f"http://{public}?@{inside}/", f"http:/{inside}/")
    yield from (
        f"http://{inside}%00.{public}/",
        f"http://{inside}\t.{public}/",
        f"http:///{inside}/",
        f"http://[{inside}]/",
        f"//{inside}/",
    )
    yield from (
        f"http://{inside}:80:80/",
        f"http://{inside} {public}/",
        f"http://{inside}\r\nHost: {public}/",
        f"gopher://{inside}:6379/_x",
    )
    yield from (f"http://{inside}:{port}/" for port in (22, 25, 6379, 9092, 27017, 0, 65536))
    yield from (f"http://{public}:{port}/" for port in (22, 25, 6379, 9092, 27017))


class Names:
    """A resolver under the attacker's hand: `<n>.rebind` leads to the internet first, and then into the house; others where they say."""

    def __init__(self) -> None:
        self.leads: dict[str, list[list[str]]] = {}
        self._numbers = SystemResolver(Inline())

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        answers = self.leads.get(host)
        if answers is None:
            return [PUBLIC[0]] if host == "example.com" else await self._numbers.resolve(host, port)
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Canaries:
    """Listen everywhere; they answer with a redirect into the house."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.to = "127.0.0.1"

    async def listen(self) -> None:
        for port in CANARY_PORTS:
            for host in ("0.0.0.0", "::"):
                await asyncio.start_server(self._sing, host, port)

    async def _sing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port, *_ = writer.get_extra_info("sockname")
        self.seen[f"{address} {port}"] += 1
        await reader.readuntil(b"\r\n\r\n")
        to = f"[{self.to}]" if ":" in self.to else self.to
        writer.write(f"HTTP/1.1 307 Go\r\nLocation: http://{to}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


class Trap:
    """Tries, and counts."""

    def __init__(self) -> None:
        self.names, self.canaries, self.clock = Names(), Canaries(), Hands()
        self.client = Client(Connector(self.names, REACH, self.clock), self.clock, total_s=5.0)
        self.tried = 0

    async def post(self, url: str) -> None:
        self.tried += 1
        with contextlib.suppress(InvalidUrl, NoAnswer):
            await self.client.post(Target.of(place_of(url, REACH), ()), (), b"{}")

    async def name(self, *answers: str) -> None:
        """A name that leads to these, one after the other: each time it is looked up."""
        host = f"{self.tried}.attack.example"
        self.names.leads[host] = [answer.split(",") for answer in answers]
        for _ in answers:
            await self.post(f"http://{host}/")
            self.clock.seconds += 31  # look-ups are forgotten


def special() -> Iterator[str]:
    """Addresses of every special network: its ends and its middle, those of IPv4 in each of their clothes."""
    for network, _ in SPECIAL:
        for address in {network[0], network[-1], network[network.num_addresses // 2]}:
            if isinstance(address, ipaddress.IPv4Address):
                yield from (clothes(int(address)) for clothes in CLOTHES.values())
            else:
                yield str(address)


async def main() -> None:
    trap = Trap()
    await trap.canaries.listen()
    for address in special():
        await trap.name(address)
    for address in INSIDE_6:
        await trap.name(address)
        await trap.name(PUBLIC[1], address)
        await trap.post(f"http://[{address}]/")
    for inside in INSIDE:
        for text in written(inside):
            await trap.post(f"http://{text}/")
            await trap.post(f"https://{text}:8443/")
        for url in tricks(inside):
            await trap.post(url)
        await trap.name(PUBLIC[0], inside)
        await trap.name(PUBLIC[1], f"::ffff:{inside}")
        await trap.name(f"{PUBLIC[0]},{inside}")
        trap.canaries.to = inside
        await trap.post("http://example.com/")
    seen = trap.canaries.seen
    # By what was meant to be reached, not by what the product takes for inside: else what it overlooks would be overlooked here.
    inside_seen = [place for place in seen if not (place.split()[0] in PUBLIC and int(place.split()[1]) in OPEN_PORTS)]
    print(json.dumps({"tried": trap.tried, "public": seen.total() - sum(seen[each] for each in inside_seen), "inside": inside_seen}))  # noqa: T201


if __name__ == "__main__":
    for command in ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)  # noqa: S607 - the machine's own
    asyncio.run(main())
