"""Stopping what is aiokafka's without leaving connections open. It has no public way to stop at once."""

import asyncio

from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator


class _Closed(dict[object, AIOKafkaConnection]):
    """Connections of a client that was hung up. Whoever was about to make one adds it when it is made: it is closed then."""

    def __setitem__(self, place: object, connection: AIOKafkaConnection) -> None:
        connection.close()
        super().__setitem__(place, connection)


def hang_up(client: AIOKafkaClient) -> list[asyncio.Future[None]]:
    """Close the connections now, and each that is about to be made as soon as it is made. Waits for nothing, so nothing cuts it off; the
    answer says when they are closed: the end of TLS is told to the broker first.
    """
    connections, client._conns = client._conns, _Closed()  # noqa: SLF001
    closing = [connection.close() for connection in connections.values()]
    return [closed for closed in closing if closed is not None]


async def stop_client(client: AIOKafkaClient) -> None:
    """Close the connections, and end the task that renews metadata."""
    closing = hang_up(client)
    await client.close()
    if closing:
        await asyncio.wait(closing)


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Send what waits, and close the connections."""
    try:
        await producer.stop()
    finally:
        await stop_client(producer.client)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group. Cut off in that, as where no broker knows the group any more, it leaves no task and no connection behind."""
    coordinator = consumer._coordinator  # noqa: SLF001
    try:
        await consumer.stop()
        await stop_client(consumer._client)  # noqa: SLF001
    except asyncio.CancelledError:
        if isinstance(coordinator, GroupCoordinator):
            for task in (coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task):  # noqa: SLF001
                if task is not None:
                    task.cancel()
        hang_up(consumer._client)  # noqa: SLF001
        await consumer._fetcher.close()  # noqa: SLF001
        await consumer._client.close()  # noqa: SLF001
        raise
