"""What the plant promises about rows and reads. One checker per promise; each judges a step at a time.

Checkers see what a machine is given and what it wants done, never its inside; only the row table, whose
contents are the promise, is looked into through its public face.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from bus.effects import Reply, Send
from bus.envelope import number_of
from bus.messages import CaughtUp, LocalRequest, Received, WallClock
from bus.testing.checkers import Crashed, Paused, Started, Tick, WorldStep
from fileid.handoff import ACKED_SEQ
from fileid.reads import FUTURE_S_MAX, SEAL_AFTER_S, SILENT_AFTER_S
from fileid.row import ACK, HELLO, LIFE_S, PULLED, ROWS, pack_address, split_rows
from fileid.seal import Opener
from fileid.sender import AGO_S_MAX
from fileid.table import TOMBSTONE_S, RowStatus, Table
from services.tftp.effects import Datagram, Peer
from services.tftp.packets import parse_request
from services.tftp.sockets import Wakeup

LAG_S_MAX = 0.005  # timers fire up to a millisecond late, and an answer takes a few of them


class SettingsRead:
    """Which CFMs have read the settings topic since they started, and so know every template of a living row.

    The copy on disk is the newest generation only. Until a restarted CFM has read the topic's history it may
    be unable to build the file of a row that was minted before the settings changed.
    """

    def __init__(self) -> None:
        self._cfms: set[str] = set()

    def __contains__(self, cfm: str) -> bool:
        return cfm in self._cfms

    def __call__(self, step: WorldStep) -> None:
        """Follow a step; there is nothing to judge."""
        if isinstance(step.message, Started | Crashed):
            self._cfms.discard(step.node)
        elif step.message == CaughtUp("config"):
            self._cfms.add(step.node)


class _Waiting(NamedTuple):
    since: float
    due: float
    minter: int
    minted_s: float


class AckedRowsAreServable:
    """A row that a CFM acked is in its table, or completed, for 60 s; then it is gone. A read of it by its
    owner is answered at once.

    `tables` holds the table of each CFM that runs; `settings` knows which of them can build every file. In a
    group a CFM `overhears` rows that another one acks, and has them too. By its own clock a row may end
    `drift_s` earlier or later.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        opener: Opener,
        settings: SettingsRead,
        *,
        overhears: bool = False,
        drift_s: float = 0.0,
    ) -> None:
        self.acked = 0
        self._overhears = overhears
        self._drift_s = drift_s
        self._settings = settings
        self._tables = tables
        self._opener = opener
        self._expiry: dict[str, dict[bytes, float]] = {}

    def holds(self, cfm: str, name: bytes) -> bool:
        """Whether this CFM acked this name and neither crashed since nor let it expire."""
        return name in self._expiry.get(cfm, {})

    def __call__(self, step: WorldStep) -> str | None:
        """Judge one step of a CFM."""
        if step.node not in self._tables:
            return None
        if isinstance(step.message, Started | Crashed):
            self._expiry[step.node] = {}
            return None
        return (
            self._let_expire(step)
            or self._note_acks(step)
            or self._judge_table(step)
            or self._judge_read(step)
        )

    def _let_expire(self, step: WorldStep) -> str | None:
        rows, table = self._expiry[step.node], self._tables[step.node]
        if not isinstance(step.message, Tick):
            return None
        for name in [name for name, expiry in rows.items() if expiry <= step.now]:
            if rows[name] + self._drift_s <= step.now and table.get(name) is not None:
                return f"{step.node} still holds {name!r}, which expired at {rows[name]:.3f}"
            if table.get(name) is None:
                del rows[name]
        return f"{step.node} holds rows that it never acked" if len(table) > len(rows) else None

    def _note_acks(self, step: WorldStep) -> str | None:
        if not isinstance(step.message, Received) or step.message.envelope.type != ROWS:
            return None
        rows, table = self._expiry[step.node], self._tables[step.node]
        names, _ = split_rows(step.message.envelope.data)
        for effect in step.effects:
            if not isinstance(effect, Send) or effect.envelope.type != ACK:
                continue
            statuses = effect.envelope.data[ACKED_SEQ.size :]
            for name, status in zip(names, statuses, strict=True):
                if status == RowStatus.STORED:
                    self.acked += 1
                    rows[name] = step.now + LIFE_S
                elif status == RowStatus.DUPLICATE and name not in rows and not table.is_spent(name):
                    return f"{step.node} calls {name!r} a duplicate, but does not have it"
        if self._overhears:
            for name in names:
                if name not in rows and table.get(name) is not None:
                    rows[name] = step.now + LIFE_S
        return None

    def _judge_table(self, step: WorldStep) -> str | None:
        table = self._tables[step.node]
        for name, expiry in self._expiry[step.node].items():
            if expiry - self._drift_s > step.now and table.get(name) is None and not table.is_spent(name):
                return f"{step.node} acked {name!r} and lost it {expiry - step.now:.3f} s too early"
        return None

    def _judge_read(self, step: WorldStep) -> str | None:
        if not isinstance(step.message, Wakeup) or step.node not in self._settings:
            return None
        socket, ((data, peer),) = step.message
        request = parse_request(data) if socket == 0 else None
        if request is None or not self.holds(step.node, request.name):
            return None
        is_owner = self._opener.open(request.name).fields().address == pack_address(peer[0])
        if not is_owner or self._tables[step.node].is_spent(request.name):
            return None
        if any(isinstance(effect, Datagram) and effect.peer == peer for effect in step.effects):
            return None
        return f"{step.node} acked {request.name!r} and does not serve it to {peer}"


