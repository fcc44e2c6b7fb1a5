"""Stopping what is aiokafka's without leaving connections open. It has no public way to stop at once."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.group_coordinator import GroupCoordinator


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Send what waits, and close the connections: also those that batches which were cut off were about to make."""
    try:
        await producer.stop()
    finally:
        async with producer.client._get_conn_lock:  # noqa: SLF001
            await producer.client.close()


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group. Cut off in that, as where no broker knows the group any more, it leaves no task and no connection behind."""
    coordinator = consumer._coordinator  # noqa: SLF001
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        if isinstance(coordinator, GroupCoordinator):
            for task in (coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task):  # noqa: SLF001
                if task is not None:
                    task.cancel()
        await consumer._fetcher.close()  # noqa: SLF001
        await consumer._client.close()  # noqa: SLF001
        raise
