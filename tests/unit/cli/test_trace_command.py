"""`provbus trace`: from the audit topic, and from the instances themselves where Kafka is away."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from bus.envelope import Stamp, Token, number_of
from bus.fleet.fleet import load_fleet, load_seal_keys
from bus.telemetry.audit import AUDIT
from bus.wire.codec import to_headers
from fileid.row import Fields, pack
from fileid.seal import KEY_BYTES, Sealer, SealKey
from services.config.instance import load
from services.lab.site.embedded import embedded
from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

DEVICE, FILEID = "001a.2c00.0001", "5f0c000000000001"
OTHER = "001a.2c00.0002"
HOSTILE = "001a.2c00.0004"


def acked(device: str = DEVICE, age_s: float = 5.0) -> dict[str, Any]:
    return {
        "event": "fileid.acked",
        "device": device,
        "fileid": FILEID if device == DEVICE else "0" * 16,
        "at": round(time.time() - age_s, 3),
        "class": "data",
        "sealed": "full",
        "cfm": "cfm-1",
        "tried": ["cfm-1"],
        "next_server": "10.0.0.11",
        "handoff_ms": 2.5,
    }


def hostile() -> dict[str, Any]:
    """An event whose texts would clear the screen and rename the window."""
    return acked(HOSTILE) | {"fileid": "1" * 16, "class": "\x1b[2J\x9b1m", "cfm": "\x1b]0;owned\x07"}


def completed(age_s: float = 4.0) -> dict[str, Any]:
    return {
        "event": "download.completed",
        "device": DEVICE,
        "fileid": FILEID,
        "at": round(time.time() - age_s, 3),
        "how": "row",
        "took_ms": 12.0,
        "waited_ms": 0.0,
        "bytes": 300,
        "blocks": 1,
        "retransmits": 0,
        "port": 4000,
    }


@pytest.fixture
def write(configs: dict[str, Config], tmp_path: Path) -> Callable[..., Path]:
    """Writes the configuration of an instance; keywords go into its `kafka` section."""

    def make(name: str, **kafka: Any) -> Path:
        configs[name]["kafka"] |= kafka
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(configs[name]))
        return path

    return make


@pytest.fixture(scope="module")
def topic() -> Iterator[str]:
    """A broker whose audit topic holds what a sidecar and a CFM told, and what is none of theirs."""
    with embedded() as servers:
        producer = Producer({"bootstrap.servers": servers})
        for instance, events in (("dhcp-1", [acked(OTHER), acked(), hostile()]), ("cfm-1", [completed()])):
            data = json.dumps({"events": events}, separators=(",", ":")).encode()
            envelope = Stamp(instance, "lab", 7).envelope(AUDIT, data, time_ms=int(time.time() * 1000))
            producer.produce("provbus.audit.v1", data, headers=to_headers(envelope), key=instance)
        producer.produce("provbus.audit.v1", f'not JSON "{DEVICE}"'.encode())
        nobodys = {"event": "fileid.expired", "device": DEVICE, "fileid": FILEID, "at": time.time()}
        producer.produce(
            "provbus.audit.v1", json.dumps({"events": [nobodys]}, separators=(",", ":")).encode()
        )
        assert producer.flush(10) == 0
        yield servers
        producer.close()


@pytest.mark.parametrize(
    "what", [DEVICE, "001A2C000001", "00-1a-2c-00-00-01", "00:1a:2c:00:00:01", FILEID, FILEID.upper()]
)
def test_the_audit_topic_tells_the_whole_boot(
    topic: str, write: Callable[..., Path], provbus: Provbus, what: str
) -> None:
    result = provbus("trace", what, "--config", write("dhcp-1", bootstrap=topic))
    assert result.returncode == 0, result.stderr
    title, header, *lines = result.stdout.splitlines()
    assert title.strip() == f"{DEVICE} FileID {FILEID}"
    assert header.split() == ["ms", "instance", "what", "reason"]
    assert [line.split()[1:3] for line in lines] == [
        ["dhcp-1", "minted"],
        ["dhcp-1", "acked"],
        ["cfm-1", "read"],
        ["cfm-1", "served"],
        ["cfm-1", "last"],
    ]
    assert lines[0].startswith("0.0 ")
    assert result.stderr == "source: the audit topic\n"


def test_no_escape_sequence_of_the_topic_reaches_the_terminal(
    topic: str, write: Callable[..., Path], provbus: Provbus
) -> None:
    result = provbus("trace", HOSTILE, "--config", write("dhcp-1", bootstrap=topic))
    assert result.returncode == 0, result.stderr
    assert r"class \x1b[2J\x9b1m" in result.stdout
    assert r"acked by \x1b]0;owned\x07" in result.stdout
    assert not {"\x1b", "\x9b", "\x07"} & {*result.stdout, *result.stderr}


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_get_it_too(topic: str, write: Callable[..., Path], provbus: Provbus, output: str) -> None:
    result = provbus("trace", DEVICE, "--config", write("dhcp-1", bootstrap=topic), "-o", output)
    found = yaml.safe_load(result.stdout)
    assert found["source"] == "the audit topic"
    (boot,) = found["boots"]
    assert (boot["fileid"], boot["device"]) == (FILEID, DEVICE)
    assert boot["moments"][1]["what"] == "acked by cfm-1"
    assert boot["moments"][1]["ms"] == 2.5


@pytest.mark.parametrize(("what", "since"), [("001a.2c00.0003", "15m"), (DEVICE, "2s"), ("f" * 16, "1d")])
def test_who_is_not_in_it_is_1(
    topic: str, write: Callable[..., Path], provbus: Provbus, what: str, since: str
) -> None:
    result = provbus("trace", what, "--config", write("dhcp-1", bootstrap=topic), "--since", since)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"nothing is known of {what}; source: the audit topic" in result.stderr


def test_without_kafka_the_instances_are_asked(
    write: Callable[..., Path], tmp_path: Path, provbus: Provbus
) -> None:
    paths = [write(name) for name in ("dhcp-1", "cfm-1", "mps-1")]
    options = [word for path in paths for word in ("--config", path)]
    dhcp = {"id": None, "instance": "dhcp-1", "events": [acked(), acked(age_s=10_000.0)]}
    cfm = {"id": None, "instance": "cfm-1", "events": [completed()]}
    with (
        answering(tmp_path / "dhcp-1.sock", dhcp) as asked,
        answering(tmp_path / "cfm-1.sock", cfm),
    ):
        result = provbus("trace", DEVICE, *options, "-o", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["source"] == "the memory of dhcp-1, cfm-1"
    assert [one["instance"] for one in found["boots"][0]["moments"]] == ["dhcp-1"] * 2 + ["cfm-1"] * 3
    assert asked == [{"op": "trace", "device": DEVICE}]
    assert "Kafka does not answer" in result.stderr
    assert "mps-1.admin.sock: start mps-1" in result.stderr


def test_when_nobody_answers_it_is_69(write: Callable[..., Path], provbus: Provbus) -> None:
    result = provbus("trace", DEVICE, "--config", write("dhcp-1"))
    assert (result.returncode, result.stdout) == (69, "")
    assert "neither Kafka nor any of these instances answers" in result.stderr
    assert "Kafka does not answer: 127.0.0.1:1: Connect to" in result.stderr
    assert "rdkafka#" not in result.stderr


@pytest.mark.parametrize("instance", ["dhcp-1", "cfm-1"])
def test_a_whole_file_name_is_opened_with_the_keys_of_the_instance(
    topic: str, write: Callable[..., Path], provbus: Provbus, instance: str
) -> None:
    path = write(instance, bootstrap=topic)
    config = load(write("dhcp-1"))
    assert config.minter is not None
    key = load_seal_keys(config.minter.seal_key, load_fleet(config.fleet), KEY_BYTES)[0]
    minter = number_of("dhcp-1")
    fields = Fields(
        False, 0, Token(1, 1), bytes(6), bytes(4), bytes(4), minter, 1, 1, bytes.fromhex(FILEID), b""
    )
    name = Sealer(SealKey.of(*key)).seal(pack(fields), "data").name.decode()
    result = provbus("trace", name, "--config", path)
    assert result.returncode == 0, result.stderr
    assert FILEID in result.stdout
    strange = provbus("trace", name, "--config", write("mps-1", bootstrap=topic))
    assert strange.returncode == 78
    assert "no seal key of mps-1 opens" in strange.stderr


@pytest.mark.parametrize(
    "words", [["modem"], ["5f0c"], [DEVICE, "--since", "soon"], [DEVICE, "--since", "-5m"]]
)
def test_what_cannot_be_traced_is_wrong_usage(
    write: Callable[..., Path], provbus: Provbus, words: list[str]
) -> None:
    assert provbus("trace", *words, "--config", write("dhcp-1")).returncode == 2
