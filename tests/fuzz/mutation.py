"""Inputs that nobody sent on purpose, and the meter that says what each of them cost.

Inputs are valid ones with a few things changed: bytes flipped, runs removed, doubled or exchanged, lengths
set to their extremes, two inputs spliced. Pure noise is refused at the first byte and finds little. All of it
is drawn from a seed, so a failure names the input that failed.

Cost is counted, not timed: calls of functions, which a loop that does not end or a recursion cannot hide, and
the peak of the memory.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

ROUNDS = 400
CALLS_PER_BYTE_MAX = 200
CALLS_MAX = 20_000  # besides those per byte
BYTES_PER_BYTE_MAX = 400
BYTES_MAX = 1 << 20
EXTREMES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutants(seeds: Sequence[bytes], seed: int, rounds: int = ROUNDS) -> Iterator[bytes]:
    """The seeds themselves, then `rounds` inputs made of them."""
    yield from seeds
    random = Random(seed)
    for _ in range(rounds):
        data = bytearray(random.choice(seeds))
        for _ in range(random.randint(1, 4)):
            random.choice(_CHANGES)(data, random)
        if random.random() < 0.1:
            other = random.choice(seeds)
            data = data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]
        yield bytes(data)


ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**16,
    2**32,
    2**48,
    2**63,
    2**64,
    2**70,
    10**400,
    1.5,
    1e308,
    "",
    "\x00",
    "é" * 300,
    "0" * 16,
    "log:" + "0" * 16,
    "1.2.3.4.5",
    [],
    [[]],
    {},
    {"class": {}},
)


def documents(seeds: Sequence[Any], seed: int, rounds: int = ROUNDS) -> Iterator[Any]:
    """JSON documents made of these: up to three values exchanged for odd ones, left out, added or moved."""
    random = Random(seed)
    for _ in range(rounds):
        document = json.loads(json.dumps(random.choice(seeds)))
        for _ in range(random.randint(1, 3)):
            place = document
            while random.random() < 0.7:
                inner = place.values() if isinstance(place, dict) else place
                deeper = [one for one in inner if isinstance(one, dict | list)]
                if not deeper:
                    break
                place = random.choice(deeper)
            keys = [*place] if isinstance(place, dict) else [*range(len(place))]
            key = random.choice([*keys, "extra"]) if isinstance(place, dict) or keys else None
            if isinstance(place, list) and not isinstance(key, int):
                place.append(deepcopy(random.choice(ODD)))
            elif key in keys and random.random() < 0.2:
                del place[key]
            elif key in keys and random.random() < 0.2:
                place[key] = place[random.choice(keys)]
            else:
                place[key] = deepcopy(random.choice(ODD))
        yield document


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _extreme(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice(EXTREMES)


def _remove(data: bytearray, random: Random) -> None:
    start = random.randint(0, len(data))
    del data[start : start + random.randint(1, 16)]


def _double(data: bytearray, random: Random) -> None:
    start = random.randint(0, len(data))
    run = data[start : start + random.randint(1, 32)]
    data[start:start] = run * random.randint(1, 8)


def _exchange(data: bytearray, random: Random) -> None:
    first, second = random.randint(0, len(data)), random.randint(0, len(data))
    size = random.randint(1, 8)
    data[first : first + size], data[second : second + size] = (
        data[second : second + size],
        data[first : first + size],
    )


_CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (_flip, _extreme, _remove, _double, _exchange)


def steps(work: Callable[[], object]) -> int:
    """The calls of functions that `work` takes: the same on a fast machine and on a busy one."""
    count = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before: Any = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


class TooMuchError(Exception):
    """An input made the code do more than its length allows."""


def bounded(data: bytes, work: Callable[[bytes], object]) -> object:
    """What `work` makes of an input; `TooMuchError` if that took too many calls or too much memory."""
    left = CALLS_MAX + CALLS_PER_BYTE_MAX * len(data)

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal left
        left -= 1
        if left < 0 and event in ("call", "c_call"):
            raise TooMuchError(f"more calls than an input of {len(data)} bytes may take")

    before: Any = sys.getprofile()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        result = work(data)
    finally:
        sys.setprofile(before)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if peak_bytes > BYTES_MAX + BYTES_PER_BYTE_MAX * len(data):
        raise TooMuchError(f"{peak_bytes} bytes of memory for an input of {len(data)}")
    return result
