"""Connections to the brokers of a cluster, and what they know of each other and of topics.

We use aiokafka's connections and messages, and none of its client, producer and consumer: its client creates topics by asking for them
and keeps credentials for life; its producer can stick on OutOfOrderSequenceNumber and waits without end when it is closed; its consumer
rebalances behind its owner's back, gives everything up at each rebalance, and starts reading without having been told where.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import IllegalSaslStateError, KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from quietzone_kit.bus import BusError, BusUnavailable, UnknownTopic
from quietzone_kit.bus._kafka import codes, wire
from quietzone_kit.bus._kafka.address import SETTING, Address
from quietzone_kit.bus._kafka.wire import Metadata, TopicFound
from quietzone_kit.runtime import Clock, Executor
from quietzone_kit.urls import CredentialsUnreadable

T = TypeVar("T")
Place: TypeAlias = tuple[str, int]

CONNECT_WITHIN_S = 3.0
"""A broker that is up answers a connection within milliseconds."""

ANSWER_WITHIN_S = 4.0
"""For answers that wait for no replica: a broker that takes longer is as good as gone."""

PATIENCE_S = 8.0
"""How long a moving leader is waited for within one call; a clean move takes less than a second, a lost broker is noticed after 9 s."""

RETRY_S = 0.1
SHUN_S = 10.0
"""How long a broker that failed is asked last: one that hangs would cost each question three seconds."""

METADATA_AGE_S = 60.0
"""Errors renew metadata at once; age is for what brings none, such as a topic that was made anew."""

UNKNOWN_FOR_S = 1.0
"""How long a topic may be unknown before we believe it: brokers hear of a new one some ten milliseconds after each other."""

ANY = "any"
"""The lane of requests that are answered at once. Kafka answers each connection's requests in order, so what waits has lanes of its own."""


class Moved(BusUnavailable):
    """Nobody is at fault: a leader or coordinator is somewhere else now. Asking again soon helps."""


