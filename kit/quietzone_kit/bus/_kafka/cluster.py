"""The brokers at an address: how aiokafka connects to them, and what they know of topics.

Whatever of aiokafka's fails is thrown away and built anew, because its clients keep a password for life.
"""

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

from aiokafka import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import IllegalSaslStateError, KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError, for_code
from aiokafka.protocol.offset import OffsetRequest
from prometheus_client import Counter

from quietzone_kit.bus import Bounds, BusError, BusUnavailable, UnknownTopic
from quietzone_kit.bus._kafka.address import SETTING, Address
from quietzone_kit.bus._kafka.protocol import MetadataRequest
from quietzone_kit.bus._kafka.stop import hang_up, stop_client
from quietzone_kit.runtime import Clock, Executor
from quietzone_kit.urls import CredentialsUnreadable

T = TypeVar("T")

CONNECT_WITHIN_S = 3.0
"""A broker that is up answers a connection within milliseconds."""

ANSWER_WITHIN_S = 4.0
"""For answers that wait for no replica: a broker that takes longer is as good as gone."""

PATIENCE_S = 8.0
"""How long a moving leader is waited for within one call; a clean move takes less than a second, a lost broker is noticed after 9 s."""

RETRY_S = 0.1
METADATA_AGE_S = 60.0
"""Errors renew metadata at once; age is for what brings none, such as a topic that was made anew."""

UNKNOWN_FOR_S = 1.0
"""How long a topic may be unknown before we believe it: brokers hear of a new one some ten milliseconds after each other."""

UNKNOWN_TOPIC = 3
DENIED = frozenset({29, 30, 31, 53, 58, 65})
REFUSED = frozenset({10, 17, 18, 23, 24, 26, 36, 37, 38, 39, 40, 42, 44, 87})
"""What is wrong with what we ask (https://kafka.apache.org/protocol#protocol_error_codes). Everything else may succeed later."""

EARLIEST, LATEST = -2, -1

FAILURES = (KafkaError, NotImplementedError)
"""aiokafka's `Request.prepare` raises the second where a broker and we have no version of a message in common: each broker of a cluster
that is being upgraded may be another, and one older than 3.1 doesn't know ours at all."""

