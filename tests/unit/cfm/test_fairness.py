"""What one subscriber may have of a CFM: each abuse with a well-behaved modem beside it."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from bus.envelope import number_of
from fileid.given import Given
from fileid.parking import GIVEN_MAX
from fileid.row import LIFE_S, Row, pack
from fileid.seal import KEY_BYTES, Sealer, SealKey
from fileid.shares import OPENS_BURST, OPENS_BURST_CMTS, PARKED_MAX_EACH
from services.cfm.machine import Cfm
from services.cfm.reading.downloads import BUILDS_BURST, RUNNING_MAX
from services.docsis.checks.verify import inspect
from services.tftp.effects import Datagram
from services.tftp.packets import ACK, DATA, HEAD, Request, format_request
from services.tftp.server_core import TftpServer
from services.tftp.session import LIFE_S_MAX
from services.tftp.sockets import Wakeup

ABUSER, MODEM, CMTS = "10.0.0.7", "10.0.0.8", "192.0.2.1"
PACKED = {address: bytes(map(int, address.split("."))) for address in (ABUSER, MODEM, CMTS)}

Make = Callable[..., Any]


def data(effects: list[Any]) -> list[bytes]:
    return [one.data for one in effects if isinstance(one, Datagram)]


def sealed(row: Row, addresses: list[bytes]) -> list[Row]:
    """Rows like this one with serials of their own, for these addresses."""
    sealer, fields = Sealer(SealKey(0, number_of("dhcp-1"), bytes(KEY_BYTES))), row.fields()
    return [
        sealer.seal(pack(fields._replace(serial=at.to_bytes(8), address=address)), "data")
        for at, address in enumerate(addresses, start=1_000)
    ]


def silent(cfm: Cfm) -> dict[str, Any]:
    found: dict[str, Any] = cfm.status.describe(0.0)["silent"]
    return found


def forged(row: Row, at: int) -> Row:
    """A name like the row's that no minter sealed."""
    return Row(b"%b%04d%b" % (row.name[:20], at, row.name[24:]), row.body)


def test_a_download_that_is_never_finished_gets_no_file_after_its_row_is_old(
    cfm: Cfm, mint: Make, hand_off: Make
) -> None:
    """It asks for 255 s of patience, acknowledges all but the last block, and begins anew every 10 s."""
    row, built = mint(), []
    request = format_request(Request(row.name, blksize=64)) + b"timeout\x00255\x00"
    cfm.receive(hand_off(row), 0.0)
    heard_at = 0.0
    for second in range(0, 3600, 10):
        now = float(second)
        cfm.tick(now)
        answers = data(cfm.receive(Wakeup(0, [(request, (ABUSER, 2000 + second))]), now))
        number, file = 0, b""
        while answers:
            heard_at = now
            (packet,) = answers
            assert b"timeout" not in packet
            file += packet[HEAD.size :] if packet[1] == DATA else b""
            if packet[1] == DATA and len(packet) < HEAD.size + 64:
                built.append(inspect(file).timestamp_s or 0)
                break
            acked = HEAD.pack(ACK, number)
            answers = data(cfm.receive(Wakeup(1, [(acked, (ABUSER, 2000 + second))]), now))
            number += 1
    assert built
    assert max(built) - min(built) <= LIFE_S_MAX - LIFE_S
    assert heard_at <= LIFE_S_MAX
    assert len(cfm.parts.serving) == 0


def test_one_address_with_20_000_names_leaves_its_neighbour_a_session(
    build: Make, mint: Make, hand_off: Make, rrq: Make
) -> None:
    cfm = build(tftp=TftpServer(transfer_sockets=1, sessions_max=20_000))
    rows, neighbour = sealed(mint(), [PACKED[ABUSER]] * 20_000), mint(address=PACKED[MODEM])
    for seq, at in enumerate(range(0, len(rows), 64)):
        cfm.receive(hand_off(*rows[at : at + 64], seq=seq + 1), 0.0)
    cfm.receive(hand_off(neighbour, seq=1_000), 0.0)
    for at, row in enumerate(rows):
        cfm.receive(rrq(row, port=at + 1), 1.0 + at / 1_000)
    assert len(cfm.parts.tftp) <= RUNNING_MAX
    assert data(cfm.receive(rrq(neighbour, address=MODEM), 21.0))
    assert cfm.parts.tftp.counters.refused_full == 0


def test_behind_a_cmts_each_device_pays_for_itself(
    build: Make, mint: Make, hand_off: Make, rrq: Make
) -> None:
    cfm = build(proxies=[ip_network(CMTS)])
    rows, neighbour = [mint(address=PACKED[ABUSER]) for _ in range(60)], mint(address=PACKED[MODEM])
    cfm.receive(hand_off(*rows, neighbour), 0.0)
    served = [row for port, row in enumerate(rows) if cfm.receive(rrq(row, address=CMTS, port=port + 1), 1.0)]
    assert len(served) == RUNNING_MAX
    assert data(cfm.receive(rrq(neighbour, address=CMTS, port=9000), 1.0))
    assert silent(cfm) == {"share_running": 60 - RUNNING_MAX}


