"""Configuration: one YAML file, environment over it, flags over both.

Unknown keys are errors that name file, line and the nearest valid key, because a misspelt limit that is
silently ignored is found at the worst moment. Environment variables are `PROVBUS_` and the path with `__`
between its parts (`PROVBUS_KAFKA__BOOTSTRAP`). Paths in the file are relative to the file. Secrets are never
values: they stand in files of their own, and the configuration names them.
"""

import difflib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bus.errors import ConfigError
from bus.messages import Name

Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """Base of every section: nothing undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSection(Section):
    """The connection to the brokers. `client` holds librdkafka's security settings, without passwords."""

    bootstrap: str
    client: dict[str, str] = {}
    password_file: Path | None = None
    message_timeout_s: float = Field(2.0, gt=0)
    # How long a broker may hold a fetch that has nothing to return; the embedded broker always holds it that
    # long.
    fetch_wait_s: float = Field(0.5, gt=0)

    @model_validator(mode="after")
    def _is_secure(self) -> "KafkaSection":
        for name in ("bootstrap.servers", "metadata.broker.list"):
            if name in self.client:
                raise ValueError(f"client.{name} has no place here: set kafka.bootstrap")
        secret = next((name for name in self.client if name.endswith("password")), None)
        if secret is not None:
            raise ValueError(f"{secret} is a secret: put it into a file and name that in password_file")
        if self.client.get("security.protocol", "PLAINTEXT") in ("SSL", "SASL_SSL"):
            return self
        for server in self.bootstrap.split(","):
            host = server.rpartition(":")[0].strip("[]")
            if host != "localhost" and not (_is_address(host) and ip_address(host).is_loopback):
                raise ValueError(
                    f"{server} is not on loopback: set client.security.protocol to SSL or SASL_SSL"
                )
        return self


class MinterSection(Section):
    """What a DHCP or MPS sidecar needs to mint FileIDs."""

    seal_key: Path
    # Named when no CFM acked and none is known to be alive; without it such a request is answered
    # `try_again`.
    default_next_server: str | None = None
    publish_catalogue: Path | None = None
    minted_max: int = Field(500_000, ge=1)


class TftpSection(Section):
    """The TFTP server. All CFMs of a fleet listen on the same port, each on an address of its own."""

    address: str
    port: Port = 69
    transfer_sockets: int = Field(2, ge=1, le=64)
    sessions_max: int = Field(20_000, ge=1)
    # Downloads at once at which this CFM calls itself fully loaded in its beats.
    capacity: int = Field(1_000, ge=1)


class CfmSection(Section):
    """What a CFM needs to take rows and serve files."""

    listen: str
    # What beats announce, when it is not where we listen (address translation, a proxy).
    advertise: str | None = None
    seal_keys: list[Path]
    secret_file: Path
    tftp: TftpSection
    rows_max: int = Field(400_000, ge=1)


class LocalSection(Section):
    """The local socket of the host service; its mode is 0660."""

    socket: Path


class Config(BaseSettings):
    """The configuration of one instance."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="PROVBUS_", env_nested_delimiter="__"
    )

    instance: Name
    fleet: Path
    key: Path
    state_directory: Path
    local: LocalSection
    kafka: KafkaSection
    minter: MinterSection | None = None
    cfm: CfmSection | None = None
    # The authority under which rows are minted, until an election decides it.
    era: int = Field(1, ge=0, le=0xFFFF)
    epoch: int = Field(1, ge=0, le=0xFFFFFFFFFFFF)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file's values come in as arguments, so the order is turned around."""
        return env_settings, init_settings


def load(path: Path) -> Config:
    """The configuration in a file, the environment over it; `ConfigError` says what is wrong and where."""
    data, marks = read_yaml(path)
    for name in data:
        if name.startswith("_"):  # pydantic-settings would take it for an option of its own
            raise ConfigError(f"{path}:{marks.get((name,), 1)}: unknown key {name!r}")
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Config))) from error
    except SettingsError as error:
        raise ConfigError(f"environment: {error}") from error
    return _resolve(config, path.absolute().parent)


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """A YAML mapping and the line of each of its keys; `ConfigError` if there is none."""
    try:
        text = path.read_text()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
        places = list(_lines(node, ())) if isinstance(node, yaml.MappingNode) else []
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # PyYAML leaks those of wrong dates and depths
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{path} must hold a mapping whose keys are texts")
    marks: dict[tuple[str, ...], int] = {}
    for place, line in places:
        if place in marks:
            raise ConfigError(f"{path}:{line}: key {'.'.join(place)!r} stands there twice")
        marks[place] = line
    return data, marks


def explain(
    error: ValidationError, path: Path, marks: Mapping[tuple[str, ...], int], model: type[BaseModel]
) -> Iterator[str]:
    """One sentence per mistake: file, line, key, and the nearest valid key where it is misspelt."""
    for mistake in error.errors(include_url=False, include_input=False):
        place = tuple(str(part) for part in mistake["loc"])
        line = next((marks[place[:size]] for size in range(len(place), 0, -1) if place[:size] in marks), None)
        where = f"{path}:{line}" if line is not None else str(path)
        key = ".".join(place)
        if mistake["type"] == "extra_forbidden":
            near = difflib.get_close_matches(place[-1], _valid_keys(model, place[:-1]), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"{where}: unknown key {key!r}{hint}"
        else:
            yield f"{where}: {key}: {mistake['msg'].removeprefix('Value error, ')}"


def read_secret(path: Path) -> bytes:
    """A secret from its file, one trailing newline stripped; `ConfigError` if unreadable or empty."""
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the secret in {path}: {error.strerror}") from error
    secret = secret.removesuffix(b"\n")
    if not secret:
        raise ConfigError(f"the secret in {path} is empty")
    return secret


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _lines(node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    for key, value in node.value:
        place = (*path, str(key.value))
        yield place, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, place)


def _valid_keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    for part in path:
        found = model.model_fields.get(part)
        if found is None:
            continue  # a key of a mapping of sections
        options = getattr(found.annotation, "__args__", (found.annotation,))
        models = [kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _resolve(config: Config, base: Path) -> Config:
    """The same configuration with every path absolute."""

    def absolute(value: Any) -> Any:
        if isinstance(value, Path):
            return base / value
        if isinstance(value, list):
            return [absolute(item) for item in value]
        if isinstance(value, Section):
            return value.model_copy(update={name: absolute(item) for name, item in value})
        return value

    return config.model_copy(update={name: absolute(value) for name, value in config})
