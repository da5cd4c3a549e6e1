"""Files among librdkafka's settings: relative to the configuration, named when one is missing."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from confluent_kafka import KafkaError, KafkaException

from bus.config.paths import CLIENT_FILES
from bus.errors import ConfigError, UnavailableError
from bus.transport.kafka.client_settings import client_settings, refused
from services.config.instance import load


def configured(
    directory: Path,
    secret_files: Mapping[str, str] = MappingProxyType({}),
    /,
    password_file: str | None = None,
    **client: str,
) -> dict[str, object]:
    """The client's settings of a configuration with these."""
    settings = {
        "instance": "cfm-1",
        "fleet": "fleet.yaml",
        "key": "cfm-1.key",
        "signing_key": "cfm-1.sign",
        "state_directory": "state",
        "local": {"socket": "cfm-1.sock"},
        "kafka": {
            "bootstrap": "kafka-1:9093",
            "client": {"security.protocol": "SSL", **client},
            "password_file": password_file,
            "secret_files": {**secret_files},
        },
    }
    path = directory / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(settings))
    config = load(path)
    assert config.kafka is not None
    return client_settings(config.kafka)


@pytest.mark.parametrize("name", sorted(CLIENT_FILES))
def test_a_file_is_looked_for_beside_the_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnavailableError, match=rf"kafka\.client\.{name} .*/tls/it\.pem: No such"):
        configured(tmp_path, **{name: "tls/it.pem"})
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "it.pem").write_text("x")
    assert configured(tmp_path, **{name: "tls/it.pem"})[name] == str(tmp_path / "tls" / "it.pem")
    assert configured(tmp_path, **{name: f"{tmp_path}/tls"})[name] == f"{tmp_path}/tls"


@pytest.mark.parametrize("word", ["probe", ""])
def test_librdkafkas_words_are_no_files(tmp_path: Path, word: str) -> None:
    assert configured(tmp_path, **{"ssl.ca.location": word})["ssl.ca.location"] == word


def test_a_file_may_be_a_credential(tmp_path: Path) -> None:
    (tmp_path / "kafka.key").write_text("x")
    os.environ["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    try:
        found = configured(tmp_path, **{"ssl.key.location": "credentials:kafka.key"})
    finally:
        del os.environ["CREDENTIALS_DIRECTORY"]
    assert found["ssl.key.location"] == str(tmp_path / "kafka.key")


def test_a_password_is_text_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes("s3crèt\r\n".encode())
    assert configured(tmp_path, password_file="password")["sasl.password"] == "s3crèt"
    (tmp_path / "password").write_bytes("s3crèt".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        configured(tmp_path, password_file="password")


def test_other_secrets_come_from_their_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    files = {"sasl.oauthbearer.client.secret": "secret", "ssl.key.password": "secret"}
    found = configured(tmp_path, files)
    assert {name: found[name] for name in files} == dict.fromkeys(files, "hunter2")
    (tmp_path / "secret").unlink()
    with pytest.raises(UnavailableError, match=r"cannot read the secret in .*/secret"):
        configured(tmp_path, files)


@pytest.mark.parametrize(
    "name",
    [
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.password",
    ],
)
def test_a_secret_has_no_place_in_the_configuration(tmp_path: Path, name: str) -> None:
    place = "password_file" if name == "sasl.password" else "secret_files"
    with pytest.raises(ConfigError, match=f"{name} is a secret: put it into a file .* in {place}") as caught:
        configured(tmp_path, **{name: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_password_has_one_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set kafka\.password_file"):
        configured(tmp_path, {"sasl.password": "secret"})


def test_another_setting_stays_as_it_is(tmp_path: Path) -> None:
    assert configured(tmp_path, **{"client.id": "a/b"})["client.id"] == "a/b"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._INVALID_ARG, ConfigError),
        (KafkaError._CRIT_SYS_RESOURCE, UnavailableError),
        (KafkaError._FAIL, UnavailableError),
    ],
)
def test_a_client_that_cannot_be_made_has_a_wrong_setting_or_lacks_something(
    code: int, kind: type[Exception]
) -> None:
    assert type(refused(KafkaException(KafkaError(code, "why")))) is kind
