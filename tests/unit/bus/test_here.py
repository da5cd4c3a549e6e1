"""What only the host can say: addresses that are not there, ports that are taken, names, and patience."""

import errno
import socket
from collections.abc import Iterator

import pytest

from bus.errors import BusyError, ConfigError, TransportError, UnavailableError
from bus.transport.here import (
    Patience,
    cannot_listen,
    check_free,
    check_one_host,
    look_up,
    look_up_advertised,
    look_up_endpoint,
)

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Late:
    """A step that fails so many times, with this error."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error, self.tried = times, error, 0

    def __call__(self) -> str:
        self.tried += 1
        if self.tried <= self.times:
            raise self.error
        return "done"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.mark.parametrize("error", [BusyError("port 7001: in use"), UnavailableError("cfm-1 has no address")])
def test_what_is_late_is_waited_for_and_said_once(
    time: Time, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    step = Late(5, error)
    assert Patience(10.0, time, time.pass_by).until_done(step) == "done"
    assert step.tried == 6
    assert [one.getMessage() for one in caplog.records] == [f"{error}; trying again for 10 s"]


def test_patience_ends_and_then_the_error_is_the_last_one(time: Time) -> None:
    patience = Patience(10.0, time, time.pass_by)
    time.pass_by(7.0)  # what else a start takes
    step = Late(10_000, BusyError("in use"))
    with pytest.raises(BusyError, match="in use"):
        patience.until_done(step)
    assert time.now == 117.0
    tried = step.tried
    with pytest.raises(BusyError):
        patience.until_done(step)  # the time is of the whole start, not of each step
    assert step.tried == tried + 1


def test_what_no_waiting_mends_is_not_waited_for(time: Time) -> None:
    step = Late(1, ConfigError("wrong for ever"))
    with pytest.raises(ConfigError):
        Patience(10.0, time, time.pass_by).until_done(step)
    assert (step.tried, time.now) == (1, 100.0)


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.EADDRINUSE, BusyError, "x: Address already in use"),
        (errno.EACCES, BusyError, "x: Permission denied"),
        (errno.EADDRNOTAVAIL, UnavailableError, "x: 192.0.2.7 is not an address of this host"),
        (errno.ENODEV, UnavailableError, "x: 192.0.2.7 is not an address of this host"),
    ],
)
def test_why_nobody_can_listen_says_who_must_act(number: int, kind: type[TransportError], said: str) -> None:
    error = cannot_listen("x", "192.0.2.7", number)
    assert (type(error), str(error)) == (kind, said)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that others have, for TCP and for UDP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.socket(socket.AF_INET, UDP) as other:
            other.bind(("127.0.0.1", port))
            yield port


@pytest.mark.parametrize("kind", [TCP, UDP])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_others_have_is_busy(taken: int, kind: socket.SocketKind, host: str) -> None:
    with pytest.raises(BusyError, match=f"x: cannot listen on {host} port {taken}: Address already in use"):
        check_free("x", host, taken, kind)
    check_free("x", host, 0, kind)
    check_free("x", "127.0.0.2", taken, kind)


@pytest.mark.parametrize("kind", [TCP, UDP])
@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8::77"])
def test_an_address_that_is_not_here_is_not_available(kind: socket.SocketKind, host: str) -> None:
    with pytest.raises(UnavailableError, match=r"^x: "):
        check_free("x", host, 0, kind)


@pytest.mark.parametrize("kind", [TCP, UDP])
def test_the_broadcast_address_of_a_network_here_is_refused(kind: socket.SocketKind) -> None:
    """The kernel would let us bind to it."""
    with pytest.raises(UnavailableError, match=r"127\.255\.255\.255 is a broadcast address here"):
        check_free("x", "127.255.255.255", 0, kind)
    check_one_host("x", "127.0.0.1")
    check_one_host("x", "*")


@pytest.mark.parametrize("kind", [TCP, UDP])
def test_any_address_is_here(kind: socket.SocketKind) -> None:
    check_free("x", "*", 0, kind)
    check_free("x", "0.0.0.0", 0, kind)


def test_both_families_are_here(any_ipv6_port: str) -> None:
    for host in ("::1", "::"):
        check_free("x", host, 0, TCP)
        check_free("x", host, 0, UDP)


def test_a_name_stands_for_an_address() -> None:
    assert look_up("localhost", "x") in ("127.0.0.1", "::1")
    assert look_up("192.0.2.1", "x") == "192.0.2.1"
    assert look_up_endpoint("tcp://*:7001", "x") == "tcp://*:7001"
    assert look_up_endpoint("tcp://localhost:*", "x") in ("tcp://127.0.0.1:*", "tcp://[::1]:*")
    assert look_up_advertised("tcp://192.0.2.1:7001", "x") == "tcp://192.0.2.1:7001"
    assert look_up_advertised("tcp://127.0.0.1:7001", "x") == "tcp://127.0.0.1:7001"
    assert look_up_advertised("tcp://localhost:7001", "x") in ("tcp://127.0.0.1:7001", "tcp://[::1]:7001")


def test_a_name_that_nobody_knows_is_not_available() -> None:
    """A name server may only be late, so it is no mistake in the configuration."""
    with pytest.raises(UnavailableError, match=r"^x: name\.invalid has no address"):
        look_up("name.invalid", "x")


def test_a_name_that_leads_others_to_themselves_is_refused() -> None:
    """As /etc/hosts of many a host does with its own name; `0x7f000101` needs no such file."""
    with pytest.raises(UnavailableError, match=r"stands for 127\.0\.1\.1, where no other host reaches us"):
        look_up_advertised("tcp://0x7f000101:7001", "x")
    with pytest.raises(UnavailableError, match=r"0x00000000 stands for 0\.0\.0\.0"):
        look_up("0x00000000", "x")


def test_a_name_that_dns_has_no_words_for_is_told_at_once() -> None:
    """The resolver's thread must not end without an answer: who asked would wait for nothing."""
    with pytest.raises(UnavailableError, match="has no address: encoding with 'idna' codec failed"):
        look_up("x" * 64 + ".example", "cfm.advertise")
