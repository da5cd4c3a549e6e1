"""A run of the lab through the command line that an operator types."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, TopicPartition

from bus.routes import ROUTES

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "deploy" / "scenarios"
TIMEOUT_S = 300  # for what is stuck: on a busy machine brokers alone take a minute to start
END_S = 30


def command(*words: str) -> list[str]:
    """The command line as a user of this checkout would run it."""
    return [sys.executable, "-m", "services.cli", *words]


def run_for(seconds: float, words: list[str], environment: dict[str, str]) -> tuple[str, str, int]:
    """Output, errors and exit code of a command. One that takes longer has failed; it is ended as by Ctrl-C,
    so that it says what it has to say.
    """
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                out, said = process.communicate(timeout=END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            raise AssertionError(f"not over within {seconds:g} s: {out}{said}") from None
    return out, said, process.returncode


def run_lab(environment: dict[str, str], scenario: str | Path, modems: int, *more: str) -> dict[str, Any]:
    """A whole run, of a deployed scenario by name or of a file; its report."""
    path = SCENARIOS / f"{scenario}.yaml" if isinstance(scenario, str) else scenario
    words = command("lab", "run", str(path), "--modems", str(modems), "-o", "json", *more)
    out, said, code = run_for(TIMEOUT_S, words, environment)
    assert code == 0, out + said
    report: dict[str, Any] = json.loads(out)
    assert report["modems"] == modems
    assert report["online"] == report["files_valid"] == modems * report["boots"]
    assert report["ledger"]["clean"]
    return report


def deployed(name: str) -> dict[str, Any]:
    """What a deployed scenario says; its settings are found from anywhere."""
    scenario: dict[str, Any] = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())
    return scenario | {"settings": str(SCENARIOS / scenario["settings"])}


def written(directory: Path, name: str, **changes: Any) -> Path:
    """A deployed scenario with these changes, as a file."""
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(deployed(name) | changes))
    return path


@contextmanager
def held_lab(environment: dict[str, str], modems: int, mask: int = 0o022) -> Iterator[dict[str, Any]]:
    """A run with this umask that is held after its report; stopped like a user would, and seen to leave
    nothing behind.
    """
    words = command(
        "lab", "run", str(SCENARIOS / "first-boot.yaml"), "--modems", str(modems), "--hold", "-o", "json"
    )
    child = subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=mask,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        lines = [""]
        while lines[-1] != "}\n":
            lines.append(child.stdout.readline())
            assert lines[-1], child.stderr.read()
        report = json.loads("".join(lines))
        while not lines[-1].endswith("Ctrl-C stops them\n"):
            lines.append(child.stderr.readline())
            assert lines[-1]
        assert f"dhcp_socket: {report['endpoints']['dhcp_socket']}\n" in lines
        yield report
    finally:
        child.send_signal(signal.SIGINT)
        code = child.wait(TIMEOUT_S)
        child.stdout.close()
        child.stderr.close()
    assert code == 0


def read_topic(servers: str, traffic: str) -> list[tuple[dict[str, str], bytes]]:
    """Everything a topic holds, by a client that knows nothing of provbus."""
    topic = ROUTES[traffic].topic
    assert topic is not None
    consumer = Consumer({
        "bootstrap.servers": servers,
        "group.id": "independent",
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    })  # fmt: skip
    partitions = consumer.list_topics(topic.name, TIMEOUT_S).topics[topic.name].partitions
    consumer.assign([TopicPartition(topic.name, number, 0) for number in partitions])
    found, ended = [], 0
    while ended < len(partitions):
        message = consumer.poll(10.0)
        assert message is not None
        if message.error() is not None:
            ended += 1
            continue
        pairs = dict(message.headers() or {}).items()
        headers = {name: value.decode() for name, value in pairs if isinstance(value, bytes)}
        found.append((headers, message.value() or b""))
    consumer.close()
    return found
