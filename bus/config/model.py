"""Configuration: one YAML file, environment over it, flags over both.

Unknown keys are errors that name file, line and the nearest valid key, because a misspelt limit that is
silently ignored is found at the worst moment. Environment variables are `PROVBUS_` and the path with `__`
between its parts (`PROVBUS_KAFKA__BOOTSTRAP`). Paths in the file are relative to the file. Secrets are never
values: they are in files of their own, and the configuration names those (`bus.config.secret_file`).
"""

import os
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self, TypeVar, cast

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bus.config.environment import Place, check_variables, variables_of
from bus.config.paths import admin_socket_of, resolve, wrong_paths
from bus.config.section import HostIPv4, ListenPlace, MulticastGroup, Port, Section, Servers
from bus.config.yaml_file import explain, origin, read_yaml
from bus.contract import Name
from bus.errors import ConfigError
from bus.routes import Column
from bus.switch.carrying import DUAL, Carrying, sending_both, single
from bus.wire.endpoint import is_loopback, split, wrong_socket_path

COLUMNS = {Column.BUS: "kafka", Column.MULTICAST: "multicast"}
"""The section that each column needs."""
MODES = (*map(str, Column), DUAL)
"""The modes of `transport.mode`."""
_FLAGS = "_flags"  # an argument of a configuration; no key of a file begins like that
ENCRYPTED = ("SSL", "SASL_SSL")
"""The values of librdkafka's `security.protocol` with which nothing travels in clear."""
_SASL_PASSWORD = "sasl.password"
_SECRET_ENDS = ("password", "passphrase", "secret", "key.pem")


def _is_secret(setting: str) -> bool:
    """Whether the value of this setting of librdkafka is a secret, or may hold one in its text."""
    return setting.endswith(_SECRET_ENDS) or setting == "sasl.oauthbearer.config"


def wrong_mode(mode: str) -> str:
    """The mistake in a `transport.mode`; empty if there is none."""
    if mode in MODES:
        return ""
    if mode == "auto":
        return "mode auto is not there yet: set bus, multicast or dual"
    return f"there is no mode {mode!r}: set bus, multicast or dual"


class KafkaSection(Section):
    """The connection to the brokers. `client` holds librdkafka's security settings, without passwords."""

    bootstrap: Servers = Field(description="The brokers that are asked first.")
    client: dict[str, str] = Field(
        default_factory=dict, description="Settings of librdkafka by their own names: TLS, SASL. No password."
    )
    password_file: Path | None = Field(None, description="The file of the SASL password.")
    secret_files: dict[str, Path] = Field(
        default_factory=dict,
        description="Other secrets among librdkafka's settings by their own names, each the file that holds "
        "it: `ssl.key.password`, `sasl.oauthbearer.client.secret`.",
    )
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
        if _SASL_PASSWORD in self.secret_files:
            raise ValueError(f"secret_files.{_SASL_PASSWORD} has no place here: set kafka.password_file")
        secret = next((name for name in self.client if _is_secret(name)), None)
        if secret is not None:
            place = "password_file" if secret == _SASL_PASSWORD else "secret_files"
            raise ValueError(f"{secret} is a secret: put it into a file and name that in {place}")
        configured = self.client.get("security.protocol", "PLAINTEXT")
        for server in self.bootstrap.split(","):
            protocol, _, place = server.strip().rpartition("://")
            host = place.rpartition(":")[0].strip("[]")
            # librdkafka speaks to a server as its own prefix says
            if {protocol or configured, configured} <= {*ENCRYPTED}:
                continue
            if not is_loopback(host):
                raise ValueError(
                    f"{server} is not on loopback: set client.security.protocol to SSL or SASL_SSL"
                )
        return self


class TransportSection(Section):
    """The column of the route table that carries the messages."""

    mode: str = Field(
        "bus",
        description="`bus` (Kafka and ZeroMQ), `multicast` (one UDP group), or `dual`: both. After"
        " `provbus transport switch` the mode that it led to counts, until this one is changed.",
    )
    leads: Column = Field(
        Column.BUS,
        description="In mode `dual`: which of both decides the roles, and carries what only one can.",
    )
    linger_s: float = Field(
        3600.0,
        ge=0,
        description="How long the former column is still heard after a switch, for a quick way back.",
    )

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
        description="The limit of a peer's address, and of all other addresses together, before any "
        "cryptography, in datagrams.",
    )
    burst: int = Field(20_000, ge=1, description="The datagrams that it may send at once.")
    lose: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The share of arriving datagrams that is thrown away on purpose; for labs and drills.",
    )


