"""The page of a run (`docs/reference/benchmarks.md`): machine, versions, every figure with its spread."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import confluent_kafka
import zmq

from services.brokers.jars import kafka_version
from tests.bench.figure import Figure
from tests.bench.peers import ROOT, versions

HEAD = """# Benchmarks

One run of `make bench`, which writes such a page to `build/benchmarks.md`. Each figure is the median of
alternations: ours and the other thing take turns on the same machine, and the spread is the lowest and the
highest turn. Read the ratios: the absolute numbers are this machine's.
"""


def build_page(figures: Sequence[Figure], skipped: Mapping[str, str]) -> str:
    """Markdown."""
    rows = [_row(one) for one in figures] + [
        f"| `{name}` | – | | | not measured: {reason} |" for name, reason in skipped.items()
    ]
    table = ["| figure | median | spread | aim | what it is |", "|---|---:|---:|---|---|", *rows]
    facts = [f"- {name}: {text}" for name, text in (_machine() | _versions()).items()]
    return "\n".join([HEAD, *facts, "", *table, ""])


def _row(one: Figure) -> str:
    median, low, high = (f"{how(one.values):.4g}" for how in (statistics.median, min, max))
    return f"| `{one.name}` | {median} | {low} – {high} | {one.aim} | {one.what} |"


def _machine() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    cores = len(os.sched_getaffinity(0))
    return {
        "Machine": f"{cores} cores, {', '.join(sorted(models)) or platform.machine()}",
        "Kernel": platform.release(),
    }


def _versions() -> dict[str, str]:
    pom = (ROOT / "deploy/kafka/pom.xml").read_text()
    return {
        "Python": platform.python_version(),
        "ZeroMQ": f"libzmq {zmq.zmq_version()}, pyzmq {zmq.pyzmq_version()}",
        "Kafka": f"Apache Kafka {kafka_version(pom)}, librdkafka {confluent_kafka.libversion()[0]}, "
        f"confluent-kafka {version('confluent-kafka')}",
        "Peers": ", ".join(f"{name} {number}" for name, number in versions().items()) or "none installed",
    }
