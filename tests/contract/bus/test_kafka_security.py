"""TLS and sign-in, on a Kafka that wants them."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from contract.bus.conftest import from_start, opened, read_all

from quietzone_kit.bus import Bus, BusUnavailable, Consumer, Message, Topic, _kafka
from quietzone_kit.bus._kafka import consumer as kafka_consumer
from servers.certificates import Certificate, make_certificate
from servers.kafka import KafkaCluster
from servers.packages import Packages
from servers.process import free_port, output_of
from servers.run import Run

pytestmark = [pytest.mark.server("kafka", own=True), pytest.mark.timeout(180)]

TOPIC = Topic("tracking.scan.v1", partitions=1, retention_ms=3_600_000)
CHANGING = Topic("tracking.changing.v1", partitions=1, retention_ms=3_600_000)
USER = "org.apache.kafka.common.security.{} required {};"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class Secured:
    """A broker with a port for each thing that it may want: `tls` with our certificate, `mutual` with the client's too."""

    kafka: KafkaCluster
    tls: int
    mutual: int
    plain: int
    scram: int
    server: Certificate
    client: Certificate

    @property
    def trust(self) -> str:
        """The options of a client that knows the broker's certificate."""
        return f"tls=true&ca_file={self.server.file}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    with Run.begin() as run:
        kafka = KafkaCluster(run.folder("kafka"), Packages())
        ports = [free_port() for _ in range(4)]
        found = Secured(kafka, *ports, make_certificate(folder), make_certificate(folder, "client"))
        properties = kafka.brokers[0].folder / "server.properties"
        with properties.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings(found).items())
        run.use(kafka)
        for mechanism in SCRAM:
            set_password(kafka, "quiet", mechanism, "s3cret")
        yield found


def settings(secured: Secured) -> dict[str, str]:
    """What comes on top of the plain broker's settings; of two lines with one name, Java reads the last."""
    plain = secured.kafka.url.removeprefix("kafka://")
    lines = dict(line.split("=", 1) for line in (secured.kafka.brokers[0].folder / "server.properties").read_text().splitlines())
    controller = lines["listeners"].partition("CONTROLLER://")[2]
    ports = {"TLS": secured.tls, "MUTUAL": secured.mutual, "PLAINUSER": secured.plain, "SCRAMUSER": secured.scram}
    mine = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,PLAINUSER:SASL_SSL,SCRAMUSER:SASL_PLAINTEXT"
    mechanisms = ",".join(SCRAM)
    return {
        "listeners": f"PLAINTEXT://{plain},CONTROLLER://{controller},{mine}",
        "advertised.listeners": f"PLAINTEXT://{plain},{mine}",
        "listener.security.protocol.map": protocols,
        "sasl.enabled.mechanisms": f"PLAIN,{mechanisms}",
        "listener.name.plainuser.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.scramuser.sasl.enabled.mechanisms": mechanisms,
        "listener.name.plainuser.plain.sasl.jaas.config": USER.format("plain.PlainLoginModule", 'user_quiet="s3cret"'),
        **{f"listener.name.scramuser.{each.lower()}.sasl.jaas.config": USER.format("scram.ScramLoginModule", "") for each in SCRAM},
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(secured.server.both),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.truststore.type": "PEM",
        "listener.name.mutual.ssl.truststore.location": str(secured.client.file),
    }


def set_password(kafka: KafkaCluster, user: str, mechanism: str, password: str) -> None:
    where = ("--bootstrap-server", kafka.url.removeprefix("kafka://"), "--entity-type", "users", "--entity-name", user)
    said = output_of(*kafka._java, "kafka.admin.ConfigCommand", *where, "--alter", "--add-config", f"{mechanism}=[password={password}]")
    assert "Completed" in said, said


async def publish(url: str) -> None:
    async with opened(url) as bus:
        await bus.ensure([TOPIC])
        await bus.publish([Message(TOPIC.name, "k", b"v")])


async def test_a_certificate_that_we_were_told_of_is_trusted(secured: Secured) -> None:
    await publish(f"kafka://127.0.0.1:{secured.tls}?{secured.trust}")


async def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match=r"speaks no TLS with us.*(?i:certificate).*QUIETZONE_BUS_URL"):
        await publish(f"kafka://127.0.0.1:{secured.tls}?tls=true")


async def test_a_server_that_wants_tls_is_told_from_one_that_is_down(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match="tls=true"):
        await publish(f"kafka://127.0.0.1:{secured.tls}")


