"""What can be announced: the form and the range of addresses, endpoints, and the paths of sockets."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.wire.endpoint import (
    Endpoint,
    is_any,
    is_loopback,
    is_name,
    needs_ipv6,
    parse,
    split,
    wrong_address,
    wrong_advertise,
    wrong_announced,
    wrong_group,
    wrong_listen,
    wrong_packed,
    wrong_place,
    wrong_servers,
    wrong_socket_path,
)

HOSTS = (
    "1.0.0.1",
    "127.0.0.11",
    "192.0.2.11",
    "223.255.255.255",
    "169.253.255.255",
    "169.255.0.0",
    "::1",
    "2001:db8::11",
    "fd00::1",
    "fe00::1",
    "fec0::1",
)
"""Addresses that one host may have."""

NO_HOSTS = {
    "0.0.0.0": "stands for every address",
    "::": "stands for every address",
    "0.0.0.1": "is reserved (0.0.0.0/8)",
    "0.255.255.255": "is reserved (0.0.0.0/8)",
    "169.254.0.0": "is link-local (169.254.0.0/16)",
    "169.254.255.255": "is link-local (169.254.0.0/16)",
    "224.0.0.0": "is a multicast group",
    "239.255.255.255": "is a multicast group",
    "240.0.0.0": "is reserved (240.0.0.0/4)",
    "255.255.255.254": "is reserved (240.0.0.0/4)",
    "255.255.255.255": "is the broadcast address",
    "fe80::1": "is link-local (fe80::/10)",
    "febf:ffff::1": "is link-local (fe80::/10)",
    "ff02::1": "is a multicast group",
    "ff00::": "is a multicast group",
}
"""Addresses that no single host has, or that mean another host elsewhere."""

NO_ADDRESSES = (
    "",
    "cfm-1",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.1 ",
    "010.0.0.1",
    "1:2:3",
    "*",
    "[::1]",
    "127.1",
)


@pytest.mark.parametrize("text", HOSTS)
def test_the_address_of_a_host_may_be_told(text: str) -> None:
    assert wrong_address(text) == ""


@pytest.mark.parametrize("text", NO_HOSTS)
def test_an_address_that_is_no_host_is_refused_with_its_reason(text: str) -> None:
    assert wrong_address(text).startswith(f"{text} {NO_HOSTS[text]}")
    assert wrong_packed(ip_address(text).packed).startswith(NO_HOSTS[text])


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert wrong_address(text).startswith(f"{text!r} does not appear to be an IPv4 or IPv6 address")


def test_an_address_in_disguise_and_one_with_a_zone_are_refused() -> None:
    assert wrong_address("::ffff:192.0.2.1").endswith("write 192.0.2.1")
    assert "names an interface of this host (%eth0)" in wrong_address("2001:db8::1%eth0")
    assert "names an interface" in wrong_address("fe80::1%eth0")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("239.255.70.1", ""),
        ("224.0.1.0", ""),
        ("232.1.1.1", ""),
        ("239.255.255.255", ""),
        ("224.0.0.0", "is kept for routing protocols"),
        ("224.0.0.255", "is kept for routing protocols"),
        ("223.255.255.255", "is not a multicast group"),
        ("240.0.0.0", "is not a multicast group"),
        ("255.255.255.255", "is not a multicast group"),
        ("ff02::1", "is not a multicast group"),
        ("group", "does not appear to be an IPv4"),
    ],
)
def test_a_group_is_one_that_applications_may_use(text: str, wrong: str) -> None:
    assert wrong in wrong_group(text)
    assert bool(wrong_group(text)) == bool(wrong)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("tcp://192.0.2.11:7001", ("tcp", "192.0.2.11", 7001)),
        ("tcp://[2001:db8::11]:7001", ("tcp", "2001:db8::11", 7001)),
        ("tcp://[::]:7001", ("tcp", "::", 7001)),
        ("tcp://*:7001", ("tcp", "*", 7001)),
        ("tcp://127.0.0.1:*", ("tcp", "127.0.0.1", None)),
        ("tcp://cfm-1.example.net:65535", ("tcp", "cfm-1.example.net", 65535)),
        ("udp://127.0.0.11:1", ("udp", "127.0.0.11", 1)),
    ],
)
def test_an_endpoint_has_three_parts_and_is_written_from_them(
    text: str, parts: tuple[str, str, int | None]
) -> None:
    assert parse(text) == Endpoint(*parts)
    assert str(parse(text)) == text


FORM = {
    "127.0.0.11:7001": "has no scheme: write tcp://127.0.0.11:7001",
    "tcp:127.0.0.11:7001": "has no scheme",
    "": "has no scheme",
    "tcp://127.0.0.11": "has no port: write tcp://127.0.0.11:PORT",
    "tcp://127.0.0.11:": "has no port: write tcp://127.0.0.11:PORT",
    "tcp://[::1]": "has no port: write tcp://[::1]:PORT",
    "tcp://127.0.0.11:0": "'0' is not a port from 1 to 65535",
    "tcp://127.0.0.11:65536": "'65536' is not a port",
    "tcp://127.0.0.11:-1": "'-1' is not a port",
    "tcp://127.0.0.11:+1": "'+1' is not a port",
    "tcp://127.0.0.11:7 ": "'7 ' is not a port",
    "tcp://127.0.0.11:²": "'²' is not a port",
    "tcp://127.0.0.11:tftp": "'tftp' is not a port",
    "tcp://127.0.0.11:7001/x": "'7001/x' is not a port",
    "tcp://::1:7001": "stands in brackets",
    "tcp://[::1]7001": "is not [IPv6 address]:PORT",
    "tcp://[::1:7001": "is not [IPv6 address]:PORT",
    "tcp://[cfm-1]:7001": "is not [IPv6 address]:PORT",
    "ipc:///run/cfm-1": "there is no transport 'ipc'",
    "ipc:///run/cfm-1:1": "there is no transport 'ipc'",
    "inproc://rows:1": "there is no transport 'inproc'",
    "udp://127.0.0.11:7001": "there is no transport 'udp'",
    "TCP://127.0.0.11:7001": "there is no transport 'TCP'",
    "tcp://:7001": "'' is neither an address nor a name",
    "tcp://127.0.0.1;127.0.0.2:7001": "is neither an address nor a name",
    "tcp://127.0.0.256:7001": "is neither an address nor a name",
    "tcp://127.1:7001": "is neither an address nor a name",
    "tcp://a b:7001": "is neither an address nor a name",
    "tcp://-cfm:7001": "is neither an address nor a name",
    "tcp://cfm-:7001": "is neither an address nor a name",
    "tcp://a..b:7001": "is neither an address nor a name",
    f"tcp://{'x' * 64}:7001": "is neither an address nor a name",
    f"tcp://{'x.' * 127}:7001": "is neither an address nor a name",
}


@pytest.mark.parametrize("text", FORM)
def test_an_endpoint_of_another_form_is_refused_everywhere(text: str) -> None:
    assert FORM[text] in wrong_listen(text)
    assert FORM[text] in wrong_advertise(text)
    assert wrong_announced(text, "tcp")


@pytest.mark.parametrize("host", [*HOSTS, "localhost", "cfm-1", "cfm_1", "cfm-1.example.net.", "4you"])
def test_a_host_may_listen_and_be_advertised(host: str) -> None:
    text = str(Endpoint("tcp", host, 7001))
    assert wrong_listen(text) == wrong_advertise(text) == ""
    assert wrong_place(text.removeprefix("tcp://")) == ""


@pytest.mark.parametrize("host", [host for host in NO_HOSTS if not is_any(host)])
def test_no_host_can_neither_listen_nor_be_advertised(host: str) -> None:
    text = str(Endpoint("tcp", host, 7001))
    assert NO_HOSTS[host] in wrong_listen(text)
    assert NO_HOSTS[host] in wrong_advertise(text)
    assert NO_HOSTS[host] in wrong_place(text.removeprefix("tcp://"))
    assert NO_HOSTS[host] in wrong_announced(text, "tcp")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*"])
def test_any_address_is_listened_on_and_never_told(host: str) -> None:
    text = str(Endpoint("tcp", host, 7001))
    assert wrong_listen(text) == ""
    assert "stands for every address" in wrong_advertise(text)
    assert wrong_announced(text, "tcp")


def test_any_port_is_listened_on_and_never_told() -> None:
    assert wrong_listen("tcp://127.0.0.1:*") == ""
    assert wrong_advertise("tcp://127.0.0.1:*") == "tcp://127.0.0.1:* names no port"
    assert wrong_announced("tcp://127.0.0.1:*", "tcp") == "tcp://127.0.0.1:* names no port"


@pytest.mark.parametrize("host", HOSTS)
def test_a_beat_may_announce_the_address_of_a_host(host: str) -> None:
    assert wrong_announced(str(Endpoint("tcp", host, 7001)), "tcp") == ""
    assert wrong_announced(str(Endpoint("udp", host, 7001)), "udp") == ""


def test_a_beat_may_neither_announce_a_name_nor_what_another_transport_carries() -> None:
    """libzmq would look the name up in the thread that serves every other connection as well."""
    assert "'cfm-1' does not appear to be an IPv4" in wrong_announced("tcp://cfm-1:7001", "tcp")
    assert wrong_announced("udp://127.0.0.11:7001", "tcp") == "udp://127.0.0.11:7001 is not of tcp"
    assert wrong_announced("tcp://127.0.0.11:7001", "udp") == "tcp://127.0.0.11:7001 is not of udp"


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("127.0.0.1:9464", ""),
        ("[::1]:9464", ""),
        ("0.0.0.0:9464", ""),
        ("[::]:9464", ""),
        ("localhost:9464", ""),
        ("*:9464", "write 0.0.0.0 or [::]"),
        ("9464", "has no port"),
        ("127.0.0.1", "has no port"),
        ("127.0.0.1:", "has no port"),
        (":9464", "is neither an address nor a name"),
        ("127.0.0.1:0", "is not a port"),
        ("127.0.0.1:65536", "is not a port"),
        ("127.0.0.1:*", "is not a port"),
        ("a:b:1", "stands in brackets"),
        ("::1:9464", "stands in brackets"),
    ],
)
def test_a_place_to_listen_on_is_host_and_port(place: str, wrong: str) -> None:
    assert wrong in wrong_place(place)
    assert bool(wrong_place(place)) == bool(wrong)


@pytest.mark.parametrize(
    ("servers", "wrong"),
    [
        ("127.0.0.1:9092", ""),
        ("kafka-1.example.net:9093,kafka-2.example.net:9093", ""),
        ("kafka-1:9093, kafka-2:9093", ""),
        ("kafka-1", ""),
        ("SASL_SSL://kafka-1:9093", ""),
        ("[2001:db8::1]:9092", ""),
        ("", "is neither an address nor a name"),
        ("kafka-1:9093,", "is neither an address nor a name"),
        ("kafka-1:0", "is not a port"),
        ("127.0.0.1:9092,kafka-1:99999", "is not a port"),
        ("0.0.0.0:9092", "stands for every address"),
        ("224.0.0.1:9092", "is a multicast group"),
        ("::1", "stands in brackets"),
    ],
)
def test_a_list_of_servers_names_hosts(servers: str, wrong: str) -> None:
    assert wrong in wrong_servers(servers)
    assert bool(wrong_servers(servers)) == bool(wrong)


@pytest.mark.parametrize(("size", "is_right"), [(1, True), (107, True), (108, False), (200, False)])
def test_the_path_of_a_socket_fits_into_its_address(size: int, is_right: bool) -> None:
    assert (wrong_socket_path("x" * size) == "") is is_right


def test_the_path_of_a_socket_is_counted_in_bytes() -> None:
    assert wrong_socket_path("é" * 53 + "x") == ""
    assert "has 108 bytes, and the path of a socket at most 107" in wrong_socket_path("é" * 54)


@pytest.mark.parametrize(
    ("endpoint", "does"),
    [
        ("tcp://127.0.0.1:1", False),
        ("tcp://0.0.0.0:1", False),
        ("tcp://[::1]:1", True),
        ("tcp://[::]:1", True),
        ("tcp://*:1", True),
    ],
)
def test_ipv6_is_asked_for_where_it_is_meant(endpoint: str, does: bool) -> None:
    assert needs_ipv6(endpoint) is does


def test_what_a_host_is() -> None:
    assert [is_any(host) for host in ("*", "0.0.0.0", "::", "127.0.0.1", "cfm-1")] == [True] * 3 + [False] * 2
    assert [is_name(host) for host in ("*", "0.0.0.0", "::1", "cfm-1")] == [False] * 3 + [True]
    assert [is_loopback(host) for host in ("127.8.0.1", "::1", "localhost")] == [True] * 3
    assert [is_loopback(host) for host in ("*", "::", "192.0.2.1", "localhost.lab")] == [False] * 4
    assert split("[::1]:9464") == ("::1", "9464")
    assert split("kafka-1") == ("kafka-1", "")


ANYTHING = st.text() | st.builds("{}://{}:{}".format, st.text(), st.text(), st.text() | st.integers())


@given(ANYTHING)
def test_whatever_somebody_says_is_judged_and_never_raised(text: str) -> None:
    """Beats come from others."""
    for judge in (wrong_address, wrong_advertise, wrong_group, wrong_listen, wrong_place, wrong_servers):
        assert isinstance(judge(text), str)
    assert isinstance(wrong_announced(text, "tcp"), str)
    assert isinstance(wrong_socket_path(text), str)
