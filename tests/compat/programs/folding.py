"""What a release makes of a role log: the digest of its state after every record, and from every tail.

A line is a log as a topic has it: headers and value of each record in base64. None of it is a type of ours,
so nothing is compared but what Kafka would carry.
"""

import json
import sys
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.wire.codec import from_headers
from bus.wire.signature import verify
from heartbeat.roles.log.fold import Roles, fold
from heartbeat.roles.log.records import Logged
from heartbeat.roles.log.start import NoStartError, start
from heartbeat.roles.log.writers import Writers

verify_once = lru_cache(maxsize=4096)(verify)  # each tail looks at the same records


def come_to(log: dict[str, Any]) -> dict[str, Any]:
    """The digest and whether the record counted, at each position; the last digest of who begins at a tail,
    empty if nobody can begin there.
    """
    listed = {name: [bytes.fromhex(key)] for name, key in log["listed"].items()}
    writers = Writers(bytes.fromhex(log["root"]), listed, verify_once)
    records = [Logged.of(offset, _read(*one)) for offset, one in enumerate(log["records"])]
    states = list(_states(records, writers))
    return {"states": states, "tails": [_tail(records[at:], writers) for at in log["tails"]]}


def _states(records: list[Logged], writers: Writers) -> Iterator[tuple[str, bool]]:
    roles = Roles()
    for one in records:
        roles, counts, _ = fold(roles, one, writers)
        yield roles.digest(), counts


def _tail(records: list[Logged], writers: Writers) -> str:
    try:
        return start(records[0].offset, records, writers).digest()
    except NoStartError:
        return ""


def _read(headers: list[tuple[str, str]], value: str) -> Envelope | None:
    try:
        return from_headers([(name, b64decode(text)) for name, text in headers], b64decode(value))
    except DecodeError:
        return None


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(come_to(json.loads(line))))