async def test_a_client_is_known_by_its_certificate(secured: Secured) -> None:
    await publish(f"kafka://127.0.0.1:{secured.mutual}?{secured.trust}&cert_file={secured.client.file}&key_file={secured.client.key}")


async def test_without_a_certificate_a_server_that_wants_one_says_so(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match=r"cert_file.*QUIETZONE_BUS_URL"):
        await publish(f"kafka://127.0.0.1:{secured.mutual}?{secured.trust}")


async def test_a_changed_certificate_needs_no_restart(secured: Secured, tmp_path: Path) -> None:
    stranger = await asyncio.to_thread(make_certificate, tmp_path, "stranger")
    async with opened(f"kafka://127.0.0.1:{secured.mutual}?{secured.trust}&cert_file={stranger.file}&key_file={stranger.key}") as bus:
        with pytest.raises(BusUnavailable, match="cert_file"):
            await bus.ensure([TOPIC])

        await asyncio.to_thread(shutil.copy, secured.client.file, stranger.file)
        await asyncio.to_thread(shutil.copy, secured.client.key, stranger.key)

        await bus.ensure([TOPIC])


async def test_a_user_signs_in_with_a_plain_password_over_tls(secured: Secured) -> None:
    await publish(f"kafka://quiet:s3cret@127.0.0.1:{secured.plain}?{secured.trust}")


@pytest.mark.parametrize("mechanism", SCRAM)
async def test_a_user_signs_in_by_scram(secured: Secured, mechanism: str) -> None:
    await publish(f"kafka://quiet:s3cret@127.0.0.1:{secured.scram}?mechanism={mechanism}")


@pytest.mark.parametrize("mechanism", [*SCRAM, "PLAIN"])
async def test_a_wrong_sign_in_is_named_without_the_password(secured: Secured, mechanism: str) -> None:
    with pytest.raises(BusUnavailable, match=r"refused user 'quiet' by .*QUIETZONE_BUS_URL") as error:
        await publish(f"kafka://quiet:wr0ng@127.0.0.1:{secured.scram}?mechanism={mechanism}")

    assert "wr0ng" not in str(error.value)


async def test_without_a_user_a_server_that_wants_one_says_so(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match="a user"):
        await publish(f"kafka://127.0.0.1:{secured.scram}")


async def test_a_password_that_changes_while_clients_live_needs_no_restart(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker has it first, as when a file comes later: until then connections that have ended are refused."""
    # aiokafka's clients go on trying with the old one until we throw them away: here a little sooner.
    monkeypatch.setattr(kafka_consumer, "CHECK_EVERY_S", 1.0)
    monkeypatch.setattr(kafka_consumer, "PATIENCE_S", 3.0)
    file = tmp_path / "password"
    await asyncio.to_thread(file.write_text, "old")
    await asyncio.to_thread(set_password, secured.kafka, "changing", SCRAM[1], "old")
    async with opened(f"kafka://changing@127.0.0.1:{secured.scram}?mechanism={SCRAM[1]}&password_file={file}") as bus:
        await bus.ensure([CHANGING])
        await bus.publish([Message(CHANGING.name, "k", b"before")])
        follower = await from_start(await bus.follow(CHANGING.name))
        await read_all(follower, 1)

        await asyncio.to_thread(set_password, secured.kafka, "changing", SCRAM[1], "new")
        await asyncio.to_thread(secured.kafka.stop)
        await asyncio.to_thread(secured.kafka.start)
        with monkeypatch.context() as hasty:
            hasty.setattr(_kafka, "PUBLISH_WITHIN_S", 2.0)
            await refused(bus, "changing")
        await asyncio.to_thread(file.write_text, "new")

        await bus.publish([Message(CHANGING.name, "k", b"after")])
        assert await next_value(follower) == b"after"


async def refused(bus: Bus, user: str) -> None:
    """Publish until the sign-in is named as what is wrong."""
    said = ""
    async with asyncio.timeout(60):
        while f"refused user {user!r}" not in said:
            with pytest.raises(BusUnavailable) as error:
                await bus.publish([Message(CHANGING.name, "k", b"meanwhile")])
            said = str(error.value)


async def next_value(consumer: Consumer) -> bytes:
    """Of the next record, as whoever reads gets it: by trying again."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(BusUnavailable):
                for records in (await consumer.poll(max_records=1, wait_s=1)).records.values():
                    return records[0].value
