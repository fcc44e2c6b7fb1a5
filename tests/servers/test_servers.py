"""What the servers promise to those who break them. Each test starts its own."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient

from servers.kafka import KafkaCluster
from servers.packages import Packages
from servers.process import Server
from servers.run import Run

Start = Callable[[str], Server]


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with Run.begin() as run:
        yield run.use(KafkaCluster(run.folder("kafka"), Packages(), brokers=3))


@pytest.mark.server("kafka", own=True)
async def test_a_killed_kafka_comes_back_with_its_topics(own_server: Start) -> None:
    kafka = await asyncio.to_thread(own_server, "kafka")
    await create_topic(kafka.url, "menu", replicas=1)

    kafka.kill()
    await asyncio.to_thread(kafka.start)

    assert "menu" in await topics(kafka.url)


@pytest.mark.server("kafka", own=True)
async def test_three_brokers_take_a_topic_with_three_replicas(cluster: KafkaCluster) -> None:
    await create_topic(cluster.url, "menu", replicas=3)

    async with asyncio.timeout(20):
        while "menu" not in await topics(cluster.url):  # the broker that was asked may hear of it last
            await asyncio.sleep(0.05)


@pytest.mark.server("kafka", own=True)
def test_a_broker_comes_back_while_another_is_away(cluster: KafkaCluster) -> None:
    cluster.brokers[1].kill()
    cluster.brokers[2].kill()

    cluster.brokers[2].start()

    assert cluster.brokers[2].pid is not None


@pytest.mark.server("mongodb", own=True)
def test_a_document_server_that_was_stopped_cleanly_keeps_its_documents(own_server: Start) -> None:
    server = own_server("mongodb")
    with document_client(server.url) as client:
        client["tests"]["codes"].insert_one({"_id": "menu"})

    server.stop()
    server.start()

    with document_client(server.url) as client:
        assert client["tests"]["codes"].find_one() == {"_id": "menu"}


@pytest.mark.server("redis", own=True)
def test_a_paused_server_keeps_its_connections_and_answers_later(own_server: Start) -> None:
    server = own_server("redis")
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=0.2) as connection:
        server.pause()
        connection.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(16)

        server.resume()

        connection.settimeout(5)
        assert connection.recv(16) == b"+PONG\r\n"


def test_the_bucket_takes_objects_from_clients_with_the_credentials_of_the_environment(s3_url: str) -> None:
    bucket, endpoint = s3_url.removeprefix("s3://").split("?endpoint=")
    with closing(boto3.client("s3", endpoint_url=endpoint.partition("&")[0], region_name="us-east-1")) as client:
        client.put_object(Bucket=bucket, Key="servers/menu", Body=b"menu")

        assert client.get_object(Bucket=bucket, Key="servers/menu")["Body"].read() == b"menu"


async def create_topic(url: str, name: str, *, replicas: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=url.removeprefix("kafka://"))
    async with asyncio.timeout(30):
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=replicas)])
        finally:
            await admin.close()


async def topics(url: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=url.removeprefix("kafka://"))
    async with asyncio.timeout(30):
        await admin.start()
        try:
            found: list[str] = await admin.list_topics()
            return found
        finally:
            await admin.close()


def document_client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=5000)
