"""Configuration of what is secret or must be secure: plaintext at home, secrets in files of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from bus.config.model import KafkaSection
from bus.config.secret_file import read_key_lines, read_secret
from bus.errors import ConfigError, ProvbusError, UnavailableError


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
        ("SSL://192.0.2.1:9092", "SSL", True),
        ("PLAINTEXT://192.0.2.1:9092", "SSL", False),
        ("SSL://192.0.2.1:9092", None, False),
        ("PLAINTEXT://127.0.0.1:9092", None, True),
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
        (b"s3cret\r\n", b"s3cret"),
        (b"s3cret\r\n\r\n", b"s3cret\r\n"),
        (b"s3cret\r", b"s3cret\r"),
        (b"s3cret\n\r\n", b"s3cret\n"),
        (b"\xff\0\n", b"\xff\0"),
        (b" abc \r\n", b" abc "),
    ],
)
def test_one_trailing_line_end_is_not_part_of_a_secret(tmp_path: Path, content: bytes, secret: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_secret(file) == secret


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"s3cret", []),
        (b"s3 cret\r\n", []),
        (b" s3cret", ["begins with a blank"]),
        (b"s3cret\t\n", ["ends with a blank"]),
        (b"s3cret\nsecond", ["has more than one line"]),
        (b"s3cret\n\n", ["has more than one line"]),
        (b"s3cret\r", ["has control characters"]),
        (b"s\0e\0c\0", ["has control characters"]),
        ("s3crèt".encode("latin-1"), ["has characters outside ASCII"]),
        (
            b" s3cret\r\nsecond ",
            ["begins with a blank", "ends with a blank", "has more than one line", "has control characters"],
        ),
    ],
)
def test_what_was_hardly_meant_is_a_warning_that_does_not_show_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, found: list[str]
) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_bytes(content)
    read_secret(file)
    said = [f"the secret in {file} {', '.join(found)}: it is used as it stands"] if found else []
    assert [one.getMessage() for one in caplog.records] == said


@pytest.mark.parametrize("read", [read_secret, read_key_lines])
@pytest.mark.parametrize(
    ("content", "mark"),
    [
        (b"\xef\xbb\xbfs3cret\r\n", "UTF-8"),
        ("s3cret".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + "s3cret".encode("utf-16-be"), "UTF-16"),
    ],
)
def test_a_byte_order_mark_is_refused(
    tmp_path: Path, read: Callable[[Path], object], content: bytes, mark: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert str(caught.value).startswith(f"the secret in {file} begins with a byte order mark ({mark})")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"one\ntwo", b"one\ntwo\n", b"one\r\ntwo\r\n"])
def test_a_file_of_keys_has_lines_and_they_are_no_slip(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = tmp_path / "seal.key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    assert read_key_lines(file) == [b"one", b"two"]
    assert caplog.records == []


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
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
