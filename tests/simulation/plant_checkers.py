"""What the plant promises about answers, bytes and files. One checker per promise; each judges a step at a
time.

They see what a machine is given and what it wants done, never its inside.
"""

import json
from collections.abc import Mapping

from bus.effects import Publish, Reply
from bus.errors import DecodeError
from bus.messages import LocalRequest
from bus.telemetry.audit import AUDIT
from bus.testing.checkers import Crashed, Paused, WorldStep
from fileid.row import pack_address
from fileid.seal import Opener
from services.sidecar.offering import APPLY_WITHIN_S
from services.tftp.effects import Datagram, Peer
from services.tftp.packets import DATA, OACK, parse_opcode, parse_request
from services.tftp.sockets import Wakeup
from tests.simulation.device import Finished
from tests.simulation.row_checkers import LAG_S_MAX


class BytesGoHome:
    """No byte of a file goes to another address than its row's, and none at all to one that is not served.

    A modem names its file once; every datagram to its port belongs to the name it asked for last.
    """

    def __init__(self, opener: Opener) -> None:
        self.datagrams = 0
        self._opener = opener
        self._asked: dict[tuple[str, Peer], bytes] = {}
        self._owners: dict[bytes, bytes] = {}
        self._served: set[tuple[str, str]] = set()

    def __call__(self, step: WorldStep) -> str | None:
        """Judge every datagram that a CFM sends."""
        if isinstance(step.message, Wakeup) and step.message.socket == 0:
            ((data, peer),) = step.message.datagrams
            request = parse_request(data)
            if request is not None:
                self._asked[step.node, peer] = request.name
        for effect in step.effects:
            if isinstance(effect, Datagram):
                fault = self._judge(step.node, effect)
                if fault is not None:
                    return fault
        return None

    def _judge(self, cfm: str, datagram: Datagram) -> str | None:
        self.datagrams += 1
        address = datagram.peer[0]
        if parse_opcode(datagram.data) not in (DATA, OACK):
            return None if (cfm, address) in self._served else f"{cfm} sends an error to {address}"
        name = self._asked.get((cfm, datagram.peer))
        if name is None:
            return f"{cfm} sends a file to {datagram.peer}, who never asked"
        if self._owner(name) != pack_address(address):
            return f"{cfm} sends the file of {name!r} to {address}, which is not its row's address"
        self._served.add((cfm, address))
        return None

    def _owner(self, name: bytes) -> bytes:
        """The address in a sealed name; nobody's if it does not open."""
        if name not in self._owners:
            try:
                self._owners[name] = self._opener.open(name).fields().address
            except DecodeError:
                self._owners[name] = b""
        return self._owners[name]


class CompletesOnce:
    """A FileID completes at most once per incarnation of a CFM."""

    def __init__(self) -> None:
        self.completed = 0
        self._seen: set[tuple[str, int, str]] = set()

    def __call__(self, step: WorldStep) -> str | None:
        """Judge what a CFM tells the audit stream."""
        for effect in step.effects:
            if not isinstance(effect, Publish) or effect.envelope.type != AUDIT:
                continue
            for event in json.loads(effect.envelope.data)["events"]:
                if event["event"] != "download.completed":
                    continue
                key = (step.node, step.incarnation, event["fileid"])
                if key in self._seen:
                    return f"{step.node} completed FileID {event['fileid']} twice"
                self._seen.add(key)
                self.completed += 1
        return None


class CreatesAreAnswered:
    """Every `fileid.create` is answered exactly once, in its minter's budget; a `settings.apply` in its own.

    `budgets_s` maps each minter to its budget. Time in which a minter was paused does not count.
    """

    def __init__(self, budgets_s: Mapping[str, float]) -> None:
        self.answered = 0
        self._budgets_s = budgets_s
        self._due: dict[str, dict[int, list[float]]] = {name: {} for name in budgets_s}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge one step; time passes for every minter, whoever moved."""
        if step.node in self._due:
            fault = self._follow(step, self._due[step.node])
            if fault is not None:
                return fault
        for minter, sessions in self._due.items():
            for session, due in sessions.items():
                if due[0] < step.now:
                    return f"{minter} did not answer session {session} by {due[0]:.3f}"
        return None

    def _follow(self, step: WorldStep, sessions: dict[int, list[float]]) -> str | None:
        if isinstance(step.message, Crashed):
            sessions.clear()
        elif isinstance(step.message, Paused):
            for due in sessions.values():
                due[:] = [at + step.message.pause_s for at in due]
        elif isinstance(step.message, LocalRequest):
            is_apply = step.message.body["op"] == "settings.apply"
            budget_s = APPLY_WITHIN_S if is_apply else self._budgets_s[step.node]
            due_at = step.now + budget_s + LAG_S_MAX
            sessions.setdefault(step.message.session, []).append(due_at)
        for effect in step.effects:
            if isinstance(effect, Reply):
                self.answered += 1
                if effect.session not in sessions:
                    return f"{step.node} answers session {effect.session}, where nobody waits"
                sessions[effect.session].pop(0)
                if not sessions[effect.session]:
                    del sessions[effect.session]
        return None


class FilesAreRight:
    """Every file that a device has read to its end is its own, and whole."""

    def __init__(self) -> None:
        self.files = 0

    def __call__(self, step: WorldStep) -> str | None:
        """Judge what a device found."""
        for effect in step.effects:
            if isinstance(effect, Finished):
                self.files += 1
                if effect.verdict != "ok":
                    return f"{step.node} read {effect.file!r} and got: {effect.verdict}"
        return None
