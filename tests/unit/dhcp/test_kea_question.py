"""The question to Kea, which subnet a relay is for, and whether an answer is what we have; no socket."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from fileid.lease import LeaseFile
from services.dhcp.client.bootp import DISCOVER, OFFER, UNSET, Message
from services.dhcp.kea.doctor.question import (
    Device,
    KeaOffer,
    answer_of,
    discover,
    interfaces,
    judge,
    no_subnet,
    place,
    subnet_of,
    why_silent,
)
from services.dhcp.kea.doctor.remarks import report

MAC = bytes.fromhex("001a2c000001")
MODEM = Device(MAC, "cm", MAC)
OWN = IPv4Address("10.9.0.1")
DOCSIS = "substring(option[60].hex,0,6) == 'docsis'"
PKTC = "substring(option[60].hex,0,4) == 'pktc'"
CONFIG: dict[str, Any] = {
    "store-extended-info": True,
    "client-classes": [{"name": "docsis", "test": DOCSIS}, {"name": "pktc", "test": PKTC}],
    "subnet4": [
        {"id": 5, "subnet": "10.1.0.0/16"},
        {"id": 2, "subnet": "10.2.0.0/16", "relay": {"ip-addresses": ["192.0.2.1"]}, "client-class": "pktc"},
        {"id": 3, "subnet": "10.3.0.0/16", "relay": {"ip-addresses": ["192.0.2.1"]}},
        {"id": 4, "subnet": "10.0.0.0/8", "client-classes": ["docsis"]},
        {"id": 6, "subnet": "192.0.2.0/24"},
    ],
    "shared-networks": [
        {
            "name": "n",
            "relay": {"ip-addresses": ["192.0.2.7"]},
            "client-class": "docsis",
            "subnet4": [
                {"id": 8, "subnet": "10.8.0.0/16", "relay": {"ip-addresses": ["192.0.2.8"]}},
                {"id": 9, "subnet": "10.9.0.0/32", "relay": {"ip-addresses": []}},
            ],
        }
    ],
}
FILES = [
    LeaseFile("cm", "modem.cm", ("cfm-1",), frozenset({5})),
    LeaseFile("cm", "{device}.cm", ("cfm-1",), frozenset({3})),
    LeaseFile("mta", "adapter.cfg", ("cfm-2",), frozenset(), (IPv4Network("10.2.0.0/16"),)),
]
SERVERS = {"cfm-1": "192.0.2.11", "cfm-2": "192.0.2.12"}


@pytest.mark.parametrize(
    ("relay", "kind", "number"),
    [
        ("192.0.2.1", "cm", 3),  # the adapters' subnet names the relay too, and does not let a modem in
        ("192.0.2.1", "mta", 2),
        ("192.0.2.7", "cm", 9),  # the network speaks for the subnet that names none
        ("192.0.2.8", "cm", 8),
        ("192.0.2.7", "mta", 6),  # the network is for modems: by the prefix
        ("192.0.2.9", "cm", 6),
        ("10.1.2.3", "cm", 4),  # ids count, not places
        ("10.1.2.3", "mta", 5),
        ("198.51.100.1", "cm", None),
    ],
)
def test_the_subnet_of_a_relay_is_the_one_that_kea_chooses(relay: str, kind: str, number: int | None) -> None:
    scope = subnet_of(CONFIG, IPv4Address(relay), kind)
    assert (None if scope is None else scope.subnet["id"]) == number


def test_a_modem_behind_a_relay_names_its_subnet_and_itself() -> None:
    asked = discover(MODEM, OWN, subnet_of(CONFIG, IPv4Address("192.0.2.1"), "cm"), 7)
    assert asked == Message(
        DISCOVER,
        7,
        MAC,
        ciaddr=OWN.packed,
        vendor_class=b"docsis3.1:",
        client_id=b"\1" + MAC,
        remote_id=MAC,
        link=bytes((10, 3, 0, 1)),
    )
    assert asked.giaddr == UNSET  # Kea would answer there, and it is not ours


def test_an_adapter_that_is_not_relayed_has_no_option_82() -> None:
    asked = discover(Device(MAC, "mta", b"x"), OWN, None, 7)
    assert (asked.vendor_class, asked.remote_id, asked.link) == (b"pktc1.5:", b"", b"")


def test_a_subnet_of_one_address_is_named_by_it() -> None:
    scope = subnet_of(CONFIG, IPv4Address("192.0.2.7"), "cm")
    assert discover(MODEM, OWN, scope, 1).link == bytes((10, 9, 0, 0))


def test_an_offer_is_read_from_the_bootp_fields() -> None:
    offer = Message(
        OFFER, 7, MAC, yiaddr=bytes((10, 3, 0, 9)), siaddr=bytes((192, 0, 2, 11)), file=b"modem.cm"
    )
    assert answer_of(offer) == KeaOffer("10.3.0.9", "192.0.2.11", "modem.cm")
    assert answer_of(Message(OFFER, 7, MAC)) == KeaOffer("0.0.0.0", "", "")


@pytest.mark.parametrize(
    ("answer", "device", "said"),
    [
        (KeaOffer("10.3.0.9", "192.0.2.11", "001a2c000001.cm"), MODEM, []),
        (KeaOffer("10.2.0.9", "192.0.2.12", "adapter.cfg"), Device(MAC, "mta", b""), []),
        (
            KeaOffer("10.3.0.9", "192.0.2.11", "001a2c000002.cm"),
            MODEM,
            ["file: the device is told 001a2c000002.cm, its row is for 001a2c000001.cm"],
        ),
        (
            KeaOffer("10.3.0.9", "", ""),
            MODEM,
            [
                "file: the device is told no file name, its row is for 001a2c000001.cm",
                "next_server: the device is told no server, its row is at 192.0.2.11 (cfm-1)",
            ],
        ),
        (
            KeaOffer("10.3.0.9", "192.0.2.12", "001a2c000001.cm"),
            MODEM,
            ["next_server: the device is told 192.0.2.12, its row is at 192.0.2.11 (cfm-1)"],
        ),
        (
            KeaOffer("10.8.0.9", "192.0.2.11", "modem.cm"),
            MODEM,
            [
                "minter.kea.files: none is for a lease of 10.8.0.9 with remote id 001a2c000001, so no row "
                "is made"
            ],
        ),
        (
            KeaOffer("10.3.0.9", "192.0.2.11", "001a2c000001.cm"),
            MODEM._replace(remote_id=b""),
            ["minter.kea.files: none is for a lease of 10.3.0.9 with no remote id, so no row is made"],
        ),
    ],
)
def test_an_answer_is_judged_by_the_row_that_follows(
    answer: KeaOffer, device: Device, said: list[str]
) -> None:
    config = {**CONFIG, "subnet4": [one for one in CONFIG["subnet4"] if one["id"] != 4]}
    made = report(judge(answer, device, config, FILES, SERVERS))
    assert (made.findings, made.notes) == (said, [])


def test_a_kea_that_keeps_no_option_82_has_no_row_made() -> None:
    config = {"subnet4": [{"id": 3, "subnet": "10.3.0.0/16"}]}
    answer = KeaOffer("10.3.0.9", "192.0.2.11", "001a2c000001.cm")
    assert report(judge(answer, MODEM, config, FILES, SERVERS)).findings == [
        'Dhcp4: option 82 is not kept, so no row is made: write "store-extended-info": true'
    ]


def test_an_address_that_kea_keeps_for_an_offer_is_noted() -> None:
    config = {
        "offer-lifetime": 60,
        "store-extended-info": True,
        "subnet4": [{"id": 3, "subnet": "10.3.0.0/16"}],
    }
    answer = KeaOffer("10.3.0.9", "192.0.2.11", "001a2c000001.cm")
    made = report(judge(answer, MODEM, config, FILES, SERVERS))
    assert made.notes == ["offer-lifetime: Kea keeps 10.3.0.9 for 60 s, and has written it down"]
    assert made.findings == []


def test_silence_says_what_it_may_mean() -> None:
    raw = why_silent({"interfaces-config": {"interfaces": ["*"]}}, "192.0.2.2:67")  # raw is what Kea assumes
    assert "dhcp-socket-type is raw" in raw
    assert "say where with --at" in why_silent(
        {"interfaces-config": {"dhcp-socket-type": "udp"}}, "192.0.2.2:67"
    )


def test_a_relay_without_a_subnet() -> None:
    assert (
        no_subnet(OWN).what
        == 'none is for relay 10.9.0.1: write "relay": {"ip-addresses": ["10.9.0.1"]} into one'
    )


def test_places() -> None:
    assert place("192.0.2.1", 67) == (IPv4Address("192.0.2.1"), 67)
    assert place("192.0.2.1:6767", 67) == (IPv4Address("192.0.2.1"), 6767)


@pytest.mark.parametrize("text", ["here", "192.0.2.1:x", "192.0.2.1:65536", "192.0.2.1:-1", "[::1]:67"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|Expected|invalid"):
        place(text, 67)


def test_interfaces_are_those_of_the_configuration() -> None:
    assert interfaces({"interfaces-config": {"interfaces": ["eth0/192.0.2.2", "*"]}}) == [
        "eth0/192.0.2.2",
        "*",
    ]
    assert interfaces({}) == []
