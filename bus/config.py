"""Configuration: one YAML file, environment over it, flags over both.

Unknown keys are errors that name file, line and the nearest valid key, because a misspelt limit that is
silently ignored is found at the worst moment. Environment variables are `PROVBUS_` and the path with `__`
between its parts (`PROVBUS_KAFKA__BOOTSTRAP`). Paths in the file are relative to the file. Secrets are never
values: they stand in files of their own, and the configuration names them (`bus.secret_file`).
"""

import os
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bus.environment import check_variables
from bus.errors import ConfigError
from bus.messages import Name
from bus.secret_file import CREDENTIALS
from bus.yaml_file import explain, read_yaml

MODES = ("bus", "multicast")
Port = Annotated[int, Field(ge=1, le=65535)]


def wrong_mode(mode: str) -> str:
    """What is wrong with a `transport.mode`; empty if nothing is."""
    if mode in MODES:
        return ""
    if mode in ("dual", "auto"):
        return f"mode {mode} is not there yet: set bus or multicast"
    return f"there is no mode {mode!r}: set bus or multicast"


def _is_dotted_quad(text: str) -> str:
    return str(IPv4Address(text))


def _is_group(text: str) -> str:
    if not IPv4Address(text).is_multicast:
        raise ValueError(f"{text} is not a multicast group (224.0.0.0/4)")
    return text


def _is_ip(text: str) -> str:
    return str(ip_address(text))


IPv4 = Annotated[str, AfterValidator(_is_dotted_quad)]


def _is_network(text: str) -> str:
    return str(ip_network(text))


IP = Annotated[str, AfterValidator(_is_ip)]
Network = Annotated[str, AfterValidator(_is_network)]


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
    address: IPv4
    group: Annotated[IPv4, AfterValidator(_is_group)] = "239.255.70.1"
    port: Port = 7070
    ttl: int = Field(1, ge=0, le=255)
    keys: list[Path] = Field(min_length=1)
    # What one address may send before it costs us any cryptography, in datagrams.
    rate_per_s: float = Field(10_000.0, gt=0)
    burst: int = Field(20_000, ge=1)
    # The share of what arrives that is thrown away, to see what becomes of it; for labs and drills.
    lose: float = Field(0.0, ge=0, lt=1)


class MinterSection(Section):
    """What a DHCP or MPS sidecar needs to mint FileIDs."""

    seal_key: Path
    # Named when no CFM acked and none is known to be alive; without it such a request is answered
    # `try_again`.
    default_next_server: str | None = None
    # The first catalogue of an empty settings topic; what follows it comes by `provbus settings apply`.
    publish_catalogue: Path | None = None
    minted_max: int = Field(500_000, ge=1)


class TftpSection(Section):
    """The TFTP server. All CFMs of a fleet listen on the same port, each on an address of its own."""

    address: IP
    # Off where the operator's own TFTP server answers there, and asks us over the local socket.
    serve: bool = True
    port: Port = 69
    # CMTSs that proxy TFTP show their own address: from these a name alone is believed, whoever it is for.
    proxies: list[Network] = []
    transfer_sockets: int = Field(2, ge=1, le=64)
    # The first and the last port from which files are sent, for a firewall; without it any free ones.
    source_ports: tuple[Port, Port] | None = None
    sessions_max: int = Field(20_000, ge=1)
    # Downloads at once at which this CFM calls itself fully loaded in its beats.
    capacity: int = Field(1_000, ge=1)

    @model_validator(mode="after")
    def _has_ports_enough(self) -> "TftpSection":
        low, high = self.source_ports or (1, 65535)
        if high - low + 1 < self.transfer_sockets:
            raise ValueError(
                f"source_ports [{low}, {high}] has no room for transfer_sockets {self.transfer_sockets}"
            )
        return self


class CfmSection(Section):
    """What a CFM needs to take rows and serve files."""

    listen: str | None = None  # where rows and pulls come in over ZeroMQ
    # What beats announce, when it is not where we listen (address translation, a proxy).
    advertise: str | None = None
    seal_keys: list[Path]
    secret_file: Path
    tftp: TftpSection
    rows_max: int = Field(400_000, ge=1)


class LocalSection(Section):
    """The local socket of the host service; its mode is 0660."""

    socket: Path


class HttpSection(Section):
    """Where /metrics, /livez and /readyz are answered; without this section nowhere."""

    listen: Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+):[0-9]{1,5}$")]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _is_a_port(self) -> "HttpSection":
        if not 1 <= self.address[1] <= 65535:
            raise ValueError(f"{self.listen} does not end in a port from 1 to 65535")
        return self


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
    http: HttpSection | None = None
    log: LogSection = LogSection()
    # The authority under which rows are minted, until an election decides it.
    era: int = Field(1, ge=0, le=0xFFFF)
    epoch: int = Field(1, ge=0, le=0xFFFFFFFFFFFF)

    @model_validator(mode="after")
    def _has_its_column(self) -> "Config":
        mode = self.transport.mode
        if mode == "multicast" and self.multicast is None:
            raise ValueError("transport.mode multicast needs a 'multicast' section")
        if mode == "bus" and self.kafka is None:
            raise ValueError("transport.mode bus needs a 'kafka' section")
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
    return _resolve(config, path.absolute().parent)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _resolve(config: Config, base: Path) -> Config:
    """The same configuration with every path absolute, but for credentials."""

    def absolute(value: Any) -> Any:
        if isinstance(value, Path):
            return value if str(value).startswith(CREDENTIALS) else base / value
        if isinstance(value, list):
            return [absolute(item) for item in value]
        if isinstance(value, Section):
            return value.model_copy(update={name: absolute(item) for name, item in value})
        return value

    return config.model_copy(update={name: absolute(value) for name, value in config})
