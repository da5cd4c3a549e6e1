"""The journal that the lab makes for a Kea: lines that the product reads, nobody else's addresses."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from services.dhcp.kea.journal.entries import parse_header, parse_line
from services.lab.kea.lease_journal import (
    HEADER,
    OLDEST_S,
    YOUNGEST_S,
    GrantedLease,
    established,
    granted,
    journal_lines,
    write_journal,
)
from services.lab.network.addresses import BAIT_NETWORK, ESTABLISHED_MAX, POOLS, STRANGERS_NETWORK
from services.lab.plant.process import MAC_PREFIX

NOW_S = 1_800_000_000


def line(device: str, granted_s: int, *, lifetime_s: int = 60, state: int = 0) -> str:
    expire_s = granted_s + lifetime_s
    return f"127.64.0.1,{device},01:{device},{lifetime_s},{expire_s},1,0,0,,{state},\n"


def test_every_line_is_a_modems_own_lease_of_hours_ago() -> None:
    header, *lines = journal_lines(1000, NOW_S)
    columns = parse_header(header.encode())
    leases = [parse_line(one.encode(), columns) for one in lines]
    assert len({one.address for one in leases if one}) == len({one.device for one in leases if one}) == 1000
    for one in leases:
        assert one is not None
        assert one.remote_id == one.device
        assert NOW_S - OLDEST_S <= one.granted_s <= NOW_S - YOUNGEST_S
    assert [one.granted_s for one in leases if one] == sorted(one.granted_s for one in leases if one)


def test_no_address_and_no_mac_is_anybody_elses() -> None:
    taken = [*POOLS.values(), f"{BAIT_NETWORK}.0/24", f"{STRANGERS_NETWORK}.0/24", "127.0.0.0/24"]
    for number in (0, 1_000_000, ESTABLISHED_MAX + 1000):
        device, address = established(number)
        assert not any(IPv4Address(address) in IPv4Network(one) for one in taken)
        assert IPv4Address(address) < IPv4Network(POOLS["dhcp"])[0]
        assert not device.startswith((MAC_PREFIX, "02:50:44"))
    assert established(255) == ("02:4c:4a:00:00:ff", "127.1.1.0")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_journal(tmp_path / "leases4.csv", 20_001, NOW_S)
    lines = (tmp_path / "leases4.csv").read_text().splitlines()
    assert lines[0] == HEADER
    assert lines == [one.rstrip() for one in journal_lines(20_001, NOW_S)]


def test_what_was_granted_between_two_seconds_is_found_once(tmp_path: Path) -> None:
    devices = [f"02:00:00:00:00:{number:02x}" for number in range(5)]
    one, two = tmp_path / "leases4.csv", tmp_path / "leases4.csv.2"
    one.write_text(f"{HEADER}\n" + line(devices[0], 99) + line(devices[1], 100) + line(devices[2], 109))
    two.write_text(f"{HEADER}\n" + line(devices[2], 109) + line(devices[3], 110) + line(devices[4], 100)[:30])
    found = granted([one, tmp_path / "leases4.csv.1", two], 100, 110)
    assert {lease.device for lease in found} == {devices[1], devices[2]}
    assert GrantedLease(devices[1], "127.64.0.1", 100) in found


def test_a_line_that_takes_an_address_away_is_no_grant(tmp_path: Path) -> None:
    journal = tmp_path / "leases4.csv"
    device = "02:00:00:00:00:01"
    journal.write_text(
        line(device, 100, lifetime_s=0) + line(device, 100, state=1) + line(device, 100, state=2)
    )
    assert granted([journal], 0, 200) == set()
