"""What of a journal is worth a row, and what becomes of the rest."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from bus.telemetry.own_faults import OwnFaults
from fileid.lease import Lease, LeaseFile
from services.dhcp.kea.journal.entries import parse_header
from services.dhcp.kea.journal.sieve import AGE_S_MAX, Sieve
from tests.unit.dhcp.conftest import HEADER, entry, line

WALL_S = 1_700_000_000.0
DEVICE = bytes.fromhex("001a2c000001")
FILES = [
    LeaseFile("cm", "modem.cm", ("cfm-1",)),
    LeaseFile("cm", "bare.cm", ("cfm-1",), frozenset({7}), takes_no_remote_id=True),
    LeaseFile("mta", "adapter.cfg", ("cfm-1",), networks=(IPv4Network("10.9.0.0/16"),)),
]


class Heard:
    """A sieve, and what it said."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.faults = OwnFaults(("kea",))
        self.sieve = Sieve(FILES, self.said.__setitem__, self.faults)

    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.sieve.counts.items() if count}


def lease(granted_s: float = WALL_S, remote_id: bytes = DEVICE, subnet_id: int = 1) -> Lease:
    return Lease(DEVICE, bytes((10, 0, 0, 1)), int(granted_s), subnet_id, b"", remote_id)


def told(lease: Lease) -> dict[str, Any]:
    """A lease as Kea tells it."""
    remote_id = bytes((2, len(lease.remote_id))) + lease.remote_id if lease.remote_id else b""
    return {
        **entry(1, lease.granted_s),
        "ip-address": str(IPv4Address(lease.address)),
        "hw-address": lease.device.hex(":"),
        "subnet-id": lease.subnet_id,
        "user-context": {"ISC": {"relay-agent-info": f"0x{remote_id.hex()}"}},
    }


def test_a_line_is_old_the_second_after_its_minute() -> None:
    heard = Heard()
    ages_s = (0, AGE_S_MAX, AGE_S_MAX + 1)
    lines = [line(number, WALL_S - age_s).rstrip() for number, age_s in enumerate(ages_s)]
    found = heard.sieve.lines(lines, parse_header(HEADER), WALL_S)
    assert [one.device[-1] for one in found] == [0, 1]
    assert heard.counts() == {"lease": 2, "old": 1}


def test_an_old_line_need_not_be_whole() -> None:
    heard = Heard()
    old = line(1, WALL_S - 3600).replace(b"ISC", b"{{{")
    assert heard.sieve.lines([old], parse_header(HEADER), WALL_S) == []
    assert heard.counts() == {"old": 1}


def test_an_entry_that_was_young_when_kea_was_first_asked_is_late() -> None:
    heard = Heard()
    begun_s = WALL_S - 30
    leases = [lease(begun_s - AGE_S_MAX - 1), lease(begun_s - AGE_S_MAX), lease(WALL_S - AGE_S_MAX)]
    entries = [*map(told, leases), {**told(leases[2]), "state": 1}]
    assert heard.sieve.entries(entries, begun_s, WALL_S) == leases[2:]
    assert heard.counts() == {"lease": 1, "old": 1, "late": 1, "other": 1}
    assert [*heard.said] == ["late"]


@pytest.mark.parametrize("wrong", [{}, None, "x", {**entry(1, WALL_S), "cltt": float("inf")}])
def test_a_malformed_entry_costs_no_other(wrong: object) -> None:
    heard = Heard()
    assert heard.sieve.entries([wrong, told(lease())], WALL_S, WALL_S) == [lease()]
    assert heard.counts() == {"lease": 1, "malformed": 1}
    assert "skipped a lease" in heard.said["entry"]


@pytest.mark.parametrize(
    ("found", "is_told"),
    [
        pytest.param(lease(), True, id="its own address"),
        pytest.param(lease(remote_id=b"\0\6" + DEVICE), True, id="its own address with a type"),
        pytest.param(lease(remote_id=b"00:1A:2C:00:00:01"), True, id="its own address in hex"),
        pytest.param(lease(remote_id=DEVICE[::-1]), True, id="the address of the modem before it"),
        pytest.param(lease(remote_id=b"")._replace(address=bytes((10, 9, 0, 1))), True, id="an adapter"),
        pytest.param(lease(remote_id=b"", subnet_id=7), True, id="none, where that is said"),
        pytest.param(lease(remote_id=b""), False, id="none"),
        pytest.param(lease(remote_id=b"port 7", subnet_id=7)._replace(), True, id="six bytes are an address"),
        pytest.param(lease(remote_id=b"node-7/1", subnet_id=7), False, id="a name, where none is expected"),
    ],
)
def test_who_says_nothing_of_the_device_is_counted_and_said(found: Lease, is_told: bool) -> None:
    heard = Heard()
    assert heard.sieve.entries([told(found)], WALL_S, WALL_S) == ([found] if is_told else [])
    assert heard.counts() == ({"lease": 1} if is_told else {"unidentified": 1})
    if not is_told:
        assert "001a.2c00.0001" in heard.said["remote_id"]
        assert (found.remote_id.hex() or "no remote id") in heard.said["remote_id"]
        assert ("remote_id: none" in heard.said["remote_id"]) is (not found.remote_id)


class Unforeseen(dict[str, Any]):
    """An entry at which we raise as nobody has thought of."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("a subscriber's value")


class UnforeseenLine(bytes):
    """The same as a line."""

    def rstrip(self, *_: Any) -> bytes:
        raise RuntimeError("a subscriber's value")


def test_a_fault_of_ours_is_none_of_keas() -> None:
    heard = Heard()
    assert heard.sieve.entries([Unforeseen(), told(lease())], WALL_S, WALL_S) == [lease()]
    lines = [UnforeseenLine(), line(1, WALL_S).rstrip()]
    assert len(heard.sieve.lines(lines, parse_header(HEADER), WALL_S)) == 1
    assert (heard.counts(), heard.said) == ({"lease": 2}, {})
    assert heard.faults.counts == {"kea": 2}