class Cluster:
    """The brokers at an address."""

    def __init__(self, address: Address, *, clock: Clock, executor: Executor) -> None:
        self.address = address
        self.clock = clock
        self._executor = executor
        self._connections: dict[tuple[Place, str], AIOKafkaConnection] = {}
        self._locks: dict[tuple[Place, str], asyncio.Lock] = {}
        self._brokers: dict[int, Place] = {}
        self._topics: dict[str, tuple[float, TopicFound]] = {}
        self._failed_at: dict[Place, float] = {}
        self._turn = 0
        self._closed = False

    @property
    def shown(self) -> str:
        """The URL for messages, without password."""
        return self.address.url.shown

    async def ask(self, request: wire.Request, *, node: int | None = None, lane: str = ANY, within_s: float = ANSWER_WITHIN_S) -> Any:
        """A broker's answer: `node`'s, or that of any that can be reached.

        Raises:
            BusUnavailable: names the broker, what was tried and what to do.
        """
        if node is None:
            return await self._ask_any(request, within_s)
        if node not in self._brokers:
            await self._look([])
        if node not in self._brokers:
            raise Moved(f"{self.shown}: broker {node} isn't one of {sorted(self._brokers)} any more")
        try:
            return await self._ask_at(self._brokers[node], request, lane, within_s)
        except BusUnavailable:
            self._topics.clear()  # its partitions may have other leaders by now
            raise

    def learn(self, node: int, place: Place) -> None:
        """A coordinator may be found before its broker is in the metadata."""
        self._brokers[node] = place

    async def topic(self, name: str) -> TopicFound:
        """What is known of a topic, a minute old at most.

        Raises:
            UnknownTopic: no broker has it.
        """
        known = self._topics.get(name)
        if known is not None and self.clock.monotonic() - known[0] < METADATA_AGE_S:
            return known[1]
        believe_at = self.clock.monotonic() + UNKNOWN_FOR_S
        while (found := (await self._look([name])).topics[name]) == codes.UNKNOWN_TOPIC_OR_PARTITION:
            if self.clock.monotonic() >= believe_at:
                raise UnknownTopic(f"{self.shown} has no topic {name!r}: pass it to `ensure` when the process starts")
            await asyncio.sleep(RETRY_S)
        if isinstance(found, int):
            raise self.refused(f"topic {name}", found)
        return found

    def forget(self, name: str) -> None:
        """What is known of a topic is out of date."""
        self._topics.pop(name, None)

    async def look_up(self, names: Sequence[str]) -> dict[str, TopicFound | None]:
        """Topics as they are now, None for those that aren't there."""
        metadata = await self._look(names)
        found: dict[str, TopicFound | None] = {}
        for name in names:
            told = metadata.topics[name]
            if isinstance(told, int) and told != codes.UNKNOWN_TOPIC_OR_PARTITION:
                raise self.refused(f"topic {name}", told)
            found[name] = None if isinstance(told, int) else told
        return found

    async def leader(self, name: str, partition: int) -> int:
        """The node that leads a partition; raises UnknownTopic, Moved."""
        leaders = (await self.topic(name)).leaders
        if not 0 <= partition < len(leaders):
            raise UnknownTopic(f"topic {name} has partitions 0 to {len(leaders) - 1}, not {partition}")
        if leaders[partition] < 0:
            self.forget(name)
            raise Moved(f"{self.shown}: partition {partition} of {name} has no leader; are enough brokers up?")
        return leaders[partition]

    def refused(self, what: str, code: int, message: str = "") -> BusError:
        """The error for a code that a broker answered with."""
        said = f"{self.shown}: {what}: {codes.name(code)}" + (f", {message}" if message else "")
        if code in codes.TRANSIENT or code in codes.COORDINATOR_MOVES:
            return Moved(said)
        if code in codes.DENIED:
            return BusError(f"{said}: grant it to the user of {SETTING}")
        return BusError(said)

    async def patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """`step`'s result, tried again while leaders or coordinators move."""
        give_up_at = self.clock.monotonic() + PATIENCE_S
        while True:
            try:
                return await step()
            except Moved:
                if self.clock.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(RETRY_S)

    def hang_up(self, lane: str) -> None:
        """Close a lane's connections; what waits there fails."""
        for key in [key for key in self._connections if key[1] == lane]:
            self._connections.pop(key).close()
        for key in [key for key in self._locks if key[1] == lane]:
            del self._locks[key]

    async def close(self) -> None:
        """Close all connections; no new one is made."""
        self._closed = True
        closing = [connection.close() for connection in self._connections.values()]
        self._connections.clear()
        if waits := [closed for closed in closing if closed is not None]:
            await asyncio.wait(waits, timeout=1)  # a peer that doesn't answer a TLS goodbye can't hold us

    async def _look(self, names: Sequence[str]) -> Metadata:
        metadata = wire.read_metadata(await self._ask_any(wire.ask_metadata(names), ANSWER_WITHIN_S))
        self._brokers = metadata.brokers or self._brokers
        now = self.clock.monotonic()
        for name, found in metadata.topics.items():
            if isinstance(found, TopicFound):
                self._topics[name] = (now, found)
            else:
                self._topics.pop(name, None)
        return metadata

    async def _ask_any(self, request: wire.Request, within_s: float) -> Any:
        """Another broker comes first each time, those that failed lately come last."""
        known = [place for _, place in sorted(self._brokers.items())]
        self._turn += 1
        start = self._turn % len(known) if known else 0
        trusted_since = self.clock.monotonic() - SHUN_S
        places = sorted(
            dict.fromkeys([*known[start:], *known[:start], *self.address.url.hosts]),
            key=lambda place: self._failed_at.get(place, 0.0) > trusted_since,
        )
        failures: dict[str, None] = {}
        give_up_at = self.clock.monotonic() + within_s
        for asked, place in enumerate(places):
            left = give_up_at - self.clock.monotonic()
            try:
                return await self._ask_at(place, request, ANY, left / (len(places) - asked))
            except BusUnavailable as error:
                failures[str(error)] = None
                self._failed_at[place] = self.clock.monotonic()
        raise BusUnavailable("; ".join(failures))

    async def _ask_at(self, place: Place, request: wire.Request, lane: str, within_s: float) -> Any:
        connection = None
        try:
            async with asyncio.timeout(within_s):
                connection = await self._connection(place, lane)
                return await connection.send(request)
        except TimeoutError:
            if connection is not None:
                connection.close()  # half open, or a broker that hangs: what comes late would only keep later answers waiting
            raise BusUnavailable(
                f"{self._at(place)} didn't answer within {within_s:.1f} s: is it up, is its network? Its log may tell; its address is set "
                f"by {SETTING}"
            ) from None
        except (KafkaError, NotImplementedError) as error:
            if connection is not None:
                connection.close()
            raise BusUnavailable(
                f"{self._at(place)} broke off ({error}): is it stopping, does it want tls or a user ({SETTING}), is it older than 3.1?"
            ) from error

    async def _connection(self, place: Place, lane: str) -> AIOKafkaConnection:
        key = (place, lane)
        async with self._locks.setdefault(key, asyncio.Lock()):
            known = self._connections.get(key)
            if known is not None and known.connected():
                return known
            self._refuse_if_closed()
            made = await self._connect(place)
            try:
                self._refuse_if_closed()
            except BusError:
                made.close()
                raise
            self._connections[key] = made
            return made

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BusError("the bus is closed")

    async def _connect(self, place: Place) -> AIOKafkaConnection:
        host, port = place
        try:
            # Files of passwords and certificates are read for each connection, so that new ones need no restart.
            security = await self._executor.run(self.address.security)
            async with asyncio.timeout(CONNECT_WITHIN_S):
                return await create_conn(host, port, client_id="quietzone", **security)
        except TimeoutError:
            why = f"didn't answer within {CONNECT_WITHIN_S:g} s: is it up, is a firewall between, does it expect tls=true?"
        except CredentialsUnreadable as error:
            raise BusUnavailable(f"{error} ({SETTING})") from error
        except ssl.SSLError as error:
            why = f"speaks no TLS with us ({error}): check tls, ca_file, cert_file, key_file and the host's name in {SETTING}"
        except (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
            user = self.address.url.user
            why = f"refused user {user!r} by {self.address.mechanism} ({error}): check user, password and mechanism in {SETTING}"
        except OSError as error:
            cause = error.strerror or str(error) or type(error).__name__
            why = f"can't be reached ({cause}): is it up, is {SETTING} right about host, port and tls?"
        except KafkaError as error:
            why = f"broke off ({error}): does it expect tls=true or a user in {SETTING}?"
        raise BusUnavailable(f"{self._at(place)} {why}")

    def _at(self, place: Place) -> str:
        """Brokers tell their own addresses, which needn't be those of the URL."""
        told = "" if place in self.address.url.hosts else ", as the cluster calls it,"
        return f"{self.shown}: broker {place[0]}:{place[1]}{told}"