class ReadsAreServed:
    """A read of a name of the right age is served at once, or when its row comes, handed off or pulled; or
    after half a second, if its seal is full.

    The clock that judges the age is the CFM's own, so the checker follows its `WallClock`. A pause of the CFM
    gives it so much more time, but after four seconds nobody waits any more. While the clock of the CFM
    jumped lately, or that of the minter is off by its greeting, no seal has to serve; and no row that its
    minter, by his own clock, did not make lately.
    """

    def __init__(self, tables: Mapping[str, Table], opener: Opener, settings: SettingsRead) -> None:
        self._settings = settings
        self._tables = tables
        self._opener = opener
        self._offset_s: dict[str, float] = {}
        self._asked: dict[tuple[str, Peer], bytes] = {}
        self._waiting: dict[str, dict[tuple[str, bytes], _Waiting]] = {}
        self._jumped_until: dict[str, float] = {}
        self._leads_s: dict[tuple[str, int], float] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge one step; time passes for every CFM, whoever moved."""
        if step.node in self._tables:
            fault = self._follow(step, self._waiting.setdefault(step.node, {}))
            if fault is not None:
                return fault
        for cfm, waiting in self._waiting.items():
            for (address, name), wait in waiting.items():
                if wait.due < step.now:
                    return f"{cfm} did not serve {name!r} to {address} from its seal by {wait.due:.3f}"
        return None

    def _follow(self, step: WorldStep, waiting: dict[tuple[str, bytes], _Waiting]) -> str | None:
        message = step.message
        if isinstance(message, Crashed):
            waiting.clear()
        elif isinstance(message, Paused):
            for key, wait in list(waiting.items()):
                due = wait.due + message.pause_s
                waiting[key] = wait._replace(due=due if due < wait.since + SILENT_AFTER_S else math.inf)
        elif isinstance(message, Tick):
            for key in [key for key, wait in waiting.items() if step.now >= wait.since + SILENT_AFTER_S]:
                del waiting[key]
        elif isinstance(message, WallClock):
            self._note_clock(step.node, message.offset_s, step.now)
        elif isinstance(message, Received) and message.envelope.type == HELLO:
            wall_s = step.now + self._offset_s[step.node]
            lead_s = message.envelope.time_ms / 1000 - wall_s
            self._leads_s[step.node, number_of(message.envelope.source)] = lead_s
        elif isinstance(message, Wakeup) and message.socket == 0:
            self._note_read(step, waiting)
        self._excuse(step, waiting)
        for effect in step.effects:
            if isinstance(effect, Datagram):
                name = self._asked.get((step.node, effect.peer), b"")
                waiting.pop((effect.peer[0], name), None)
        if isinstance(message, Received) and message.envelope.type in (ROWS, PULLED):
            brought, _ = split_rows(message.envelope.data)
            for (address, name), wait in waiting.items():
                sent_s = message.envelope.time_ms / 1000
                is_timely = -FUTURE_S_MAX <= sent_s - wait.minted_s <= AGO_S_MAX
                is_here = (
                    is_timely
                    and name in brought
                    and (message.envelope.type == PULLED or self._tables[step.node].get(name) is not None)
                )
                if is_here and step.now < wait.since + SILENT_AFTER_S:
                    return f"{step.node} got the row {name!r} and leaves {address} waiting"
        return None

    def _note_clock(self, cfm: str, offset_s: float, now: float) -> None:
        back_s = self._offset_s.get(cfm, offset_s) - offset_s
        if abs(back_s) > FUTURE_S_MAX:
            until = now + max(0.0, back_s) + TOMBSTONE_S
            self._jumped_until[cfm] = max(self._jumped_until.get(cfm, 0.0), until)
        self._offset_s[cfm] = offset_s

    def _excuse(self, step: WorldStep, waiting: dict[tuple[str, bytes], _Waiting]) -> None:
        """No seal has to serve whose age nobody can tell."""
        has_jumped = step.now < self._jumped_until.get(step.node, 0.0)
        for key, wait in waiting.items():
            if has_jumped or abs(self._leads_s.get((step.node, wait.minter), 0.0)) > FUTURE_S_MAX:
                waiting[key] = wait._replace(due=math.inf)

    def _note_read(self, step: WorldStep, waiting: dict[tuple[str, bytes], _Waiting]) -> None:
        ((data, peer),) = step.message.datagrams
        request = parse_request(data)
        if request is None:
            return
        name = request.name
        former = self._asked.get((step.node, peer), name)
        if former != name:  # the port reads something else now
            waiting.pop((peer[0], former), None)
        self._asked[step.node, peer] = name
        if step.node not in self._settings or self._tables[step.node].is_spent(name):
            return
        fields = self._opener.open(name).fields()
        age_s = step.now + self._offset_s[step.node] - fields.minted_ms / 1000
        if fields.address != pack_address(peer[0]) or not -FUTURE_S_MAX <= age_s <= LIFE_S:
            return
        if (peer[0], name) not in waiting:
            due = math.inf if fields.partial else step.now + SEAL_AFTER_S + LAG_S_MAX
            waiting[peer[0], name] = _Waiting(step.now, due, fields.minter, fields.minted_ms / 1000)


class AckedAnswersHold:
    """What a minter calls acked is at the CFM that it names, unless that CFM crashed meanwhile.

    `cfms` maps addresses to CFMs.
    """

    def __init__(self, rows: AckedRowsAreServable, cfms: Mapping[str, str]) -> None:
        self._rows = rows
        self._cfms = cfms
        self._asked: dict[tuple[str, int], float] = {}
        self._crashed: dict[str, float] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge the answers of a minter."""
        if isinstance(step.message, LocalRequest):
            self._asked.setdefault((step.node, step.message.session), step.now)
        elif isinstance(step.message, Crashed):
            self._crashed[step.node] = step.now
        for effect in step.effects:
            if not isinstance(effect, Reply) or not effect.body.get("acked"):
                continue
            cfm = self._cfms.get(effect.body["next_server"])
            if cfm is None:
                return f"{step.node} names {effect.body['next_server']}, which is no CFM"
            asked = self._asked[step.node, effect.session]
            if self._rows.holds(cfm, effect.body["file"].encode()) or self._crashed.get(cfm, -1.0) >= asked:
                continue
            return f"{step.node} calls {effect.body['file']} acked by {cfm}, which never acked it"
        return None
