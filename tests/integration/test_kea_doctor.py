"""What keeps a modem from its file, at a real Kea: the line of the doctor, and what Kea tells a modem that
asks.

Each row changes one thing of `deploy/kea`.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.errors import BusyError, ConfigError, RemoteError, UnavailableError
from services.config.sections import KeaSection
from services.dhcp.kea.daemon.control import command
from services.dhcp.kea.doctor.question import Device, place
from services.dhcp.kea.doctor.remarks import Report, report
from services.dhcp.kea.doctor.signs import header
from services.dhcp.kea.reservations import as_dhcp4
from services.lab.kea.configuration import kea_config
from services.lab.kea.process import Kea, running
from services.lab.site.scenario import KeaHost
from services.operator.kea.checkup import ask_kea, examine_kea
from tests.requirement import need_kea

Change = Callable[[dict[str, Any]], Any]
Told = tuple[str, str]

CONFIG = Path(__file__).parent.parent.parent / "deploy" / "kea" / "kea-dhcp4.conf"
SERVERS = {"cfm-1": "192.0.2.11", "cfm-2": "192.0.2.12"}
MAC = bytes.fromhex("001a2c000001")
HOST = {"hw-address": MAC.hex(":")}
MODEM = Device(MAC, "cm", MAC)
DOCSIS = "substring(option[60].hex,0,6) == 'docsis'"
FILES: list[dict[str, Any]] = [
    {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]},
    {"kind": "mta", "name": "adapter.cfg", "cfms": ["cfm-2"], "networks": ["127.96.0.0/11"]},
]
OWN = [{"kind": "cm", "name": "{device}.cm", "cfms": ["cfm-1"]}]
NAMED = {**HOST, "boot-file-name": "001a2c000001.cm", "next-server": "192.0.2.11"}
GOOD = ("192.0.2.11", "modem.cm")
OWN_TOLD = ("192.0.2.11", "001a2c000001.cm")
WRONG = "next-server 192.0.2.99 gets no rows of modem.cm: write 192.0.2.11 (cfm-1)"
TOLD_WRONG = "next_server: the device is told 192.0.2.99, its row is at 192.0.2.11 (cfm-1)"


class Row(NamedTuple):
    """A change, the doctor's only finding, what Kea tells a modem (server, file), what is said of that."""

    name: str
    change: Change
    finding: str
    told: Told
    fault: str = ""
    files: list[dict[str, Any]] = FILES


def modems(config: dict[str, Any], **values: Any) -> None:
    """Change the modems' class; None takes a field away."""
    one = config["client-classes"][0]
    one.update({name.replace("_", "-"): value for name, value in values.items()})
    for name in [name for name, value in one.items() if value is None]:
        del one[name]


def subnet(config: dict[str, Any], **values: Any) -> None:
    """Change the subnet."""
    config["subnet4"][0].update({name.replace("_", "-"): value for name, value in values.items()})


def before(config: dict[str, Any], **values: Any) -> None:
    """Define a class before the modems'."""
    said = {"name": "before", "test": DOCSIS}
    config["client-classes"].insert(0, said | {name.replace("_", "-"): v for name, v in values.items()})


def elsewhere(config: dict[str, Any]) -> None:
    """Only another subnet has the server."""
    modems(config, next_server=None)
    config["subnet4"].append({"id": 2, "subnet": "10.0.0.0/8", "next-server": "192.0.2.11", "pools": []})
    config["subnet4"][1]["pools"] = [{"pool": "10.0.0.1 - 10.0.0.9", "client-class": "docsis"}]


def unguarded(config: dict[str, Any]) -> None:
    """A modem in no class gets an address all the same."""
    config["subnet4"][0]["pools"] = [{"pool": "127.64.0.1 - 127.64.0.99"}]
    config["client-classes"].pop()


def only_if_required(config: dict[str, Any]) -> None:
    unguarded(config)
    modems(config, only_if_required=True)


