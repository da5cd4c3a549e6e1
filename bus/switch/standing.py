"""The switch as instances tell each other of it, in their beats."""

from enum import IntEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from bus.contract import Name, WireContract
from bus.routes import Column
from bus.switch.carrying import DUAL, Carrying

PlanId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
TARGETS = (*map(str, Column), DUAL)
"""The modes to which a switch leads."""
LACKS_BYTES_MAX = 60


class Step(IntEnum):
    """How far an instance has gone in a switch. Each step is on its disk before others are told."""

    HEAR = 1  # both columns are heard
    SEND = 2  # messages leave by both
    PARITY = 3  # every message of every peer comes by both
    FREEZE = 4  # nobody stands for a role; who holds one goes on
    BEGIN = 5  # the new era was read: its column leads
    MOVE = 6  # messages leave by the new column only; the old one is still heard
    FINISH = 7  # the old column is closed


class Plan(WireContract):
    """A switch: from the column that leads to the mode `to`, in an era that no other switch has. `by` gives
    the word for each step. It is `quick` if everybody hears both columns already, so nothing has to be
    proven.
    """

    id: PlanId
    era: int = Field(ge=1, le=0xFFFF)
    by: Name
    leads: Column
    to: Annotated[str, Field(pattern="^(bus|multicast|dual)$")]
    quick: bool = False

    @property
    def last(self) -> Step:
        """The step with which it has done what it is for."""
        return Step.PARITY if self.to == DUAL else Step.MOVE

    def after(self, step: Step | None) -> Step:
        """The step that follows."""
        if step is Step.HEAR and self.quick:
            return self.last if self.to == DUAL else Step.FREEZE
        return Step.HEAR if step is None else Step(step + 1)


class SwitchStanding(WireContract):
    """Where an instance stands: the columns that it `can` hear by its configuration, those that it hears, the
    leading one, the era that the last switch began, and the `step` that it has taken in the `plan`. `dropped`
    is a plan that was called off. `lacks` is what keeps it from the next step, in a few words.
    """

    can: list[Column] = Field(default_factory=list)
    hears: list[Column] = Field(default_factory=list)
    leads: Column
    era: int = Field(0, ge=0, le=0xFFFF)
    plan: Plan | None = None
    step: int = Field(0, ge=0, le=len(Step))
    dropped: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""
    lacks: Annotated[str, Field(max_length=LACKS_BYTES_MAX)] = ""

    def is_at(self, plan: Plan, step: Step) -> bool:
        """Whether it has taken this step of this plan."""
        return self.plan is not None and self.plan.id == plan.id and self.step >= step


class StoreSwitch(NamedTuple):
    """A promise to be kept, and the columns to be opened and closed for it: from then on we are there. `era`
    is that of the last switch, `before` what was heard before the plan. `configured` is the mode of the
    configuration then: another one there at a start counts, for a person has changed it since.
    """

    carrying: Carrying
    era: int = 0
    plan: Plan | None = None
    step: Step | None = None
    dropped: str = ""
    before: Carrying | None = None
    configured: str = ""

    @property
    def is_over(self) -> bool:
        """Whether no switch is under way."""
        return self.plan is None or self.step is None or self.step >= self.plan.last
