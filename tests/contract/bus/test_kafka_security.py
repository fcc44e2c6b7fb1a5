"""TLS and sign-in, on a Kafka that wants them."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from quietzone_kit.bus import Bus, BusUnavailable, Message, Topic, open_bus
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from servers.kafka import KafkaCluster
from servers.packages import Packages
from servers.process import free_port, output_of
from servers.run import Run

pytestmark = [pytest.mark.server("kafka", own=True), pytest.mark.timeout(120)]

TOPIC = Topic("tracking.scan.v1", partitions=1, retention_ms=3_600_000)
USER = "org.apache.kafka.common.security.{} required {};"


@dataclass(frozen=True)
class Secured:
    """Ports by what they want."""

    tls: int
    plain: int
    scram: int
    certificate: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    found = Secured(free_port(), free_port(), free_port(), make_certificate(folder))
    with Run.begin() as run:
        kafka = KafkaCluster(run.folder("kafka"), Packages())
        properties = kafka.brokers[0].folder / "server.properties"
        with properties.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings(kafka, found, folder).items())
        run.use(kafka)
        add_scram_user(kafka)
        yield found


def make_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key in one file, as Kafka takes them; beside it the certificate alone."""
    program = Packages().program("openssl", "openssl")
    own = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run([program, "req", "-x509", *kind, *own, *made], check=True, capture_output=True, timeout=20)
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "cert.pem"


def settings(kafka: KafkaCluster, ports: Secured, folder: Path) -> dict[str, str]:
    """What comes on top of the plain broker's settings; of two lines with one name, Java reads the last."""
    plain = kafka.url.removeprefix("kafka://")
    lines = dict(line.split("=", 1) for line in (kafka.brokers[0].folder / "server.properties").read_text().splitlines())
    controller = lines["listeners"].partition("CONTROLLER://")[2]
    mine = f"TLS://127.0.0.1:{ports.tls},PLAINUSER://127.0.0.1:{ports.plain},SCRAMUSER://127.0.0.1:{ports.scram}"
    return {
        "listeners": f"PLAINTEXT://{plain},CONTROLLER://{controller},{mine}",
        "advertised.listeners": f"PLAINTEXT://{plain},{mine}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,PLAINUSER:SASL_SSL,SCRAMUSER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
        "listener.name.plainuser.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.scramuser.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.plainuser.plain.sasl.jaas.config": USER.format("plain.PlainLoginModule", 'user_quiet="s3cret"'),
        "listener.name.scramuser.scram-sha-256.sasl.jaas.config": USER.format("scram.ScramLoginModule", ""),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "both.pem"),
    }


def add_scram_user(kafka: KafkaCluster) -> None:
    where = ("--bootstrap-server", kafka.url.removeprefix("kafka://"), "--entity-type", "users", "--entity-name", "quiet")
    said = output_of(*kafka._java, "kafka.admin.ConfigCommand", *where, "--alter", "--add-config", "SCRAM-SHA-256=[password=s3cret]")
    assert "Completed" in said, said


async def publish(url: str) -> None:
    executor = ThreadExecutor("bus")
    bus: Bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    try:
        await bus.ensure([TOPIC])
        await bus.publish([Message(TOPIC.name, "k", b"v")])
    finally:
        await bus.close()
        executor.close()


async def test_a_certificate_that_we_were_told_of_is_trusted(secured: Secured) -> None:
    await publish(f"kafka://127.0.0.1:{secured.tls}?tls=true&ca_file={secured.certificate}")


async def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match=r"speaks no TLS with us.*(?i:certificate).*QUIETZONE_BUS_URL"):
        await publish(f"kafka://127.0.0.1:{secured.tls}?tls=true")


async def test_a_server_that_wants_tls_is_told_from_one_that_is_down(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match="tls=true"):
        await publish(f"kafka://127.0.0.1:{secured.tls}")


async def test_a_user_signs_in_with_a_plain_password_over_tls(secured: Secured) -> None:
    await publish(f"kafka://quiet:s3cret@127.0.0.1:{secured.plain}?tls=true&ca_file={secured.certificate}")


async def test_a_user_signs_in_by_scram(secured: Secured) -> None:
    await publish(f"kafka://quiet:s3cret@127.0.0.1:{secured.scram}?mechanism=SCRAM-SHA-256")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
async def test_a_wrong_sign_in_is_named_without_the_password(secured: Secured, mechanism: str) -> None:
    with pytest.raises(BusUnavailable, match=r"refused user 'quiet' by .*QUIETZONE_BUS_URL") as error:
        await publish(f"kafka://quiet:wr0ng@127.0.0.1:{secured.scram}?mechanism={mechanism}")

    assert "wr0ng" not in str(error.value)


async def test_without_a_user_a_server_that_wants_one_says_so(secured: Secured) -> None:
    with pytest.raises(BusUnavailable, match="a user"):
        await publish(f"kafka://127.0.0.1:{secured.scram}")


async def test_a_changed_password_file_needs_no_restart(secured: Secured, tmp_path: Path) -> None:
    file = tmp_path / "password"
    await asyncio.to_thread(file.write_text, "wr0ng")
    url = f"kafka://quiet@127.0.0.1:{secured.scram}?mechanism=SCRAM-SHA-256&password_file={file}"
    executor = ThreadExecutor("bus")
    bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    with pytest.raises(BusUnavailable):
        await bus.ensure([TOPIC])

    await asyncio.to_thread(file.write_text, "s3cret")

    await bus.ensure([TOPIC])
    await bus.close()
    executor.close()
