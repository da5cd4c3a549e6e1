"""Which file a lease is for, and what that file is called."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from fileid.lease import Lease, LeaseFile, choose_file, named_device

DEVICE = bytes.fromhex("001a2c000001")
MODEM = LeaseFile("cm", "modem.cm", ("cfm-1",))
LAB_MODEM = LeaseFile("cm", "lab.{device}.cm", ("cfm-1",), frozenset({7}))
ADAPTER = LeaseFile("mta", "adapter.cfg", ("cfm-2",), frozenset({9}), (IPv4Network("127.96.0.0/11"),))

BARE = LeaseFile("cm", "bare.cm", ("cfm-1",), frozenset({8}), takes_no_remote_id=True)


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


@pytest.mark.parametrize(
    ("granted", "file"),
    [
        pytest.param(lease(remote_id=b""), None, id="elsewhere"),
        pytest.param(lease(subnet_id=8, remote_id=b""), BARE, id="in a subnet whose CMTS writes none"),
        pytest.param(lease(subnet_id=8), MODEM, id="with its own address there"),
        pytest.param(lease(subnet_id=8, remote_id=DEVICE[::-1]), None, id="something behind a modem there"),
        pytest.param(lease(subnet_id=8, remote_id=b"node 7"), None, id="six bytes of something else there"),
        pytest.param(lease("127.96.0.1", subnet_id=8, remote_id=b""), ADAPTER, id="an adapter there"),
    ],
)
def test_without_a_remote_id_only_a_named_subnet_makes_a_modem(
    granted: Lease, file: LeaseFile | None
) -> None:
    assert choose_file(granted, [MODEM, BARE, ADAPTER]) == file


@pytest.mark.parametrize(
    ("remote_id", "named"),
    [
        (DEVICE, DEVICE),
        (b"\0\6" + DEVICE, DEVICE),
        (b"001a2c000001", DEVICE),
        (b"001A2C000001", DEVICE),
        (b"00:1a:2c:00:00:01", DEVICE),
        (b"00-1a-2c-00-00-01", DEVICE),
        (b"001a.2c00.0001", DEVICE),
        (b"", None),
        (b"\0\7" + DEVICE, None),
        (b"\1\6" + DEVICE, None),
        (DEVICE[:5], None),
        (DEVICE + b"\0", None),
        (b"001a2c00000", None),
        (b"001a2c0000012", None),
        (b"001a2c00000g", None),
        (b" 001a2c000001", None),
        (b"001a2c000001\n", None),
    ],
)
def test_a_remote_id_names_a_device_in_three_forms(remote_id: bytes, named: bytes | None) -> None:
    assert named_device(remote_id) == named


def test_without_files_there_is_none() -> None:
    assert choose_file(lease(), []) is None
