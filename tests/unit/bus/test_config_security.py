"""Configuration of what is secret or must be secure: plaintext at home, secrets in files of their own."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bus.config import KafkaSection
from bus.errors import ConfigError, ProvbusError, UnavailableError
from bus.secret_file import read_secret


@pytest.mark.parametrize(
    ("bootstrap", "protocol", "is_allowed"),
    [
        ("localhost:9092", None, True),
        ("127.0.0.1:9092,127.0.0.2:9093", None, True),
        ("127.9.9.9:9092", "PLAINTEXT", True),
        ("[::1]:9092", None, True),
        ("127.0.0.1:9092", "SASL_PLAINTEXT", True),
        ("192.0.2.1:9092", None, False),
        ("192.0.2.1:9092", "PLAINTEXT", False),
        ("192.0.2.1:9092", "SASL_PLAINTEXT", False),
        ("192.0.2.1:9092", "tls", False),
        ("127.0.0.1:9092,192.0.2.1:9092", None, False),
        ("kafka.example:9092", None, False),
        ("localhost.example:9092", None, False),
        ("127.0.0.1.example:9092", None, False),
        ("[2001:db8::1]:9092", None, False),
        ("192.0.2.1:9092", "SSL", True),
        ("kafka.example:9092,192.0.2.1:9092", "SASL_SSL", True),
    ],
)
def test_plaintext_stays_on_loopback(bootstrap: str, protocol: str | None, is_allowed: bool) -> None:
    client = {} if protocol is None else {"security.protocol": protocol}
    if is_allowed:
        assert KafkaSection(bootstrap=bootstrap, client=client).bootstrap == bootstrap
    else:
        with pytest.raises(ValidationError, match="is not on loopback"):
            KafkaSection(bootstrap=bootstrap, client=client)


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", b"s3cret"),
        (b"s3cret\n", b"s3cret"),
        (b"s3cret\n\n", b"s3cret\n"),
        (b" s3cret \n", b" s3cret "),
        (b"\ns3cret", b"\ns3cret"),
        (b"s3cret\r\n", b"s3cret\r"),
        (b"\xff\0\n", b"\xff\0"),
        (b" abc \r\n", b" abc \r"),
    ],
)
def test_one_trailing_newline_is_not_part_of_a_secret(tmp_path: Path, content: bytes, secret: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_secret(file) == secret


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_secret_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(UnavailableError, match="is empty"):
        read_secret(file)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("missing", UnavailableError), (".", ConfigError), ("secret/x", ConfigError), ("x" * 300, ConfigError)],
)
def test_a_secret_that_cannot_be_read_is_named_and_may_come_if_it_can(
    tmp_path: Path, name: str, kind: type[ProvbusError]
) -> None:
    (tmp_path / "secret").write_text("s3cret")
    with pytest.raises(kind, match="cannot read the secret in"):
        read_secret(tmp_path / name)
