"""The table of steps: the word of each, and its class."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from bus.config.section import Section
from services.lab.script.boots import BootPlant
from services.lab.script.trials import Busy, Trial
from services.lab.site.lab import ScenarioStep
from services.lab.steps.clone import Clone, EndClone
from services.lab.steps.crowd import Crowd, DescriptorLimit, EndCrowd
from services.lab.steps.disks import Fill, Room, SmallDisks
from services.lab.steps.instances import Forget, Kill, Mode, Start, Stop, WaitReady
from services.lab.steps.kafka.brokers import BrokerStep
from services.lab.steps.kafka.logs import CutLog, RoleLog
from services.lab.steps.kafka.power import Elect, Leaders, PowerCut
from services.lab.steps.kafka.rights import Rights
from services.lab.steps.kafka.topics import Recreate
from services.lab.steps.kea.faults import ApplyReservations, GoMute, StandStill
from services.lab.steps.kea.leases import BeginLoad, CleanUp, OldLeases, Resync
from services.lab.steps.operator import BeginEra, Promote, Says, WatchRefusals
from services.lab.steps.pause import Pause
from services.lab.steps.settings import ApplySettings, SettingsKept
from services.lab.steps.switch import FinishSwitch, SwitchTo
from services.lab.steps.takeover import KillPrimary
from services.lab.steps.upgrade import Upgrade


class StepItem(Section):
    """An item of a scenario's steps: a mapping with one key, which is the word of its step."""

    boot: BootPlant | None = None
    stop: Stop | None = None
    start: Start | None = None
    kill: Kill | None = None
    forget: Forget | None = None
    mode: Mode | None = None
    wait_ready: WaitReady | None = None
    upgrade: Upgrade | None = None
    pause: Pause | None = None
    brokers: BrokerStep | None = None
    power_cut: PowerCut | None = None
    leaders: Leaders | None = None
    elect: Elect | None = None
    role_log: RoleLog | None = None
    kill_primary: KillPrimary | None = None
    says: Says | None = None
    era: BeginEra | None = None
    promote: Promote | None = None
    switch: SwitchTo | None = None
    finish: FinishSwitch | None = None
    watch_refusals: WatchRefusals | None = None
    cut_log: CutLog | None = None
    clone: Clone | None = None
    end_clone: EndClone | None = None
    busy: Busy | None = None
    trial: Trial | None = None
    recreate: Recreate | None = None
    rights: Rights | None = None
    descriptors: DescriptorLimit | None = None
    crowd: Crowd | None = None
    end_crowd: EndCrowd | None = None
    small_disks: SmallDisks | None = None
    fill: Fill | None = None
    room: Room | None = None
    apply: ApplySettings | None = None
    settings_kept: SettingsKept | None = None
    kea_load: BeginLoad | None = None
    kea_clean_up: CleanUp | None = None
    kea_old_leases: OldLeases | None = None
    resync: Resync | None = None
    kea_stands_still: StandStill | None = None
    kea_goes_mute: GoMute | None = None
    kea_apply: ApplyReservations | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_one_word(cls, item: Any) -> Any:
        if not isinstance(item, dict) or len(item) != 1:
            raise ValueError(f"a step is a mapping with one key, one of {', '.join(cls.model_fields)}")
        return {word: {} if said is None else said for word, said in item.items()}

    @property
    def word(self) -> str:
        """The item's one key."""
        (word,) = self.model_fields_set
        return word

    @property
    def step(self) -> ScenarioStep:
        """The step of this item."""
        step: ScenarioStep = getattr(self, self.word)
        return step


for one in (BootPlant, Trial):
    one.model_rebuild(_types_namespace={"StepItem": StepItem})
StepItem.model_rebuild(force=True)
