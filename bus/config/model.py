"""Configuration: one YAML file, environment over it, flags over both.

Unknown keys are errors that name file, line and the nearest valid key, because a misspelt limit that is
silently ignored is found at the worst moment. Environment variables are `PROVBUS_` and the path with `__`
between its parts (`PROVBUS_KAFKA__BOOTSTRAP`). Paths in the file are relative to the file. Secrets are never
values: they are in files of their own, and the configuration names those (`bus.config.secret_file`).
"""

import os
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeVar, cast

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bus.config.environment import Place, check_variables, variables_of
from bus.config.paths import resolve, wrong_paths
from bus.config.section import HostIPv4, ListenPlace, MulticastGroup, Port, Section, Servers
from bus.config.yaml_file import explain, origin, read_yaml
from bus.contract import Name
from bus.errors import ConfigError
from bus.wire.endpoint import is_loopback, split

COLUMNS = {"bus": "kafka", "multicast": "multicast"}
"""The modes of `transport.mode`, and the section that each needs."""
MODES = tuple(COLUMNS)
_FLAGS = "_flags"  # an argument of a configuration; no key of a file begins like that


def wrong_mode(mode: str) -> str:
    """The mistake in a `transport.mode`; empty if there is none."""
    if mode in MODES:
        return ""
    if mode in ("dual", "auto"):
        return f"mode {mode} is not there yet: set bus or multicast"
    return f"there is no mode {mode!r}: set bus or multicast"


class KafkaSection(Section):
    """The connection to the brokers. `client` holds librdkafka's security settings, without passwords."""

    bootstrap: Servers = Field(description="The brokers that are asked first.")
    client: dict[str, str] = Field(
        default_factory=dict, description="Settings of librdkafka by their own names: TLS, SASL. No password."
    )
    password_file: Path | None = Field(None, description="The file of the SASL password.")
    message_timeout_s: float = Field(
        2.0, gt=0, description="How long a record may take to be confirmed before it counts as not delivered."
    )
    fetch_wait_s: float = Field(
        0.5,
        gt=0,
        description="The time a broker may hold an empty fetch; the embedded broker always takes it.",
    )

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
            if not is_loopback(host):
                raise ValueError(
                    f"{server} is not on loopback: set client.security.protocol to SSL or SASL_SSL"
                )
        return self


class TransportSection(Section):
    """The column of the route table that carries the messages."""

    mode: str = Field("bus", description="`bus` (Kafka and ZeroMQ) or `multicast` (one UDP group).")

    @field_validator("mode")
    @classmethod
    def _is_built(cls, mode: str) -> str:
        mistake = wrong_mode(mode)
        if mistake:
            raise ValueError(mistake)
        return mode


class MulticastSection(Section):
    """The group, and our part in it. We seal with the first of `keys` and accept all of them."""

    address: HostIPv4 = Field(
        description="Our own address: messages for us alone come here, and its interface carries the group."
    )
    group: MulticastGroup = Field("239.255.70.1", description="The address of the group.")
    port: Port = Field(7070, description="The UDP port of the group.")
    ttl: int = Field(1, ge=0, le=255, description="How many routers a datagram may pass, and one more.")
    keys: list[Path] = Field(min_length=1, description="The files of the group's key.")
    rate_per_s: float = Field(
        10_000.0,
        gt=0,
        description="The limit of one address before any cryptography, in datagrams.",
    )
    burst: int = Field(20_000, ge=1, description="The datagrams that it may send at once.")
    lose: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The share of arriving datagrams that is thrown away on purpose; for labs and drills.",
    )


class LocalSection(Section):
    """The local socket of the host service; its mode is 0660."""

    socket: Path = Field(description="Where the socket is made.")


class HttpSection(Section):
    """The address of /metrics, /livez and /readyz; without this section they are off."""

    listen: ListenPlace = Field(description="The address and port to listen on.")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = split(self.listen)
        return host, int(port)


class LogSection(Section):
    """The log on standard error: for people or as JSON lines, and its lowest level."""

    format: Literal["human", "json"] = Field("human", description="Lines for people, or a JSON object each.")
    level: Literal["warning", "info", "debug"] = Field(
        "info", description="The least that is logged; at `info` a line for each change of state."
    )


class NodeConfig(BaseSettings):
    """The part of a configuration that every instance has. A service adds its own sections."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="PROVBUS_", env_nested_delimiter="__"
    )
    socket_paths: ClassVar[tuple[Place, ...]] = (("local", "socket"),)
    """The places of the paths of local sockets, which the kernel limits in length."""

    instance: Name = Field(description="Its name, as the fleet file has it.")
    fleet: Path = Field(description="The fleet file: who there is, and each one's public key.")
    key: Path = Field(description="The file of its CURVE secret key.")
    state_directory: Path = Field(description="Where it keeps what a restart must know.")
    local: LocalSection
    transport: TransportSection = TransportSection()
    kafka: KafkaSection | None = None
    multicast: MulticastSection | None = None
    http: HttpSection | None = None
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _has_its_column(self) -> Self:
        if self.brokers is None and self.group is None:
            mode = self.transport.mode
            raise ValueError(f"transport.mode {mode} needs a '{COLUMNS[mode]}' section")
        return self

    @property
    def brokers(self) -> KafkaSection | None:
        """The brokers that carry the topics in the mode in force; None if it has none."""
        return self.kafka if self._has_column("kafka") else None

    @property
    def group(self) -> MulticastSection | None:
        """The group that carries the messages in the mode in force; None if it has none."""
        return self.multicast if self._has_column("multicast") else None

    def _has_column(self, section: str) -> bool:
        return COLUMNS[self.transport.mode] == section

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file. The file's values come in as arguments, and the flags as one of
        them, so the order is turned around.
        """
        flags = cast(InitSettingsSource, init_settings).init_kwargs.pop(_FLAGS, {})
        return InitSettingsSource(settings_cls, flags), env_settings, init_settings


_Config = TypeVar("_Config", bound=NodeConfig)


def load(path: Path, model: type[_Config], mode: str = "") -> _Config:
    """The configuration in a file, the environment over it and a `transport.mode` over both; `ConfigError`
    says what is wrong and where.
    """
    data, marks = read_yaml(path)
    check_variables(os.environ, model)
    variables = variables_of(os.environ, model)
    for name in data:
        if name.startswith("_"):  # pydantic-settings would take it for an option of its own
            raise ConfigError(f"{path}:{marks.get((name,), 1)}: unknown key {name!r}")
    flags = {"transport": {"mode": mode}} if mode else {}
    try:
        config = model(**{**data, _FLAGS: flags})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, model, variables))) from error
    except SettingsError as error:
        raise ConfigError(f"environment: {error}") from error
    config = resolve(config, path.parent.resolve())
    mistakes = [
        f"{origin(path, marks, place, variables)}: {'.'.join(place)}: {reason}"
        for place, reason in wrong_paths(config, model.socket_paths)
    ]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return config
