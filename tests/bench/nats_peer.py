"""NATS request and reply: `build/peers/bin/python tests/bench/nats_peer.py respond|request URL`.

Runs in the peers' own environment and knows nothing of the project. The responder prints `ready` and serves
until killed; the requester answers each command on stdin with the seconds it took.
"""

import asyncio
import json
import sys
import time

import nats
from nats.aio.msg import Msg

SUBJECT = "provbus.bench"
TIMEOUT_S = 5.0


async def respond(url: str) -> None:
    """Answer every request with as many bytes as it asks for in its first four."""
    client = await nats.connect(url)

    async def answer(message: Msg) -> None:
        await message.respond(bytes(int.from_bytes(message.data[:4], "big")))

    await client.subscribe(SUBJECT, cb=answer)
    await client.flush()
    print(json.dumps("ready"), flush=True)
    await asyncio.Event().wait()


async def request(url: str) -> None:
    """Obey until stdin ends, over one connection."""
    client = await nats.connect(url)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        data = command["reply_bytes"].to_bytes(4, "big").ljust(command["request_bytes"], b"\0")
        start = time.perf_counter()
        for _ in range(command["count"]):
            await client.request(SUBJECT, data, timeout=TIMEOUT_S)
        print(json.dumps(time.perf_counter() - start), flush=True)
    await client.close()


if __name__ == "__main__":
    kind, at = sys.argv[1:]
    asyncio.run({"respond": respond, "request": request}[kind](at))
