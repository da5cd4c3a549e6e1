"""The transport: the columns by which messages travel, and the switch from one to the other."""

from typing import Annotated, Literal

from pydantic import Field

from bus.contract import Name
from bus.routes import Column
from bus.switch.standing import PlanId
from heartbeat.roles.claim import ERA_MAX
from services.instance.contracts.field import Asked, Told

Era = Annotated[int, Field(ge=0, le=ERA_MAX)]
Mode = Literal["bus", "multicast", "dual"]
StepName = Literal["", "hear", "send", "parity", "freeze", "begin", "move", "finish"]
"""The name of each `Step`; empty for none."""
OptionalPlan = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
Absent = Annotated[
    list[str], Field(description="Instances that are gone, for whom the switch shall not wait.")
]


class FellowStanding(Told):
    """Where another instance stands, by its last beat."""

    step: StepName = Field(description="The step that it has taken; empty if it is in no switch.")
    leads: str = Field(description="The column that leads there; empty for a release that cannot switch.")
    hears: list[Column] = Field(description="The columns that it hears.")
    era: Era = Field(description="The era that the last switch began.")
    lacks: str = Field(description="What keeps it from the next step; empty if nothing does.")
    heard_s: float = Field(description="For how many seconds it has not been heard.")


class TransportStatus(Told):
    """The columns of the instance, its place in a switch, and that of everybody else."""

    mode: Mode = Field(description="The mode in force.")
    hears: list[Column] = Field(description="The columns that are heard.")
    sends: list[Column] = Field(description="The columns by which messages leave, the leading one first.")
    leads: Column = Field(description="The column that decides the roles.")
    can: list[Column] = Field(description="The columns that the configuration has sections for.")
    era: Era = Field(description="The era that the last switch began; 0 if there was none.")
    step: StepName = Field(description="The step that was taken last in the plan; empty without one.")
    to: Mode | Literal[""] = Field(description="The mode to which the plan leads.")
    by: str = Field(description="The instance at which it was ordered.")
    plan: OptionalPlan = Field(description="Its id.")
    is_over: bool = Field(description="Whether no switch is under way.")
    since_s: float = Field(ge=0, description="For how many seconds it has been at this step.")
    waits_for: list[str] = Field(description="Who has not come to this step, or what is missing here.")
    lost_to: str = Field(description="The instance whose order won over ours; empty if none did.")
    because: str = Field(description="Why the last plan ended without its mode; empty if it did not.")
    fleet: dict[Name, FellowStanding] = Field(description="Every other instance.")


class PairStanding(Told):
    """The messages of a peer in one class."""

    both: int = Field(ge=0, description="Messages that came by both columns.")
    only: dict[Column, int] = Field(description="Messages that came by one column alone.")
    late_ms: dict[Column, float] = Field(description="The longest time by which a second copy came later.")
    green: bool = Field(description="Whether enough came by both, and none was missed lately.")


class ColumnsStanding(Told):
    """The columns that are heard, and by which messages leave."""

    hears: list[Column] = Field(description="The columns that are heard.")
    sends: list[Column] = Field(description="The columns by which messages leave, the leading one first.")


class ParityAnswer(Told):
    """What came by which column since both were sent by."""

    carrying: ColumnsStanding = Field(description="The columns of the instance.")
    peers: dict[Name, dict[str, PairStanding]] = Field(description="By peer and class.")
    settings: dict[Column, str] = Field(description="The head of the SHA-256 of the settings in each column.")
    settings_agree: bool = Field(description="Whether they are the same.")


class SwitchTransportRequest(Asked):
    """With `verb` `check` nothing is changed. `transport.status` says how far it is."""

    verb: Literal["switch", "check", "abort", "finish"] = Field(
        "switch", description="What is wanted: `abort` calls off, `finish` closes the former column."
    )
    to: Mode | Literal[""] = Field("", description="The mode to switch to; `abort` and `finish` need none.")
    absent: Absent = Field(default_factory=list)


class SwitchTransportAnswer(Told):
    """It has begun, or was called off."""

    plan: PlanId = Field(description="Its id.")
    era: Era = Field(description="The era that it begins.")
    to: Mode = Field(description="The mode to which it leads.")
    quick: bool = Field(description="Whether everybody hears both columns already.")


class ObstaclesAnswer(Told):
    """Nothing was changed."""

    obstacles: list[str] = Field(description="What stands in the way, in a sentence each; empty: nothing.")


class FinishAnswer(Told):
    """Every instance closes the former column."""

    plan: PlanId = Field(description="The id of the switch that is finished.")