class LocalSection(Section):
    """The local sockets: one of mode 0660 for the host service, one of mode 0600 for operators."""

    socket: Path = Field(
        description="Where the host service's socket is made; beside `NAME.sock` the operators' is "
        "`NAME.admin.sock`."
    )
    group: str | None = Field(
        None,
        min_length=1,
        description="The group that may use the host service's socket, if not our own. We must be in it.",
    )

    @property
    def admin_socket(self) -> Path:
        """The operators' socket."""
        return admin_socket_of(self.socket)


class HttpSection(Section):
    """The address or socket of /metrics, /livez and /readyz; without this section they are off."""

    listen: ListenPlace | None = Field(None, description="The address and port to listen on: of loopback.")
    socket: Path | None = Field(
        None, description="Where a Unix socket of mode 0660 is made instead, for members of our group."
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.listen is None) == (self.socket is None):
            raise ValueError("give either listen or socket")
        return self

    @property
    def place(self) -> tuple[str, int] | Path:
        """Host and port, or the path of the socket."""
        if self.socket is not None:
            return self.socket
        host, port = split(self.listen or "")
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
    socket_paths: ClassVar[tuple[Place, ...]] = (("local", "socket"), ("http", "socket"))
    """The places of the paths of local sockets, which the kernel limits in length."""

    instance: Name = Field(description="Its name, as the fleet file has it.")
    fleet: Path = Field(description="The fleet file: who there is, and each one's public key.")
    key: Path = Field(description="The file of its CURVE secret key.")
    signing_key: Path = Field(description="The file of the secret key by which it signs what many read.")
    state_directory: Path = Field(description="Where it keeps what a restart must know.")
    local: LocalSection
    transport: TransportSection = TransportSection()
    kafka: KafkaSection | None = None
    multicast: MulticastSection | None = None
    http: HttpSection | None = None
    log: LogSection = LogSection()

    _source: "ReadFrom | None" = PrivateAttr(None)

    def read_from(self, source: "ReadFrom") -> Self:
        """The same, which knows where it came from."""
        self._source = source
        return self

    def again(self) -> Self:
        """What its file says now (`ConfigError`); the same where it has none."""
        return self if self._source is None else load(self._source.path, type(self), self._source.mode)

    @model_validator(mode="after")
    def _has_its_column(self) -> Self:
        mode = self.transport.mode
        for column in sorted(self.carrying.hears):
            if column not in self.sections:
                raise ValueError(f"transport.mode {mode} needs a '{COLUMNS[column]}' section")
        return self

    @property
    def sections(self) -> frozenset[Column]:
        """The columns that have a section."""
        sections = {Column.BUS: self.kafka, Column.MULTICAST: self.multicast}
        return frozenset(column for column, section in sections.items() if section is not None)

    @property
    def can_hear(self) -> frozenset[Column]:
        """The columns that have what they need."""
        return self.sections

    @property
    def brokers(self) -> KafkaSection | None:
        """The brokers that carry the topics in the configured mode; None if it has none."""
        return self.kafka if Column.BUS in self.carrying.hears else None

    @property
    def group(self) -> MulticastSection | None:
        """The group that carries the messages in the configured mode; None if it has none."""
        return self.multicast if Column.MULTICAST in self.carrying.hears else None

    @property
    def carrying(self) -> Carrying:
        """What the mode asks for."""
        if self.transport.mode == DUAL:
            return sending_both(self.transport.leads)
        return single(Column(self.transport.mode))

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


class ReadFrom(NamedTuple):
    """Where a configuration came from: its file, and the `transport.mode` of the command line."""

    path: Path
    mode: str


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
    wrong = [*wrong_paths(config, model.socket_paths)]
    if not wrong and (reason := wrong_socket_path(str(config.local.admin_socket))):
        wrong.append((("local", "socket"), reason))
    mistakes = [
        f"{origin(path, marks, place, variables)}: {'.'.join(place)}: {reason}" for place, reason in wrong
    ]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return config.read_from(ReadFrom(path, mode))