def untested(config: dict[str, Any]) -> None:
    unguarded(config)
    modems(config, test=None)


def shared(config: dict[str, Any]) -> None:
    """Two subnets of one network; the modem's reservation is in the other one than it asks from."""
    (one,) = config.pop("subnet4")
    pools = [{"pool": "10.0.0.1 - 10.0.0.9", "client-class": "pktc"}]
    other = {"id": 2, "subnet": "10.0.0.0/8", "pools": pools}
    config["shared-networks"] = [{"name": "n", "subnet4": [one, {**other, "reservations": [NAMED]}]}]
    modems(config, next_server=None, boot_file_name=None)


NO_LOOK = "reservations in subnets are not looked up"
NO_SERVER = "next_server: the device is told no server, its row is at 192.0.2.11 (cfm-1)"
NO_NAME = "file: the device is told no file name, its row is for modem.cm"
NOT_ITS_OWN = "file: the device is told modem.cm, its row is for 001a2c000001.cm"
ROWS = [
    Row(
        "next-server at the subnet alone",
        lambda c: (modems(c, next_server=None), subnet(c, next_server="192.0.2.99")),
        f"subnet 1: {WRONG}",
        ("192.0.2.99", "modem.cm"),
        TOLD_WRONG,
    ),
    Row(
        "next-server at the global level alone",
        lambda c: (modems(c, next_server=None), c.update({"next-server": "192.0.2.99"})),
        f"Dhcp4: {WRONG}",
        ("192.0.2.99", "modem.cm"),
        TOLD_WRONG,
    ),
    Row(
        "next-server at another subnet alone",
        elsewhere,
        'client class docsis: modem.cm without a server in subnet 1: write "next-server" beside it',
        ("-", "modem.cm"),
        NO_SERVER,
        FILES[:1],
    ),
    Row(
        "a reservation with next-server alone",
        lambda c: subnet(c, reservations=[{**HOST, "next-server": "192.0.2.99"}]),
        f"subnet 1, reservation 00:1a:2c:00:00:01: {WRONG}",
        ("192.0.2.99", "modem.cm"),
        TOLD_WRONG,
    ),
    Row(
        "an earlier class with another next-server",
        lambda c: before(c, next_server="192.0.2.99"),
        f"client class before: {WRONG}",
        ("192.0.2.99", "modem.cm"),
        TOLD_WRONG,
    ),
    Row(
        "an earlier class with another boot-file-name",
        lambda c: before(c, boot_file_name="other.cm"),
        "client class before: its boot-file-name other.cm goes before modem.cm of client class docsis",
        ("192.0.2.11", "other.cm"),
        "file: the device is told other.cm, its row is for modem.cm",
    ),
    Row(
        "the class only-if-required",
        only_if_required,
        "client class docsis: gives modem.cm to nobody: it is only-if-required",
        ("-", "-"),
        NO_NAME,
        FILES[:1],
    ),
    Row(
        "the name in a class without a test",
        untested,
        "client class docsis: gives modem.cm to nobody: no device is in a class without a test",
        ("-", "-"),
        NO_NAME,
        FILES[:1],
    ),
    Row(
        "global reservations without reservations-global",
        lambda c: c.update(reservations=[NAMED]),
        'Dhcp4: its reservations are not looked up: write "reservations-global": true beside them, '
        'in the place of any "reservation-mode"',
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
    Row(
        "reservations-in-subnet: false",
        lambda c: (subnet(c, reservations=[NAMED]), c.update({"reservations-in-subnet": False})),
        f"Dhcp4: {NO_LOOK}",
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
    Row(
        "reservation-mode: disabled",
        lambda c: (subnet(c, reservations=[NAMED]), c.update({"reservation-mode": "disabled"})),
        f"Dhcp4: {NO_LOOK}",
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
    Row(
        "reservation-mode: global at the subnet",
        lambda c: subnet(c, reservations=[NAMED], reservation_mode="global"),
        f"subnet 1: {NO_LOOK}",
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
    Row(
        "host-reservation-identifiers without hw-address",
        lambda c: (subnet(c, reservations=[NAMED]), c.update({"host-reservation-identifiers": ["duid"]})),
        "host-reservation-identifiers: reservations by hw-address are not looked up",
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
    Row(
        "a subnet's reservation hides the global one",
        lambda c: (c.update(as_dhcp4([NAMED])), subnet(c, reservations=[{**HOST, "hostname": "x"}])),
        "subnet 1, reservation 00:1a:2c:00:00:01: it hides the global reservation of the same device",
        GOOD,
        NOT_ITS_OWN,
        OWN,
    ),
]
SOUND: list[tuple[str, Change, Told, list[dict[str, Any]]]] = [
    ("as deployed", lambda c: None, GOOD, FILES),
    (
        "a later class",
        lambda c: c["client-classes"].append({"name": "z", "test": DOCSIS, "boot-file-name": "z"}),
        GOOD,
        FILES,
    ),
    (
        "levels that a class hides",
        lambda c: c.update({"next-server": "192.0.2.99", "boot-file-name": "x"}),
        GOOD,
        FILES,
    ),
    (
        "required by the subnet",
        lambda c: (only_if_required(c), subnet(c, require_client_classes=["docsis"])),
        GOOD,
        FILES[:1],
    ),
    ("reserved globally", lambda c: c.update(as_dhcp4([NAMED])), OWN_TOLD, OWN),
    ("reserved in its subnet", lambda c: subnet(c, reservations=[NAMED]), OWN_TOLD, OWN),
    (
        "reserved out of the pool",
        lambda c: (subnet(c, reservations=[NAMED]), c.update({"reservations-out-of-pool": True})),
        OWN_TOLD,
        OWN,
    ),
]


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_kea(os.environ)


class Examined:
    """A Kea with its section, seen by the doctor and asked by a modem."""

    def __init__(self, kea: Kea, files: list[dict[str, Any]], ports: tuple[int, int]) -> None:
        self.kea = kea
        self.section = KeaSection.model_validate(
            {"journal": kea.journal, "control_socket": kea.control_socket, "files": files}
        )
        self._ports = ports

    def report(self) -> Report:
        return report(examine_kea(self.section, SERVERS))

    def ask(self, device: Device = MODEM, relay: str = "127.0.0.1", **changes: Any) -> tuple[Told, Report]:
        """What Kea tells, and what is said of it."""
        at, listen = (place(f"127.0.0.1:{port}", 0) for port in self._ports)
        behind = place(relay, 0) if relay else None
        asked = ask_kea(self.section, SERVERS, device, behind, **{"at": at, "listen": listen, **changes})
        told = asked.answer and (asked.answer.next_server or "-", asked.answer.file or "-")
        return told or ("", ""), report(asked.remarks)


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path, ports: tuple[int, int]) -> Iterator[Start]:
    """Starts a Kea that is as deployed, but for a change."""
    with ExitStack() as stack:

        def begin(change: Change = lambda config: None, files: list[dict[str, Any]] = FILES) -> Examined:
            config = kea_config(KeaHost(config=CONFIG), [*SERVERS.values()], [])
            change(config["Dhcp4"])
            return Examined(stack.enter_context(running(config, tmp_path, *ports)), files, ports)

        yield begin


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_keeps_a_modem_from_its_file(start: Start, row: Row) -> None:
    examined = start(row.change, row.files)
    (finding,) = examined.report().findings
    assert finding.startswith(row.finding)
    told, said = examined.ask()
    assert told == row.told
    assert said.findings[0] == row.fault


@pytest.mark.parametrize(("name", "change", "told", "files"), SOUND, ids=[one[0] for one in SOUND])
def test_what_gives_a_modem_its_file(
    start: Start, name: str, change: Change, told: Told, files: list[dict[str, Any]]
) -> None:
    examined = start(change, files)
    assert examined.report() == Report([], [])
    assert examined.ask() == (told, Report([], []))


def test_a_question_leaves_no_line_in_the_journal(start: Start) -> None:
    examined = start()
    before = examined.kea.journal.read_bytes()
    for number in range(5):
        examined.ask(MODEM._replace(address=bytes(5) + bytes((number,)), remote_id=b""))
    assert examined.kea.journal.read_bytes() == before


def test_an_adapter_asks_too(start: Start) -> None:
    told, said = start().ask(Device(MAC, "mta", b""))
    assert (told, said) == (("192.0.2.12", "adapter.cfg"), Report([], []))


def test_a_device_that_is_not_relayed_is_in_the_subnet_that_it_asks_from(start: Start) -> None:
    assert start().ask(relay="") == (GOOD, Report([], []))


def relays(config: dict[str, Any]) -> None:
    """Two relays of two subnets, each of which has other values; one subnet is for adapters alone."""
    config["subnet4"][0] |= {"subnet": "10.1.0.0/16", "pools": [{"pool": "10.1.0.1 - 10.1.0.9"}]}
    modems(config, next_server=None)
    for number, extra in (
        (2, {"relay": {"ip-addresses": ["192.0.2.77"]}, "client-class": "pktc"}),
        (3, {"relay": {"ip-addresses": ["192.0.2.77", "192.0.2.78"]}, "next-server": "192.0.2.11"}),
    ):
        network = f"10.{number}.0"
        pools = [{"pool": f"{network}.1 - {network}.9"}]
        config["subnet4"].append({"id": number, "subnet": f"{network}.0/24", "pools": pools, **extra})


@pytest.mark.parametrize(
    ("relay", "told"),
    [
        ("10.1.9.9", "-"),
        ("192.0.2.77", "192.0.2.11"),
        ("192.0.2.78", "192.0.2.11"),
        ("10.3.0.5", "192.0.2.11"),
    ],
)
def test_a_relay_has_its_subnet_whoever_asks(start: Start, relay: str, told: str) -> None:
    assert start(relays).ask(relay=relay)[0] == (told, "modem.cm")


def test_a_relay_without_a_subnet_is_told_what_to_write(start: Start) -> None:
    examined = start(relays)
    assert examined.ask(relay="198.51.100.1")[1].findings == [
        'subnet4: none is for relay 198.51.100.1: write "relay": {"ip-addresses": ["198.51.100.1"]} into one'
    ]
    with pytest.raises(
        ConfigError, match=r"no subnet of this Kea is for 127\.0\.0\.1: name the device's CMTS"
    ):
        examined.ask(relay="")


def test_a_modem_that_goes_to_another_subnet_loses_its_reservation(start: Start) -> None:
    examined = start(shared, OWN)
    made = examined.report()
    assert made.findings == []
    assert "do not follow a modem" in made.notes[0]
    assert examined.ask()[1].findings[0].startswith("file: the device is told no file name")


def cut(kea: Kea) -> None:
    """Cut the journal as copytruncate does, and let Kea write a lease."""
    os.truncate(kea.journal, 0)
    lease = {"ip-address": "127.64.0.9", "hw-address": "00:1a:2c:00:00:09", "subnet-id": 1}
    command(kea.control_socket, "lease4-add", lease)


def test_a_kea_whose_reload_failed_answers_no_dhcp(start: Start) -> None:
    examined = start()
    cut(examined.kea)
    with pytest.raises(RemoteError, match="invalid header"):
        command(examined.kea.control_socket, "config-reload")
    mute, headless = examined.report().findings
    assert "Kea: it answers no DHCP, because a reload failed" in mute
    assert "its first line is no header" in headless
    assert examined.ask()[1].findings == [mute]


def test_a_kea_without_sockets_hears_no_dhcp(start: Start) -> None:
    examined = start()
    path = examined.kea.directory / "kea-dhcp4.conf"
    path.write_text(
        path.read_text().replace('"pool": "127.64.0.1 - 127.95.255.254"', '"pool": "10.1.0.1-10.1.0.9"')
    )
    with pytest.raises(RemoteError, match="does not match the prefix"):
        command(examined.kea.control_socket, "config-reload")
    (deaf,) = examined.report().findings
    assert "Kea: it has no socket at which it hears modems" in deaf
    assert examined.ask()[1].findings == [deaf]


def test_a_journal_without_a_header_is_named_while_kea_goes_on(start: Start) -> None:
    examined = start()
    cut(examined.kea)
    (finding,) = examined.report().findings
    assert "Kea will refuse it at its next start or reload: stop kea-dhcp4" in finding
    assert examined.ask() == (GOOD, Report([], []))
    line = header(command(examined.kea.control_socket, "version-get")["text"])
    assert finding.endswith(line)
    examined.kea.journal.write_text(f"{line}\n{examined.kea.journal.read_text()}")
    assert examined.report() == Report([], [])
    command(examined.kea.control_socket, "config-reload")
    assert examined.ask() == (GOOD, Report([], []))


@pytest.mark.parametrize("suffix", [".1", ".2"])
def test_a_clean_up_does_not_hide_a_file_without_a_header(start: Start, suffix: str) -> None:
    examined = start()
    cut = examined.kea.journal.with_name(f"{examined.kea.journal.name}{suffix}")
    cut.write_text("198.18.0.10,00:1a:2c:00:00:01,01:00:1a:2c:00:00:01,86400,1795998675,1,0,0,,0,\n")
    (finding,) = examined.report().findings
    assert finding.startswith(f"{cut}: its first line is no header")


@pytest.mark.parametrize(
    ("remote_id", "said"),
    [
        (b"\0\6" + MAC, None),
        (MAC.hex().encode(), None),
        (b"", "no remote id"),
        (bytes(6), f"remote id {bytes(6).hex()}"),
    ],
)
def test_a_remote_id_that_names_no_modem_makes_no_row(
    start: Start, remote_id: bytes, said: str | None
) -> None:
    examined = start()
    assert examined.report() == Report([], [])
    told, made = examined.ask(MODEM._replace(remote_id=remote_id))
    assert told == GOOD
    line = f"minter.kea.files: none is for a lease of 127.64.0.1 with {said}, so no row is made"
    assert made.findings == ([line] if said else [])


def test_without_a_remote_id_the_files_configuration_decides(start: Start) -> None:
    bare = {**FILES[0], "remote_id": "none", "subnet_ids": [1]}
    examined = start(files=[FILES[1], bare])
    assert examined.ask(MODEM._replace(remote_id=b"")) == (GOOD, Report([], []))


def test_a_pool_that_is_empty_is_silence(start: Start) -> None:
    examined = start(lambda config: subnet(config, pools=[{"pool": "127.64.0.1/32", "client-class": "pktc"}]))
    with pytest.raises(UnavailableError, match=r"nothing answers from 127\.0\.0\.1:"):
        examined.ask()


def test_a_port_that_is_taken_is_named(start: Start) -> None:
    examined = start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = place(f"127.0.0.1:{other.getsockname()[1]}", 0)
        with pytest.raises(BusyError, match=r"another DHCP client holds 127\.0\.0\.1:"):
            examined.ask(listen=taken)


def test_the_table_is_one_change_each() -> None:
    """Rows that change the same thing twice would test nothing."""
    config = json.dumps(kea_config(KeaHost(config=CONFIG), [*SERVERS.values()], []))
    made = []
    for row in ROWS:
        changed = json.loads(config)
        row.change(changed["Dhcp4"])
        made.append(json.dumps(changed))
    assert len({config, *made}) == len(ROWS) + 1
