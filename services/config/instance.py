"""The configuration of one instance: its part in the bus, and the sections of its service."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from bus.config import model
from bus.config.environment import Place
from bus.routes import Column
from services.config.sections import CfmSection, FailoverSection, MinterSection


class Config(model.NodeConfig):
    """The configuration of one instance, from its file and the environment."""

    socket_paths: ClassVar[tuple[Place, ...]] = (
        *model.NodeConfig.socket_paths,
        ("minter", "kea", "control_socket"),
    )

    settings_key: Path | None = Field(
        None,
        description="The file of the fleet's keys for the secrets of the settings. Without it an instance"
        " opens no sealed settings, and writes none with secrets.",
    )
    minter: MinterSection | None = None
    cfm: CfmSection | None = None
    failover: FailoverSection = FailoverSection()

    @model_validator(mode="after")
    def _fits_its_column(self) -> Self:
        if self.multicast is None and self.failover.grants:
            raise ValueError("failover.grants needs a 'multicast' section: over the bus the role log decides")
        if self.brokers is not None and self.cfm is not None and self.cfm.listen is None:
            raise ValueError(f"transport.mode {self.transport.mode} needs 'cfm.listen'")
        return self

    @property
    def can_hear(self) -> frozenset[Column]:
        """Minters reach a CFM over the bus where it listens."""
        has_place = self.cfm is None or self.cfm.listen is not None
        return super().can_hear - (frozenset() if has_place else {Column.BUS})


# Where mistakes and values are listed, the sections of a service come before these two of every instance.
for _name in ("http", "log"):
    Config.__pydantic_fields__[_name] = Config.__pydantic_fields__.pop(_name)
Config.model_rebuild(force=True)


def load(path: Path, mode: str = "") -> Config:
    """The configuration in a file, the environment over it and a `transport.mode` over both; `ConfigError`
    says what is wrong and where.
    """
    return model.load(path, Config, mode)
