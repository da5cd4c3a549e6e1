"""The description of a cluster on disk, and who is believed."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.brokers.detached import boot_id, identify
from services.brokers.places import LOOPBACK
from services.brokers.state import (
    Broker,
    ClusterInfo,
    base_directory,
    erase_cluster,
    locked,
    read_cluster,
    state_directory,
    write_cluster,
)


def cluster(directory: Path, **changes: Any) -> ClusterInfo:
    """A cluster whose brokers are all this very test process."""
    here = identify(os.getpid())
    assert here is not None
    brokers = [
        Broker(
            id=number, address=LOOPBACK, port=16000 + number, controller_port=17000 + number, **here._asdict()
        )
        for number in (1, 2, 3)
    ]
    fields = {"version": "4.3.0", "cluster_id": "A" * 22, "boot_id": boot_id(), "directory": directory}
    return ClusterInfo.model_validate({**fields, "brokers": brokers, **changes})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    info = cluster(tmp_path)
    write_cluster(info)
    assert read_cluster(tmp_path) == info
    assert info.bootstrap == "127.0.0.1:16001,127.0.0.1:16002,127.0.0.1:16003"
    assert [entry.name for entry in tmp_path.iterdir()] == ["cluster.json"]


def test_nothing_is_read_where_nothing_is(tmp_path: Path) -> None:
    assert read_cluster(tmp_path) is None
    assert read_cluster(tmp_path / "absent") is None


def test_an_erased_cluster_is_gone(tmp_path: Path) -> None:
    write_cluster(cluster(tmp_path))
    erase_cluster(tmp_path)
    erase_cluster(tmp_path)
    assert read_cluster(tmp_path) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "\x00\xff",
        lambda text: json.dumps({**json.loads(text), "surprise": 1}),
        lambda text: json.dumps({**json.loads(text), "brokers": []}),
        lambda text: text.replace('"port": 16001', '"port": 0'),
        lambda text: text.replace('"port": 16001', '"port": 65536'),
    ],
)
def test_garbage_is_logged_and_none(tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any) -> None:
    write_cluster(cluster(tmp_path))
    path = tmp_path / "cluster.json"
    before = path.read_text()
    path.write_text(spoil(before))
    assert path.read_text() != before
    with caplog.at_level(logging.WARNING):
        assert read_cluster(tmp_path) is None
    assert str(path) in caplog.text


def test_living_are_those_of_this_boot_and_this_start(tmp_path: Path) -> None:
    info = cluster(tmp_path)
    assert info.living() == info.brokers
    assert cluster(tmp_path, boot_id="another").living() == ()
    recycled = info.brokers[1].model_copy(update={"start_ticks": 1})
    mixed = info.model_copy(update={"brokers": (info.brokers[0], recycled, info.brokers[2])})
    assert [broker.id for broker in mixed.living()] == [1, 3]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/x"}, "/state/provbus/kafka"),
        ({"HOME": "/home/x"}, "/home/x/.local/state/provbus/kafka"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/x"}, "/home/x/.local/state/provbus/kafka"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/x"}, "/home/x/.local/state/provbus/kafka"),
    ],
)
def test_state_directory(environ: dict[str, str], expected: str) -> None:
    assert state_directory(environ) == Path(expected)


def test_base_directory_of_another_kind() -> None:
    assert base_directory({"XDG_CACHE_HOME": "/cache"}, "XDG_CACHE_HOME", ".cache") == Path("/cache/provbus")


def test_a_lock_keeps_other_processes_out(tmp_path: Path) -> None:
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    attempt = [sys.executable, "-c", code, str(tmp_path / "new" / ".lock")]
    with locked(tmp_path / "new"):
        held = subprocess.run(attempt, capture_output=True, text=True)
    free = subprocess.run(attempt, capture_output=True, text=True)
    assert "BlockingIOError" in held.stderr
    assert free.returncode == 0, free.stderr


def test_a_cluster_that_an_earlier_build_started_is_known(tmp_path: Path) -> None:
    write_cluster(cluster(tmp_path))
    path = tmp_path / "cluster.json"
    said = json.loads(path.read_text())
    for broker in said["brokers"]:
        del broker["address"]
    del said["client"]
    path.write_text(json.dumps(said))
    info = read_cluster(tmp_path)
    assert info is not None
    assert info.bootstrap.startswith(f"{LOOPBACK}:16001,")
