"""Why brokers do not answer: the most telling of what the client reports, from real connections."""

import logging
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bus.errors import UnavailableError
from bus.transport.kafka.admin.leaders import partitions
from bus.transport.kafka.causes import CAUSE_CHARS_MAX, REPORTS_MAX, Causes, cause
from bus.transport.kafka.client import Kafka
from bus.transport.poller import Poller
from tests.unit.bus.kafka.cluster import AWAY

WAIT_S = 1.0
REFUSED = (
    "[thrd:b:1/bootstrap]: b:1/bootstrap: Connect to ipv4#192.0.2.1:1 failed: Connection refused"
    " (after 0ms in state CONNECT)"
)
UNKNOWN = (
    "[thrd:b:1/bootstrap]: b:1/bootstrap: Failed to resolve 'b:1': Name or service not known"
    " (after 3ms in state CONNECT)"
)
UNSIGNED = (
    "[thrd:ssl://b:1/bootstrap]: ssl://b:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::"
    "certificate verify failed: broker certificate could not be verified (after 1ms in state SSL_HANDSHAKE)"
)
DENIED = (
    "[thrd:sasl_ssl://b:1/bootstrap]: sasl_ssl://b:1/bootstrap: SASL authentication error: "
    "Authentication failed: Invalid username or password (after 7ms in state AUTH_REQ)"
)
AWAY_TLS = (
    "[thrd:ssl://b:1/bootstrap]: ssl://b:1/bootstrap: Connect to ipv4#192.0.2.1:1 failed: Connection refused"
    " (after 0ms in state CONNECT)"
)
GONE = "[thrd:b:9092/2]: b:9092/2: Disconnected (after 60001ms in state UP)"
DOWN = "[thrd:app]: rdkafka#producer-1: 3/3 brokers are down"

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        ([], ""),
        ([DOWN, ""], ""),
        ([REFUSED, DOWN], "b:1: Connect to ipv4#192.0.2.1:1 failed: Connection refused"),
        ([GONE], "b:9092/2: Disconnected"),
        ([REFUSED, GONE], "b:1: Connect to ipv4#192.0.2.1:1 failed: Connection refused"),
        ([UNKNOWN, REFUSED], "b:1: Failed to resolve 'b:1': Name or service not known"),
        ([UNKNOWN, AWAY_TLS], "b:1: Failed to resolve 'b:1': Name or service not known"),
        (
            [UNKNOWN, UNSIGNED, REFUSED],
            "ssl://b:1: SSL handshake failed: certificate verify failed: "
            "broker certificate could not be verified",
        ),
        (
            [DENIED, UNSIGNED, DOWN],
            "sasl_ssl://b:1: SASL authentication error: Authentication failed: Invalid username or password",
        ),
        ([UNKNOWN, UNKNOWN.replace("b:1", "c:2")], "c:2: Failed to resolve 'c:2': Name or service not known"),
    ],
)
def test_the_latest_of_the_most_telling_texts_is_the_cause(reports: list[str], found: str) -> None:
    assert cause(reports) == found


def test_a_cause_is_bounded() -> None:
    told = cause([UNSIGNED + ", verify that ssl.ca.location is right" * 10])
    assert len(told) == CAUSE_CHARS_MAX
    assert told.startswith("ssl://b:1: SSL handshake failed: certificate verify failed")
    assert told.endswith("...")


def test_without_a_report_the_error_speaks_for_itself() -> None:
    causes = Causes()
    causes.log(logging.WARNING, "%s [%s] %s", "CONFWARN", "rdkafka#producer-1", "a setting does nothing")
    assert causes.of(AWAY) == AWAY.args[0].str()


def test_what_was_long_ago_is_no_cause() -> None:
    causes = Causes()
    for text in [DENIED, *[REFUSED] * REPORTS_MAX]:
        causes.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", text)
    assert causes.of(AWAY) == cause([REFUSED])


def test_the_lines_go_on_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Causes(logging.getLogger("client")).log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", GONE)
    assert [one.getMessage() for one in caplog.records] == [f"FAIL [rdkafka#producer-1] {GONE}"]


class _Handshake(BaseRequestHandler):
    """Shakes hands with a client, which refuses to."""

    def handle(self) -> None:
        try:
            self.request.do_handshake()
        except OSError:
            pass


class _TlsServer(ThreadingTCPServer):
    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handshake)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


@pytest.fixture
def unsigned(tmp_path: Path) -> Iterator[str]:
    """The address of a TLS server whose certificate nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    with _TlsServer(file) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def answers(settings: dict[str, Any]) -> Iterator[str]:
    """What each kind of client says of brokers that do not answer."""
    with pytest.raises(UnavailableError) as asked:
        partitions(settings, wait_s=WAIT_S)
    yield str(asked.value)
    poller = Poller()
    kafka = Kafka(poller, settings)
    try:
        with pytest.raises(UnavailableError) as started:
            kafka.check_broker(WAIT_S)
        yield str(started.value)
    finally:
        kafka.close(flush_s=0.0)
        poller.close()


def test_a_certificate_that_nobody_signed_is_named(unsigned: str, capfd: pytest.CaptureFixture[str]) -> None:
    for said in answers({"bootstrap.servers": unsigned, "security.protocol": "SSL"}):
        assert "certificate verify failed" in said
    assert capfd.readouterr() == ("", "")


def test_a_refused_connection_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    for said in answers({"bootstrap.servers": "127.0.0.1:1"}):
        assert "127.0.0.1:1 failed: Connection refused" in said
    assert capfd.readouterr() == ("", "")


def test_a_name_that_does_not_resolve_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    for said in answers({"bootstrap.servers": "broker.invalid:9092"}):
        assert "Failed to resolve 'broker.invalid:9092'" in said
    assert capfd.readouterr() == ("", "")
