"""A process that publishes batches until it is done or killed, and prints a line of JSON for each that was acknowledged.

python publisher.py URL TOPIC NAME BATCHES PAUSE_S
"""

import asyncio
import json
import sys
import time

from quietzone_kit.bus import Message, open_bus
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor


async def main(url: str, topic: str, name: str, batches: int, pause_s: float) -> None:
    executor = ThreadExecutor("bus", threads=2)
    bus = open_bus(url, clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    for batch in range(batches):
        await asyncio.sleep(pause_s)
        messages = [
            Message(topic, f"{name}-{batch}-{index}", f"{name} {batch} {index}".encode(), partition=index % 3) for index in range(7)
        ]
        positions = await bus.publish(messages)
        acknowledged = [
            [position.partition, position.offset, message.value.decode()] for position, message in zip(positions, messages, strict=True)
        ]
        print(json.dumps({"at_s": time.monotonic(), "acknowledged": acknowledged}), flush=True)  # noqa: T201 - for whoever started it
    await bus.close()
    executor.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
