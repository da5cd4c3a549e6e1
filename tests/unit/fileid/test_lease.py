"""Which file a lease is for, and what that file is called."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from fileid.lease import Lease, LeaseFile, choose_file

DEVICE = bytes.fromhex("001a2c000001")
MODEM = LeaseFile("cm", "modem.cm", ("cfm-1",))
LAB_MODEM = LeaseFile("cm", "lab.{device}.cm", ("cfm-1",), frozenset({7}))
ADAPTER = LeaseFile("mta", "adapter.cfg", ("cfm-2",), frozenset({9}), (IPv4Network("127.96.0.0/11"),))


def lease(address: str = "127.64.0.1", subnet_id: int = 1, remote_id: bytes = DEVICE) -> Lease:
    return Lease(DEVICE, IPv4Address(address).packed, 1_700_000_000, subnet_id, b"", remote_id)


@pytest.mark.parametrize(
    ("granted", "file"),
    [
        pytest.param(lease(), MODEM, id="a modem by its own address as remote id"),
        pytest.param(lease(remote_id=b""), None, id="no option 82"),
        pytest.param(lease(remote_id=DEVICE[::-1]), None, id="something behind a modem"),
        pytest.param(lease(subnet_id=7), LAB_MODEM, id="the first that fits"),
        pytest.param(lease("127.96.0.1", remote_id=DEVICE[::-1]), ADAPTER, id="an adapter by its network"),
        pytest.param(lease("127.96.0.1"), MODEM, id="a modem among adapters"),
        pytest.param(lease("127.95.255.255", remote_id=b""), None, id="beside the network"),
        pytest.param(lease(subnet_id=9, remote_id=b""), ADAPTER, id="an adapter by its subnet"),
    ],
)
def test_a_lease_has_the_first_file_that_it_is_for(granted: Lease, file: LeaseFile | None) -> None:
    assert choose_file(granted, [LAB_MODEM, ADAPTER, MODEM]) == file


def test_without_files_there_is_none() -> None:
    assert choose_file(lease(), []) is None
