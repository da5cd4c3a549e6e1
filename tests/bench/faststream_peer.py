"""FastStream beside us: `build/peers/bin/python tests/bench/faststream_peer.py BOOTSTRAP`.

Runs in the peers' own environment and knows nothing of the project. Each line on stdin is a command in JSON,
each line on stdout its answer: the seconds it took.
"""

import asyncio
import json
import logging
import sys
import time
from typing import Any

from faststream.confluent import KafkaBroker, TopicPartition


def new_broker(bootstrap: str) -> KafkaBroker:
    """As safe as our producer, and without its linger: who awaits each record gains nothing from one."""
    return KafkaBroker(bootstrap, acks="all", enable_idempotence=True, compression_type="lz4", logger=None)


async def publish(bootstrap: str, command: dict[str, Any]) -> float:
    """Publish the same record again and again, each awaited until its broker confirmed it."""
    value, headers = command["value"].encode(), command["headers"]
    async with new_broker(bootstrap) as broker:
        await broker.publish(value, command["topic"], key=b"cfm-1", partition=0, headers=headers)
        start = time.perf_counter()
        for _ in range(command["count"]):
            await broker.publish(value, command["topic"], key=b"cfm-1", partition=0, headers=headers)
        return time.perf_counter() - start


async def consume(bootstrap: str, command: dict[str, Any]) -> float:
    """Read from the beginning of the topic; the clock starts with the first record."""
    broker = new_broker(bootstrap)
    done = asyncio.Event()
    count, start = 0, 0.0
    place = TopicPartition(command["topic"], 0, offset=0)

    async def handle(_: dict[str, Any]) -> None:
        nonlocal count, start
        start = start or time.perf_counter()
        count += 1
        if count > command["count"]:
            done.set()

    broker.subscriber(partitions=[place], group_id="provbus-bench", auto_offset_reset="earliest")(handle)
    async with broker:
        await broker.start()
        await done.wait()
        return time.perf_counter() - start


def main() -> None:
    """Obey until stdin ends."""
    logging.disable(logging.CRITICAL)
    (bootstrap,) = sys.argv[1:]
    for line in sys.stdin:
        command = json.loads(line)
        run = {"publish": publish, "consume": consume}[command["do"]]
        print(json.dumps(asyncio.run(run(bootstrap, command))), flush=True)


if __name__ == "__main__":
    main()