ERRORS = Counter(
    "quietzone_bus_errors_total",
    "Requests that ended otherwise than they should. 'unavailable' comes in bursts when a broker stops; for minutes: brokers or the "
    "network are down, the log names them. 'refused': the log says what is missing.",
    ["kind"],
)


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic as a broker knows it; `leaders` has a node for each partition, -1 when it has no leader now."""

    id: str
    leaders: tuple[int, ...]
    replication: int


class Cluster:
    """The brokers at an address."""

    def __init__(self, address: Address, *, clock: Clock, executor: Executor) -> None:
        self.address = address
        self.clock = clock
        self._executor = executor
        self._client: AIOKafkaClient | None = None
        self._connecting = asyncio.Lock()
        self._topics: dict[str, tuple[float, TopicFound]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._clients: WeakSet[AIOKafkaClient] = WeakSet()
        self._answered = -1
        self.closed = False

    @property
    def shown(self) -> str:
        """The URL for messages, without password."""
        return self.address.url.shown

    def name(self, topic: str) -> str:
        """What a topic or group is called on the brokers."""
        return self.address.prefix + topic

    async def arguments(self) -> dict[str, Any]:
        """What aiokafka's classes want to know, from the files as they are now. We knock first: they only log why they can't connect.

        Raises:
            BusUnavailable: says for each broker why not.
        """
        failures = []
        hosts = self.address.url.hosts
        for place in hosts:
            try:
                security = await self._knock(place)
            except BusUnavailable as error:
                failures.append(str(error))
            else:
                first = (place, *(other for other in hosts if other != place))
                servers = [f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name, port in first]
                return {"bootstrap_servers": servers, "client_id": "quietzone", **security}
        raise self.unavailable("; ".join(dict.fromkeys(failures)))

    async def topic(self, name: str) -> TopicFound:
        """What is known of a topic, a minute old at most.

        Raises:
            UnknownTopic: no broker has it.
        """
        known = self._topics.get(name)
        if known is not None and self.clock.monotonic() - known[0] < METADATA_AGE_S:
            return known[1]
        believe_at = self.clock.monotonic() + UNKNOWN_FOR_S
        while (found := (await self.look_up([name]))[name]) is None:
            if self.clock.monotonic() >= believe_at:
                raise UnknownTopic(f"{self.shown} has no topic {self.name(name)!r}: `quietzone topics apply` makes all that there are")
            await asyncio.sleep(RETRY_S)
        return found

    async def look_up(self, names: Sequence[str]) -> dict[str, TopicFound | None]:
        """Topics as they are now, None for those that aren't there. Creates none: aiokafka's own request would."""
        response = await self._ask(MetadataRequest([self.name(name) for name in names]))
        found: dict[str, TopicFound | None] = dict.fromkeys(names)
        for code, topic, topic_id, _, partitions, *_ in response.topics:
            name = topic.removeprefix(self.address.prefix)
            self._topics.pop(name, None)
            if code and code != UNKNOWN_TOPIC:
                raise self.refused(f"topic {topic}", for_code(code)())
            if not code:
                places = sorted((number, leader, len(replicas)) for _, number, leader, _, replicas, *_ in partitions)
                leaders = tuple(place[1] for place in places)
                told = TopicFound(str(uuid.UUID(bytes=topic_id)), leaders, min(place[2] for place in places))
                self._topics[name], found[name] = (self.clock.monotonic(), told), told
        return found

    def forget(self) -> None:
        """What is known of topics may be out of date."""
        self._topics.clear()

    async def bounds(self, name: str, partition: int) -> Bounds:
        """What a partition holds now."""
        return await self._patiently(lambda: self._bounds(name, partition))

    def refused(self, what: str, error: BaseException, message: str = "") -> BusError:
        """Our error for one of aiokafka's."""
        code = getattr(error, "errno", None)
        said = f"{self.shown}: {what}: {type(error).__name__}" + (f", {message or error}" if message or str(error) else "")
        if code in DENIED:
            said += f": grant it to the user of {SETTING}"
        if code in DENIED | REFUSED:
            ERRORS.labels("refused").inc()
            return BusError(said)
        return self.unavailable(said)

    def unanswered(self, what: str, within_s: float) -> BusUnavailable:
        """Our error when time is up; aiokafka logs what went wrong meanwhile."""
        return self.unavailable(
            f"{self.shown}: {what}: brokers didn't answer within {within_s:.2g} s: are they up, is the network? Logs may tell"
        )

    def unavailable(self, said: str) -> BusUnavailable:
        """It may succeed later; metadata is looked at anew."""
        ERRORS.labels("unavailable").inc()
        self.forget()
        return BusUnavailable(said)

    def owns(self, client: AIOKafkaClient) -> None:
        """Its connections are closed with the bus at the latest, however whoever uses it is cut off."""
        self._clients.add(client)

    async def start(self, starting: Coroutine[Any, Any, None], stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start something of aiokafka's. It is stopped when it can't, or when its caller is cancelled, but never cut off in between.

        Raises:
            KafkaError: as it does.
        """
        task = self._kept(starting)
        try:
            await asyncio.shield(task)
        except BaseException:
            await self.end(_after(task, stop), within_s=1)
            raise

    def begin(self, closing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Close something of aiokafka's, without waiting."""
        return self._kept(_quietly(closing))

    async def end(self, closing: Coroutine[Any, Any, None], *, within_s: float) -> None:
        """Close something of aiokafka's: its own ways to do so may wait without end, so that we go on before."""
        await asyncio.wait([self.begin(closing)], timeout=within_s)

    async def close(self) -> None:
        """Close all connections; no new one is made."""
        self.closed = True
        await self._hang_up()
        if self._ending:
            await asyncio.wait(self._ending, timeout=1)  # cut off, it leaves connections open
        for task in self._ending:
            task.cancel()
        if self._ending:
            await asyncio.wait(self._ending, timeout=1)

    def cut_off(self) -> None:
        """Close whatever connection is left, without waiting."""
        for client in self._clients:
            hang_up(client)

    def _kept(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)  # noqa: TID251 - kept until `close`; cancelled, it would leave connections open
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _bounds(self, name: str, partition: int) -> Bounds:
        found = await self.topic(name)
        if not 0 <= partition < len(found.leaders):
            raise UnknownTopic(f"topic {name} has partitions 0 to {len(found.leaders) - 1}, not {partition}")
        offsets = []
        for which in (EARLIEST, LATEST):
            request = OffsetRequest(-1, 0, [(self.name(name), [(partition, which)])])
            _, code, _, offset = (await self._ask(request, node=found.leaders[partition])).topics[0][1][0]
            if code:
                raise self.refused(f"partition {partition} of {name}", for_code(code)())
            offsets.append(offset)
        return Bounds(found.id, *offsets)

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """`step`'s result, tried again while leaders move."""
        give_up_at = self.clock.monotonic() + PATIENCE_S
        while True:
            try:
                return await step()
            except BusUnavailable:
                if self.closed or self._client is None or self.clock.monotonic() >= give_up_at:
                    raise
                await asyncio.sleep(RETRY_S)

    async def _ask(self, request: Any, *, node: int | None = None) -> Any:
        """The answer of a broker, `node` or any; the one that answered last is asked first."""
        client = await self._connected()
        known = sorted((broker.nodeId for broker in client.cluster.brokers()), key=lambda known: known != self._answered)
        asked = known if node is None else [node]
        said: BaseException = KafkaError("knows no brokers")
        for each in asked:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S / len(asked)):
                    answer = await client.send(each, request)
            except (*FAILURES, TimeoutError) as error:
                said = error
            else:
                self._answered = each
                return answer
            finally:
                if client is not self._client:  # another has hung up meanwhile: what connected since then would stay open
                    self.begin(stop_client(client))
        if node is None:
            await self._hang_up()
        else:
            client.force_metadata_update()
        raise self.unavailable(f"{self.shown}: brokers {asked} didn't answer within {ANSWER_WITHIN_S:g} s ({said!r}): are they up?")

    async def _connected(self) -> AIOKafkaClient:
        async with self._connecting:
            if self.closed:
                raise BusError("the bus is closed")
            if self._client is None:
                client = AIOKafkaClient(**await self.arguments(), request_timeout_ms=int(ANSWER_WITHIN_S * 1000))
                self.owns(client)
                try:
                    await self.start(client.bootstrap(), partial(stop_client, client))
                except KafkaError as error:
                    raise self.refused("connecting", error) from error
                self._client = client
            return self._client

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self.end(stop_client(client), within_s=1)

    async def _knock(self, place: tuple[str, int]) -> dict[str, Any]:
        """Connect and sign in; what did it, for others to do the same."""
        host, port = place
        try:
            security = await self._executor.run(self.address.security)
            async with asyncio.timeout(CONNECT_WITHIN_S):
                connection = await create_conn(host, port, client_id="quietzone", **security)
                try:
                    await connection.send(MetadataRequest([]))  # who should have signed in is told now
                finally:
                    connection.close()
                return security
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
        except FAILURES as error:
            wanted = "a certificate (cert_file, key_file), another one," if self.address.tls else "tls=true"
            why = f"broke off ({error}): does it expect {wanted} or a user in {SETTING}, is it older than 3.1?"
        raise BusUnavailable(f"{self.shown}: broker {host}:{port} {why}")


async def _after(starting: asyncio.Task[None], stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.wait([starting])
    await stop()


async def _quietly(closing: Coroutine[Any, Any, None]) -> None:
    try:
        await closing
    except (KafkaError, OSError):
        ERRORS.labels("unavailable").inc()  # it is thrown away all the same
