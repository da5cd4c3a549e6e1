"""Disks of machines: filled to the last byte, and no other one is ever filled."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from bus.errors import StateError
from services.brokers.properties import NODES
from services.lab.network.broker_machines import BrokerMachines
from services.lab.network.small_disk import fill, make_room, small_disk
from tests.requirement import need_namespaces

KIB = 2048


def test_what_is_on_no_disk_of_its_own_is_not_filled(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not on a disk of its own"):
        fill(tmp_path)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_a_full_disk_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    need_namespaces(os.environ)
    with small_disk(tmp_path, KIB):
        fill(tmp_path)
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "more").write_bytes(bytes(4096))
        make_room(tmp_path)
        (tmp_path / "more").write_bytes(bytes(4096))
    assert not tmp_path.is_mount()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_brokers_that_are_made_anew_have_new_disks(tmp_path: Path) -> None:
    need_namespaces(os.environ)
    with ExitStack() as disks:
        places = BrokerMachines(lambda machine: ["/bin/enter", machine], tmp_path, disks)
        data = tmp_path / "1" / "data"
        data.mkdir(parents=True)
        for _ in range(2):
            node, *others = places.draw()
            assert len(others) == NODES - 1
            places.furnish(node, data.parent)
            assert data.is_mount()
            assert [*data.iterdir()] == []
            (data / "log").touch()
    assert not data.is_mount()
