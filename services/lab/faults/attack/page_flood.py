"""A flood of questions for `/metrics`: `python -m services.lab.faults.attack.page_flood CONFIG.json`.

At `go` it asks the instances in turn at its rate for its duration, each time on a new connection, and prints
the answers by their status, with `"done": true`. `none` were not answered in time.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

PATIENCE_S = 2.0
AT_ONCE = 16


class PagesConfig(BaseModel):
    """The flood's configuration, as JSON; `places` are hosts with their ports."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rate_per_s: float = Field(gt=0)
    duration_s: float = Field(gt=0)
    places: list[tuple[str, int]] = Field(min_length=1)


def flood(config: PagesConfig) -> Counter[str]:
    """Ask, `AT_ONCE` at a time; returns the number of answers of each status. It is no faster than it is
    answered.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(_share, [config] * AT_ONCE, range(AT_ONCE)), Counter())


def _share(config: PagesConfig, first: int) -> Counter[str]:
    """One of the flood's askers."""
    rate_per_s = config.rate_per_s / AT_ONCE
    answers: Counter[str] = Counter()
    start = time.monotonic()
    while (past_s := time.monotonic() - start) < config.duration_s:
        asked = answers.total()
        if asked >= past_s * rate_per_s:
            time.sleep(1 / rate_per_s)
            continue
        answers[_ask(config.places[(first + asked) % len(config.places)])] += 1
    return answers


def _ask(place: tuple[str, int]) -> str:
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, http.client.HTTPException):
        return "none"
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Run one flood by the JSON file named in `arguments`; returns the exit code."""
    config = PagesConfig.model_validate_json(Path(arguments[0]).read_bytes())
    print(json.dumps({"ready": True}), flush=True)
    if not os.read(0, 64):
        return 1
    print(json.dumps({"done": True, "pages": dict(flood(config))}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
