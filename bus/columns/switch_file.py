"""The file of the switch: which columns are heard, and how far this instance has gone.

A step is put into force and kept in one go: the columns are opened first, then it is on the disk, and only
then others are closed. A column that cannot be opened is a refusal like that of a disk: the machine is told,
and nothing has changed; the way back from a disk that refuses opens nothing, so it cannot fail.
"""

import errno
import logging
from pathlib import Path

from bus import state_file
from bus.columns.columns import Columns
from bus.config.model import NodeConfig
from bus.contract import Contract, encode
from bus.errors import ConfigError, LocalError, StateError, TransportError
from bus.routes import Column
from bus.switch.carrying import Carrying
from bus.switch.standing import Plan, Step, StoreSwitch

FILE = "switch.json"
_log = logging.getLogger("provbus.switch")


class _Carrying(Contract):
    hears: list[Column]
    sends: list[Column]

    @classmethod
    def of(cls, found: Carrying) -> "_Carrying":
        return cls(hears=sorted(found.hears), sends=list(found.sends))

    def carrying(self) -> Carrying:
        return Carrying(frozenset(self.hears), tuple(self.sends))


class _Kept(Contract):
    carrying: _Carrying
    era: int = 0
    plan: Plan | None = None
    step: Step | None = None
    dropped: str = ""
    before: _Carrying | None = None
    configured: str


def load_switch(directory: Path) -> StoreSwitch | None:
    """The record that was kept last (the errors of `bus.state_file`)."""
    kept = state_file.load(directory / FILE, _Kept)
    if kept is None:
        return None
    before = None if kept.before is None else kept.before.carrying()
    return StoreSwitch(
        kept.carrying.carrying(), kept.era, kept.plan, kept.step, kept.dropped, before, kept.configured
    )


def save_switch(directory: Path, found: StoreSwitch) -> None:
    """Keep it (`OSError`)."""
    kept = _Kept(
        carrying=_Carrying.of(found.carrying),
        era=found.era,
        plan=found.plan,
        step=found.step,
        dropped=found.dropped,
        before=None if found.before is None else _Carrying.of(found.before),
        configured=found.configured,
    )
    state_file.keep(directory / FILE, encode(kept))


def at_start(config: NodeConfig) -> StoreSwitch:
    """Where an instance begins: where its disk says that a switch left it, unless the configured mode was
    changed since.
    """
    asked = StoreSwitch(config.carrying, configured=_words(config.carrying))
    kept = load_switch(config.state_directory)
    if kept is None:
        return asked
    if kept.configured != asked.configured:
        _log.info(
            "transport.mode was changed to %s, so what the last switch led to is over", config.carrying.mode
        )
        return asked._replace(era=kept.era)
    if not kept.carrying.hears <= config.can_hear:
        raise ConfigError(
            f"{config.instance} was switched to mode {kept.carrying.mode}, and a section for it is missing:"
            " give it back, or change transport.mode"
        )
    if kept.carrying.mode != config.carrying.mode:
        _log.warning(
            "mode %s, to which it was switched in era %d; the configuration says %s",
            kept.carrying.mode,
            kept.era,
            config.carrying.mode,
        )
    return kept


def take_step(columns: Columns, directory: Path, wanted: StoreSwitch) -> None:
    """Open and close columns, and keep the record (`OSError`)."""
    before = columns.carrying
    try:
        columns.carry(before._replace(hears=before.hears | wanted.carrying.hears))
    except (TransportError, ConfigError, LocalError, StateError) as error:
        raise OSError(errno.EAGAIN, str(error), f"{FILE}: a column") from error
    try:
        save_switch(directory, wanted)
    except OSError:
        columns.carry(before)
        raise
    columns.carry(wanted.carrying)


def _words(carrying: Carrying) -> str:
    """The configured mode, as it is compared after a restart."""
    return ",".join(map(str, carrying.sends))
