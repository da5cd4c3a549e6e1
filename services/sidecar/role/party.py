"""The parts of a sidecar, as a switch of the transport asks them.

It stands still when it is told to, says whom the log shall name in the new era, and writes the ERA. Whom it
names is the word of their beats: an instance that says that it holds the role, and that it stands still.
"""

from collections.abc import Callable, Iterable, Mapping

from bus.effects import Effect
from bus.envelope import Stamp
from bus.routes import Column
from bus.switch.machine import Begun, WriteEra
from bus.switch.standing import Plan, StoreSwitch
from heartbeat.liveness.beat import RoleState
from heartbeat.liveness.roster import Peer
from heartbeat.roles.log.records import Named
from heartbeat.roles.states import State
from heartbeat.roles.switched.holder import SwitchedHolder

ACTS = (State.ACTIVE, State.AUTONOMOUS)
"""States in which an instance may be named: it holds the role, and has a lease."""
NO_START = "the role log has no beginning: provbus failover era"


class SidecarParty:
    """One sidecar's. `others` are the instances that are alive, `obstacles` has why a column cannot decide
    its role, `switched` is called when another one does.
    """

    def __init__(
        self,
        stamp: Stamp,
        holder: SwitchedHolder,
        others: Callable[[], Iterable[Peer]],
        *,
        obstacles: Mapping[Column, str],
        new_id: Callable[[], str],
        switched: Callable[[], None],
    ) -> None:
        self._stamp = stamp
        self._holder = holder
        self._others = others
        self._obstacles = obstacles
        self._new_id = new_id
        self._switched = switched

    def cannot_lead(self, column: Column) -> str:
        """What the configuration lacks for it; or a log that a person has to begin."""
        is_lost = column is Column.BUS and self._holder.has_no_start
        return self._obstacles.get(column, "") or (NO_START if is_lost else "")

    def known_era(self) -> int:
        """The greatest era that we, the log, or the CFMs know."""
        return self._holder.known_era()

    def begun(self) -> Begun | None:
        """The era of a switch that the log is in."""
        return self._holder.begun()

    def is_log_read(self) -> bool:
        """Whether the role log is read to its end."""
        return self._holder.is_log_read

    def freeze(self, plan: Plan, now: float) -> bool:
        """Stand for nothing from now on."""
        return self._holder.freeze(plan.id, now)

    def frozen(self, now: float) -> None:
        """Others may hear from now on that we stand still."""
        self._holder.frozen(now)

    def thaw(self) -> None:
        """Stand as ever."""
        self._holder.thaw()

    def begin(self, record: StoreSwitch, now: float) -> None:
        """Another column decides, or the same one anew."""
        self._holder.lead(record.carrying.leads, record.era, now)
        self._switched()

    def note(self, *, is_overtaken: bool, is_under_way: bool) -> None:
        """Act and stand for nothing, if a switch went on without us; begin no era by hand during one."""
        self._holder.note(is_overtaken=is_overtaken, is_under_way=is_under_way)

    def write(self, era: WriteEra, now: float) -> list[Effect]:
        """Write the ERA; the holder's next tick sends it."""
        self._holder.write_era(era, self._named(), now)
        return []

    def _named(self) -> Mapping[str, Named]:
        """The holder of each role, by their own beats; nobody where two say so."""
        us = (self._stamp.instance, self._stamp.incarnation, self._holder.standing())
        told = [us, *((one.name, one.incarnation, one.beat.standing) for one in self._others())]
        named: dict[str, Named] = {}
        twice: set[str] = set()
        for instance, incarnation, standing in told:
            if standing is None or not _acts(standing):
                continue
            if standing.role in named:
                twice.add(standing.role)
            named[standing.role] = Named(instance=instance, incarnation=incarnation, claim_id=self._new_id())
        return {role: one for role, one in named.items() if role not in twice}


def _acts(standing: RoleState) -> bool:
    return standing.state in map(str, ACTS)