def test_files_are_built_for_a_device_at_a_rate_that_no_modem_needs(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    """It ends each read with an ERROR, or begins it anew from another port."""
    row, neighbour = mint(address=PACKED[ABUSER]), mint(address=PACKED[MODEM])
    cfm.receive(hand_off(row, neighbour), 0.0)
    packets = 0
    for at in range(1_000):
        now = 1.0 + at / 100
        packets += len(data(cfm.receive(rrq(row, port=2000 + at), now)))
        if at % 2:
            cfm.receive(Wakeup(1, [(b"\0\5\0\0no\0", (ABUSER, 2000 + at))]), now)
    assert packets <= BUILDS_BURST + 10
    assert data(cfm.receive(rrq(neighbour, address=MODEM), 11.0))


def test_a_whole_plant_that_boots_within_a_second_is_served(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    devices = [(10 << 24 | at).to_bytes(4) for at in range(12_000)]
    rows = sealed(mint(), devices)
    for seq, at in enumerate(range(0, len(rows), 64)):
        cfm.receive(hand_off(*rows[at : at + 64], seq=seq + 1), 0.0)
    for row, device in zip(rows, devices, strict=True):
        assert cfm.receive(rrq(row, address=".".join(map(str, device))), 0.5)
    assert silent(cfm) == {}


def test_what_one_address_parks_is_bounded_and_its_neighbour_is_parked(
    cfm: Cfm, mint: Make, rrq: Make
) -> None:
    for port in range(100):
        cfm.receive(rrq(mint(address=PACKED[ABUSER]), port=port + 1), 0.0)
    assert (len(cfm.parts.reads), len(cfm.parts.tftp)) == (PARKED_MAX_EACH, PARKED_MAX_EACH)
    cfm.receive(rrq(mint(address=PACKED[MODEM]), address=MODEM), 0.0)
    assert len(cfm.parts.reads) == PARKED_MAX_EACH + 1
    assert silent(cfm) == {"share_parked": 100 - PARKED_MAX_EACH}


@pytest.mark.parametrize("is_netascii", [False, True])
def test_forged_seals_are_tried_for_an_address_at_a_rate_and_for_its_neighbour_too(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, is_netascii: bool
) -> None:
    row, early, neighbour = mint(), mint(), mint(address=PACKED[MODEM])
    cfm.receive(hand_off(row), 0.0)
    for at in range(OPENS_BURST + 30):
        cfm.receive(rrq(forged(row, at), port=at + 1, netascii=is_netascii), 0.0)
    if not is_netascii:
        assert silent(cfm) == {"name": OPENS_BURST, "share_opens": 30}
    cfm.receive(rrq(early, port=9000), 0.0)
    cfm.receive(rrq(neighbour, address=MODEM), 0.0)
    assert len(cfm.parts.reads) == 1  # the neighbour's
    assert data(cfm.receive(rrq(row, port=9001), 0.0))  # a row that is here needs no seal
    cfm.receive(rrq(early, port=9002), 1.0)
    assert len(cfm.parts.reads) == 2  # it may try again


@pytest.mark.parametrize("is_configured", [True, False], ids=["proxy", "relay of a live row"])
def test_a_cmts_may_have_more_seals_tried(
    build: Make, mint: Make, hand_off: Make, rrq: Make, is_configured: bool
) -> None:
    cfm = build(proxies=[ip_network(CMTS)] if is_configured else [])
    row, early = (mint(address=PACKED[MODEM], relay=PACKED[CMTS]) for _ in range(2))
    cfm.receive(hand_off(row), 0.0)
    assert data(cfm.receive(rrq(row, address=CMTS), 0.0))
    for at in range(OPENS_BURST_CMTS // 2):
        cfm.receive(rrq(forged(row, at), address=CMTS, port=at + 1), 0.0)
    cfm.receive(rrq(early, address=CMTS, port=9000), 0.0)
    assert len(cfm.parts.reads) == 1


def test_a_subscriber_with_a_whole_ipv6_prefix_is_one(cfm: Cfm, mint: Make, rrq: Make) -> None:
    row = mint()
    for at in range(OPENS_BURST + 30):
        cfm.receive(rrq(forged(row, at), address=f"2001:db8::{at:x}"), 0.0)
    assert silent(cfm) == {"name": OPENS_BURST, "share_opens": 30}


def test_a_name_of_every_neighbour_is_asked_for_and_a_true_early_read_is_parked(
    build: Make, lease: Make, hand_off: Make
) -> None:
    cfm = build(given=Given(["{device}.cm"]), givers=["dhcp-1"])
    for at in range(GIVEN_MAX):
        request = format_request(Request(b"00aabb%06x.cm" % at))
        cfm.receive(Wakeup(0, [(request, (ABUSER, 2000 + at))]), 0.0)
    row = lease("{device}.cm", address=PACKED[MODEM])
    cfm.receive(Wakeup(0, [(format_request(Request(row.name)), (MODEM, 2000))]), 0.1)
    assert data(cfm.receive(hand_off(row), 0.2))
