"""What a CFM promises under election: no row and no seal of an authority that it knows to be over."""

from typing import TYPE_CHECKING, NamedTuple

from bus.effects import Send
from bus.envelope import Token
from bus.messages import Entry, Kept, Received, WallClock
from bus.testing.checkers import Crashed, Started, WorldStep
from bus.wire.codec import pack_token
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK, ROWS, TOKEN, split_rows
from fileid.table import RowStatus
from heartbeat.roles.claim import BY_APPOINTMENT, Claim
from heartbeat.roles.evidence import VOUCH_S
from heartbeat.roles.log.fence import SEAL_GRACE_S, StoreFence
from services.tftp.effects import Datagram
from services.tftp.packets import DATA, OACK, parse_opcode, parse_request
from services.tftp.sockets import Wakeup
from tests.simulation.failover import parts
from tests.simulation.failover.oracle import Oracle

if TYPE_CHECKING:
    from tests.simulation.failover.plant import FailoverPlant

LAG_S = 0.1


class _Stored(NamedTuple):
    """A claim that a CFM keeps, when it stored it, in the world's and in its own Unix time, and whether it
    read it as it happened.
    """

    claim: Claim
    holder: str
    at: float
    wall_s: float
    is_live: bool


class Acceptors:
    """What each CFM ever stored of each role, and that nothing older is applied.

    A duplicate is no application: the row was applied before.
    """

    def __init__(self, plant: "FailoverPlant", oracle: Oracle) -> None:
        self.applied = 0
        self.refused = 0
        self.from_seals = 0
        self._plant = plant
        self._oracle = oracle
        self._stored: dict[tuple[str, str], list[_Stored]] = {}
        self._applied: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._caught_up: set[str] = set()
        self._reads_live: set[str] = set()  # whose latest record came as it happened
        self._elsewhere: dict[str, int] = {}  # the era in which a CFM took rows in another mode
        self._wall_s: dict[str, float] = {}
        self._up: set[str] = set()
        self._ended: dict[tuple[str, str, Claim], float] = {}
        self._asked: dict[tuple[str, tuple[str, int]], tuple[bytes, dict[str, int]]] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge one step of a CFM."""
        fence = self._plant.fences.get(step.node)
        if fence is None:
            if type(step.message) is Crashed and step.node in self._plant.homes:
                self._caught_up.discard(step.node)
                self._reads_live.discard(step.node)
                self._up.discard(step.node)
                self._end(step.node, step.now)
            return None
        message, kind = step.message, type(step.message)
        if kind is Started:
            self._up.add(step.node)
        elif kind is WallClock:
            self._wall_s[step.node] = message.offset_s
        fault = None
        if kind is Kept and type(message.record) is StoreFence:
            fault = self._store(step, message.record)
        if kind is Entry and not fence.is_from_disk:
            self._reads_live |= self._caught_up & {step.node}
            self._caught_up.add(step.node)
        elif kind is Received and message.envelope.type == ROWS:
            fault = fault or self._judge_rows(step)
        elif kind is Wakeup and message.socket == 0:
            for data, peer in message.datagrams:
                request = parse_request(data)
                if request is not None:
                    self._asked[step.node, peer[:2]] = request.name, self._known(step.node)
        for effect in step.effects:
            if type(effect) is Datagram:
                fault = fault or self._judge_served(step, effect)
        return fault

    def wiped(self, cfm: str) -> None:
        """Its disk is gone: what it knew it must learn from the log."""
        self._elsewhere.pop(cfm, None)
        for role in {*parts.ROLES.values()}:
            self._stored.pop((cfm, role), None)

    def moved_elsewhere(self, cfm: str, eras: int) -> int:
        """This CFM takes rows in another mode, so many eras above the log's and all it knew; in which."""
        known = [stored[-1].claim.era for (name, _), stored in self._stored.items() if name == cfm]
        self._elsewhere[cfm] = max([self._oracle.era, self._elsewhere.get(cfm, 0), *known]) + eras
        return self._elsewhere[cfm]

    def named_lately(self, cfm: str, role: str, claim: Claim, now: float) -> bool:
        """Whether this was the highest claim that the CFM knew, not longer ago than an answer counts."""
        stored = self._stored.get((cfm, role), [])
        if claim.era <= self._elsewhere.get(cfm, -1):
            stored = []
        if cfm in self._up and stored and stored[-1].claim == claim:
            return True
        return self._ended.get((cfm, role, claim), 0.0) >= now - VOUCH_S - LAG_S

    def _end(self, cfm: str, now: float) -> None:
        """It answers no more, or not the same."""
        for (name, role), stored in self._stored.items():
            if name == cfm:
                self._ended[cfm, role, stored[-1].claim] = now

    def _known(self, cfm: str) -> dict[str, int]:
        """How many claims of each role it has stored."""
        return {role: len(stored) for (name, role), stored in self._stored.items() if name == cfm}

    def _store(self, step: WorldStep, effect: StoreFence) -> str | None:
        node = step.node
        is_misled = self._plant.leases.is_misled(node)
        for role, claims in effect.known.items():
            if not claims or claims[-1].claim.authority == BY_APPOINTMENT:
                continue  # what was on its disk is no news
            known = claims[-1]
            stored = self._stored.setdefault((node, role), [])
            if stored and known.claim == stored[-1].claim:
                continue
            if stored and known.claim[:2] <= stored[-1].claim[:2]:
                return f"{node} stores {known.claim} of {role} after {stored[-1].claim}"
            win = self._oracle.wins.get(known.claim.epoch)
            is_won = win is not None and (win.era, win.claim_id, win.holder) == (
                known.claim.era,
                known.claim.claim_id,
                known.holder,
            )
            if known.claim.epoch >= 0 and not is_won and not is_misled:
                return f"{node} stores {known.claim} of {known.holder}, which the log gives to {win}"
            wall_s = self._plant.world.local(node) + self._wall_s.get(node, 0.0)
            is_live = node in self._reads_live
            if stored:
                self._ended[node, role, stored[-1].claim] = step.now
            stored.append(_Stored(known.claim, known.holder, step.now, wall_s, is_live))
        return None

    def _judge_rows(self, step: WorldStep) -> str | None:
        source = step.message.envelope.source
        role = parts.ROLES[source]
        _, bodies = split_rows(step.message.envelope.data)
        for effect in step.effects:
            if type(effect) is not Send or effect.envelope.type != ACK:
                continue
            for body, status in zip(bodies, effect.envelope.data[ACKED_SEQ.size :], strict=True):
                if status != RowStatus.STORED:
                    self.refused += status in (RowStatus.STALE_EPOCH, RowStatus.UNVERIFIED_EPOCH)
                    continue
                self.applied += 1
                fault = self._judge_row(step.node, role, source, bytes(body[TOKEN]))
                if fault is not None:
                    return fault
        return None

    def _judge_row(self, node: str, role: str, source: str, token: bytes) -> str | None:
        stored = self._stored.get((node, role), [])
        if not stored:
            return f"{node} applies a row of {source}, and knows of no claim"
        latest = stored[-1]
        if latest.claim.era <= self._elsewhere.get(node, -1):
            return f"{node} applies a row of {source}, and took some in era {self._elsewhere[node]} elsewhere"
        expected = pack_token(Token(latest.claim.era, max(0, latest.claim.epoch))).to_bytes(8, "big")
        if token != expected or latest.holder != source:
            return f"{node} applies a row of {source} at {token.hex()}, and stored {latest}"
        former, by = self._applied.get((node, role), (b"", source))
        if token < former or (token == former and by != source):
            return f"{node} applies a row of {source} at {token.hex()}, after one of {by} at {former.hex()}"
        self._applied[node, role] = token, source
        return None

    def _judge_served(self, step: WorldStep, datagram: Datagram) -> str | None:
        """The first block of a file whose row is not here comes from its seal, or was pulled by it; whether
        that opens was decided when it was asked for.
        """
        asked = (step.node, datagram.peer[:2])
        if asked not in self._asked or parse_opcode(datagram.data) not in (DATA, OACK):
            return None
        name, known = self._asked.pop(asked)
        if self._plant.tables[step.node].get(name) is not None:
            return None
        self.from_seals += 1
        fields = parts.OPENER.open(name).fields()
        source = next(one for one, key in parts.KEYS.items() if key.minter == fields.minter)
        role = parts.ROLES[source]
        stored = self._stored.get((step.node, role), [])[: known.get(role, 0)]
        later = next((one for one in stored if one.claim[:2] > fields.token), None)
        if later is None:
            return None
        if later.is_live and fields.minted_ms / 1000 <= later.wall_s + SEAL_GRACE_S + 0.001:
            return None
        return f"{step.node} serves {name!r} of {source} at {fields.token} from its seal, and stored {later}"
