"""Configuration: one YAML file, environment over it, flags over both.

Unknown keys are errors that name file, line and the nearest valid key, because a misspelt limit that is
silently ignored is found at the worst moment. Environment variables are `PROVBUS_` and the path with `__`
between its parts (`PROVBUS_KAFKA__BOOTSTRAP`). Paths in the file are relative to the file. Secrets are never
values: they stand in files of their own, and the configuration names them (`bus.secret_file`).
"""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bus.config_paths import resolve, wrong_paths
from bus.endpoint import is_loopback, split
from bus.environment import Place, check_variables
from bus.errors import ConfigError
from bus.messages import Name
from bus.section import HostIPv4, ListenPlace, MulticastGroup, Port, Section, Servers
from bus.service_sections import CfmSection, MinterSection
from bus.yaml_file import Marks, explain, nearest_mark, read_yaml

MODES = ("bus", "multicast")


def wrong_mode(mode: str) -> str:
    """What is wrong with a `transport.mode`; empty if nothing is."""
    if mode in MODES:
        return ""
    if mode in ("dual", "auto"):
        return f"mode {mode} is not there yet: set bus or multicast"
    return f"there is no mode {mode!r}: set bus or multicast"


class KafkaSection(Section):
    """The connection to the brokers. `client` holds librdkafka's security settings, without passwords."""

    bootstrap: Servers
    client: dict[str, str] = Field(default_factory=dict)
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
            if not is_loopback(host):
                raise ValueError(
                    f"{server} is not on loopback: set client.security.protocol to SSL or SASL_SSL"
                )
        return self


class TransportSection(Section):
    """Which column of the route table carries the messages."""

    mode: str = "bus"

    @field_validator("mode")
    @classmethod
    def _is_built(cls, mode: str) -> str:
        mistake = wrong_mode(mode)
        if mistake:
            raise ValueError(mistake)
        return mode


class MulticastSection(Section):
    """The group, and how we take part in it. The first of `keys` seals, all of them are believed."""

    # Our own address: what is for us alone comes here, and its interface carries the group.
    address: HostIPv4
    group: MulticastGroup = "239.255.70.1"
    port: Port = 7070
    ttl: int = Field(1, ge=0, le=255)
    keys: list[Path] = Field(min_length=1)
    # What one address may send before it costs us any cryptography, in datagrams.
    rate_per_s: float = Field(10_000.0, gt=0)
    burst: int = Field(20_000, ge=1)
    # The share of what arrives that is thrown away, to see what becomes of it; for labs and drills.
    lose: float = Field(0.0, ge=0, lt=1)


class FailoverSection(Section):
    """Who holds the roles that several instances share where no log decides it: over multicast."""

    # The instance that a new site begins with; `provbus failover promote` makes another one the primary.
    primary: Name | None = None
    # Let every instance of a role act at once, each as if it were alone.
    allow_dual_active: bool = False
    # Let the CFMs, three or more, grant the role to whom a majority can reach. In every file of the fleet.
    grants: bool = False

    @model_validator(mode="after")
    def _decides_once(self) -> "FailoverSection":
        if self.grants and (self.primary is not None or self.allow_dual_active):
            raise ValueError("with grants the CFMs decide who acts: remove primary and allow_dual_active")
        return self


class LocalSection(Section):
    """The local socket of the host service; its mode is 0660."""

    socket: Path


class HttpSection(Section):
    """Where /metrics, /livez and /readyz are answered; without this section nowhere."""

    listen: ListenPlace

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = split(self.listen)
        return host, int(port)


class LogSection(Section):
    """The log on standard error: for people or as JSON lines, and from which level on."""

    format: Literal["human", "json"] = "human"
    level: Literal["warning", "info", "debug"] = "warning"


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
    transport: TransportSection = TransportSection()
    kafka: KafkaSection | None = None
    multicast: MulticastSection | None = None
    minter: MinterSection | None = None
    cfm: CfmSection | None = None
    failover: FailoverSection = FailoverSection()
    http: HttpSection | None = None
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _has_its_column(self) -> "Config":
        mode = self.transport.mode
        if mode == "multicast" and self.multicast is None:
            raise ValueError("transport.mode multicast needs a 'multicast' section")
        if mode == "bus" and self.kafka is None:
            raise ValueError("transport.mode bus needs a 'kafka' section")
        if mode == "bus" and self.failover.grants:
            raise ValueError(
                "failover.grants needs transport.mode multicast: over the bus the role log decides"
            )
        if mode == "bus" and self.cfm is not None and self.cfm.listen is None:
            raise ValueError("transport.mode bus needs 'cfm.listen'")
        return self

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
    check_variables(os.environ, Config)
    for name in data:
        if name.startswith("_"):  # pydantic-settings would take it for an option of its own
            raise ConfigError(f"{path}:{marks.get((name,), 1)}: unknown key {name!r}")
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Config))) from error
    except SettingsError as error:
        raise ConfigError(f"environment: {error}") from error
    config = resolve(config, path.parent.resolve())
    mistakes = [f"{_where(path, marks, place)}: {reason}" for place, reason in wrong_paths(config)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return config


def _where(path: Path, marks: Marks, place: Place) -> str:
    line = nearest_mark(marks, place)
    return f"{path if line is None else f'{path}:{line}'}: {'.'.join(place)}"
