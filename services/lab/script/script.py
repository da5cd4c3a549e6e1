"""The file of a scenario: the plant, the weather, and the steps."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from bus.config.yaml_file import Marks, explain, nearest_mark, read_yaml
from bus.errors import ConfigError
from services.lab.script.boots import BootPlant
from services.lab.script.step_table import StepItem
from services.lab.site.lab import ScenarioStep
from services.lab.site.scenario import OF_BROKERS, OF_LINKS, OF_MACHINES, Baseline, FaultKind, Scenario
from services.lab.steps.step import unknown_name

LOOPBACK_ONLY = (
    "kea", "ipv6", "attack", "insider", "rotate_at_online", "bare_tftp", "authorizer", "faults",
    "carrier_loss",
)  # fmt: skip


class Script(Scenario):
    """A scenario with its steps, done in order; without any the plant boots once. All of them are done
    `repeat` times.
    """

    steps: tuple[StepItem, ...] = (StepItem(boot=BootPlant()),)
    repeat: int = Field(1, ge=1)

    def alters_brokers(self) -> bool:
        """Whether the run needs brokers of its own: a step or a fault stops or replaces some, or they have
        an authorizer or machines of their own.
        """
        if not OF_BROKERS.isdisjoint(self.kinds()):
            return True
        steps = _all_steps(entry.step for entry in self.steps)
        return self.authorizer or self.hosts or any(step.alters_brokers() for step in steps)

    def slows_links(self) -> bool:
        """Whether a fault slows the links of machines."""
        return not OF_LINKS.isdisjoint(self.kinds())

    def fills_disks(self) -> bool:
        """Whether a fault fills the disks of brokers."""
        return "fill-disk" in self.kinds()

    def kinds(self) -> frozenset[FaultKind]:
        """The kinds of faults of its schedule."""
        return frozenset(one.kind for one in self.schedule.of) if self.schedule else frozenset()


def load_script(path: Path) -> Script:
    """The scenario in a file; `ConfigError` says what is wrong and where. `settings` is relative to it."""
    data, marks = read_yaml(path)
    try:
        script = Script(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Script))) from error
    if script.faults is not None and script.carrier_loss:
        raise ConfigError(f"{path}: give either faults or carrier_loss")
    late = [kill.cfm for kill in script.kills if kill.cfm > script.cfms]
    if late or script.mtas > script.modems:
        reason = f"kills cfm {late[0]} of {script.cfms}" if late else "has more mtas than modems"
        raise ConfigError(f"{path}: {reason}")
    if script.hosts:
        _check_hosts(script, path)
    if script.authorizer and script.broker != "kafka":
        raise ConfigError(f"{path}: an authorizer needs broker: kafka")
    if script.schedule is not None:
        _check_schedule(script, script.kinds(), path)
    alone = [key for key in ("attack", "rotate_at_online") if getattr(script, key) is not None]
    if alone and script.dhcps > 1:
        raise ConfigError(f"{path}: {alone[0]} is for one DHCP host, dhcps: 1")
    _check_steps(script, path, marks)
    update: dict[str, Any] = {"settings": path.parent / script.settings}
    if script.baseline is not None:
        update["baseline"] = _found(script.baseline, script, path)
    if script.kea is not None:
        update["kea"] = script.kea.model_copy(update={"config": path.parent / script.kea.config})
    return script.model_copy(update=update)


def _found(baseline: Baseline, script: Script, path: Path) -> Baseline:
    """The baseline with its file found from anywhere; `ConfigError` for a name that nobody has."""
    if reason := unknown_name(baseline.of, script):
        raise ConfigError(f"{path}: baseline: {reason}")
    return baseline.model_copy(update={"commit": path.parent / baseline.commit})


def _check_schedule(script: Script, kinds: frozenset[FaultKind], path: Path) -> None:
    if script.dhcps == 1:
        raise ConfigError(f"{path}: a schedule needs dhcps: 2, or nobody takes over")
    if script.broker != "kafka" and not OF_BROKERS.isdisjoint(kinds):
        raise ConfigError(f"{path}: faults of brokers need broker: kafka")
    beyond = sorted(OF_MACHINES & kinds)
    if beyond and not script.hosts:
        raise ConfigError(f"{path}: {beyond[0]} needs hosts: true")
    if "claim-held-back" in kinds and script.dhcps == 2:
        raise ConfigError(f"{path}: claim-held-back needs dhcps: 3, or nobody takes over meanwhile")


def _check_hosts(script: Script, path: Path) -> None:
    """`ConfigError` for what has its addresses on loopback, beside machines of their own."""
    if script.broker != "kafka":
        raise ConfigError(f"{path}: hosts: true needs broker: kafka")
    for key in LOOPBACK_ONLY:
        if getattr(script, key):
            raise ConfigError(f"{path}: give either hosts or {key}")


def _check_steps(script: Script, path: Path, marks: Marks) -> None:
    """`ConfigError` for a step that this scenario cannot have, and for keys that steps replace."""
    if "steps" in script.model_fields_set:
        for key in ("kills", "schedule", "rotate_at_online", "attack"):
            if getattr(script, key):
                raise ConfigError(f"{path}: give either steps or {key}")
    elif script.repeat > 1:
        raise ConfigError(f"{path}: repeat needs steps")
    for number, entry in enumerate(script.steps):
        for step in _all_steps([entry.step]):
            if reason := step.wrong(script):
                line = nearest_mark(marks, ("steps", str(number), entry.word))
                raise ConfigError(f"{path}:{line}: steps[{number}] {entry.word}: {reason}")


def _all_steps(steps: Iterable[ScenarioStep]) -> Iterator[ScenarioStep]:
    """These steps and all steps inside them."""
    for step in steps:
        yield step
        yield from _all_steps(step.inner())
