"""Secrets that systemd hands over: named in the file, looked up when they are read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config.secret_file import read_secret
from bus.errors import ConfigError, UnavailableError
from services.config.instance import load

TEXT = """\
instance: cfm-1
fleet: fleet.yaml
key: credentials:curve.key
signing_key: credentials:sign.key
state_directory: state
local: {socket: cfm-1.sock}
kafka: {bootstrap: "127.0.0.1:9092", password_file: "credentials:kafka.password"}
cfm:
  listen: tcp://127.0.0.1:1
  seal_keys: [credentials:dhcp-1.seal]
  secret_file: credentials:cmts.secret
  tftp: {address: 127.0.0.1}
"""


@pytest.fixture
def credentials(tmp_path: Path) -> Iterator[Path]:
    """A service's credentials, as systemd lays them out."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    assert "CREDENTIALS_DIRECTORY" not in os.environ
    os.environ["CREDENTIALS_DIRECTORY"] = str(directory)
    yield directory
    del os.environ["CREDENTIALS_DIRECTORY"]


def test_the_secret_is_read_from_the_services_directory(credentials: Path) -> None:
    (credentials / "curve.key").write_text("abc\n")
    assert read_secret(Path("credentials:curve.key")) == b"abc"


def test_one_that_was_not_handed_over_is_named(credentials: Path) -> None:
    with pytest.raises(UnavailableError, match=r"credentials/curve\.key: No such file"):
        read_secret(Path("credentials:curve.key"))


@pytest.mark.parametrize("name", ["", "../curve.key", "/etc/shadow"])
def test_a_credential_is_a_plain_name(credentials: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a credential"):
        read_secret(Path(f"credentials:{name}"))


def test_outside_a_service_the_sentence_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"credentials:curve\.key needs CREDENTIALS_DIRECTORY"):
        read_secret(Path("credentials:curve.key"))


def test_a_configuration_loads_without_them_and_keeps_their_names(tmp_path: Path) -> None:
    path = tmp_path / "cfm.yaml"
    path.write_text(TEXT)
    config = load(path)
    assert config.key == Path("credentials:curve.key")
    assert config.fleet == tmp_path / "fleet.yaml"
    assert config.cfm is not None
    assert config.cfm.seal_keys == [Path("credentials:dhcp-1.seal")]
    assert config.kafka is not None
    assert config.kafka.password_file == Path("credentials:kafka.password")


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)])
def test_a_secret_that_everybody_may_read_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warns: bool
) -> None:
    path = tmp_path / "cmts.secret"
    path.write_bytes(b"abc\n")
    path.chmod(mode)
    assert read_secret(path) == b"abc"
    warnings = [f"everybody may read the secret in {path}: chmod o-r"] if warns else []
    assert [one.getMessage() for one in caplog.records] == warnings
