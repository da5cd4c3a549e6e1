"""Never two: the rules for who holds a role and for their hosts, judged in true time at every step.

A log that lost its end (an unclean election, which the topic's configuration excludes) makes two of them
possible until everybody who had read the lost records has halted: these processes are `misled`, and exempt
from the rules of leases. Nothing exempts them from those of the CFMs.
"""

import json
from typing import TYPE_CHECKING

from bus.effects import Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import Entry, Kept
from bus.testing.checkers import Crashed, Started, WorldStep
from fileid.row import ROWS, TOKEN, split_rows
from heartbeat.roles.claim import Claim
from heartbeat.roles.log.records import TYPE_OF, Release, Renew
from heartbeat.roles.states import State
from services.sidecar.role.record import StoreFailover
from tests.simulation.failover import parts
from tests.simulation.failover.host import Acted
from tests.simulation.failover.oracle import Oracle
from tests.simulation.failover.parents import sidecar_of

if TYPE_CHECKING:
    from tests.simulation.failover.plant import FailoverPlant

_RENEW, _RELEASE = TYPE_OF[Renew], TYPE_OF[Release]
_ENDS = (_RENEW, _RELEASE)
Key = tuple[int, int]


class Leases:
    """One holder per epoch, epochs that grow, no two live leases, no effect before its claim was read back
    and is on the disk, none of a host after its lease, and without the log only with a majority of the CFMs.
    """

    def __init__(self, plant: "FailoverPlant", oracle: Oracle) -> None:
        self.takeovers = 0
        self.misled: set[tuple[str, int]] = set()
        self._plant = plant
        self._oracle = oracle
        self._read_back: dict[str, set[int]] = {name: set() for name in parts.ROLES}
        self._on_disk: dict[str, set[int]] = {name: set() for name in parts.ROLES}
        self._stands: dict[str, Claim] = {}
        self._acted: dict[str, tuple[Key, str]] = {}
        self._released: set[str] = set()

    def __call__(self, step: WorldStep) -> str | None:
        """Judge one step of a sidecar or of a host."""
        if step.node in self._plant.hosts:
            return self._judge_host(step)
        if sidecar_of(step.node):
            return self._judge_parent(step)
        election = self._plant.elections.get(step.node)
        if election is None:
            return None
        message = step.message
        if type(message) is Entry:
            envelope = message.envelope
            if envelope is not None and envelope.source == step.node and ".claim." in envelope.type:
                self._read_back[step.node].add(message.offset)
        fault = None
        if type(message) is Kept and type(message.record) is StoreFailover:
            fault = self._judge_kept(step.node, message.record)
        fault = fault or (self._judge_effects(step) if step.effects else None)
        if fault is not None:
            return fault
        state = election.state
        if state is State.ACTIVE:
            if self._plant.world.local(step.node) < election.acts_until:
                return self._judge_lease(step.node, election.role, election.claim)
        elif state is State.AUTONOMOUS and self._plant.world.local(step.node) < election.acts_until:
            return self._judge_autonomy(step.node, election.claim, step.now)
        return None

    def forget(self, end: int) -> None:
        """The log was cut: its offsets from here on are used again."""
        for offsets in (*self._read_back.values(), *self._on_disk.values()):
            offsets.difference_update([one for one in offsets if one >= end])
        self._stands.clear()
        self._acted.clear()

    def is_misled(self, name: str) -> bool:
        """Whether this process had read what the log then lost."""
        return (name, self._plant.world.incarnation(name)) in self.misled

    def _judge_effects(self, step: WorldStep) -> str | None:
        node = step.node
        for effect in step.effects:
            kind = type(effect)
            if kind is Publish and effect.envelope.type in _ENDS:
                fault = self._judge_release(node, effect.envelope)
            elif kind is Send and effect.envelope.type == ROWS:
                bodies = split_rows(effect.envelope.data)[1]
                fault = self._judge_epochs(node, {int.from_bytes(body[TOKEN][2:], "big") for body in bodies})
            elif kind is Reply and "file" in effect.body:
                token = parts.OPENER.open(effect.body["file"].encode()).fields().token
                fault = self._judge_epochs(node, {token.epoch})
            else:
                continue
            if fault is not None:
                return fault
        return None

    def _judge_parent(self, step: WorldStep) -> str | None:
        """What a parent gives back is its child's to give back."""
        for effect in step.effects:
            if type(effect) is Publish:
                return self._judge_release(sidecar_of(step.node), effect.envelope)
        return None

    def _judge_kept(self, node: str, record: StoreFailover) -> str | None:
        claim = record.claim
        if claim is None:
            return None
        self._on_disk[node].add(claim.epoch)
        # What was on the disk is kept there until another claim wins, and holds nothing.
        is_held = claim == self._plant.elections[node].claim and not self.is_misled(node)
        return self._judge_claim(node, claim) if is_held else None

    def _judge_release(self, node: str, envelope: Envelope) -> str | None:
        """Nothing has an effect under a claim that is given back, and nobody renews it."""
        claim_id = json.loads(envelope.data)["claim_id"]
        if envelope.type == _RENEW:
            return f"{node} renews {claim_id}, which it gave back" if claim_id in self._released else None
        self._released.add(claim_id)
        election = self._plant.elections.get(node)
        if election is not None and self._plant.world.local(node) < election.acts_until:
            return f"{node} gives {claim_id} back, and may still act"
        name = node.replace("dhcp", "host")
        host = self._plant.hosts.get(name)
        if host is not None and self._plant.world.local(name) < host.until:
            return f"{node} gives {claim_id} back, and {name} may still act"
        return None

    def _judge_claim(self, node: str, claim: Claim) -> str | None:
        if claim == self._stands.get(node):
            return None
        win = self._oracle.wins.get(claim.epoch)
        if win is None or (win.era, win.claim_id, win.holder) != (claim.era, claim.claim_id, node):
            return f"{node} holds {claim}, which the log gives to {win}"
        if claim.epoch not in self._read_back[node]:
            return f"{node} holds {claim}, and did not read it back"
        former = self._stands.get(node, Claim())
        if claim[:2] <= former[:2]:
            return f"{node} holds {claim} after {former}"
        self._stands[node] = claim
        return None

    def _judge_epochs(self, node: str, epochs: set[int]) -> str | None:
        if self.is_misled(node):
            return None
        if not epochs <= self._read_back[node]:
            return f"{node} has an effect at epoch {epochs}, and read no such claim of its own back"
        if not epochs <= self._on_disk[node]:
            return f"{node} has an effect at epoch {epochs}, and that claim never was on its disk"
        return None

    def _judge_lease(self, node: str, role: str, claim: Claim) -> str | None:
        if self.is_misled(node):
            return None
        plant, local = self._plant, self._plant.world.local
        for name, other in plant.elections.items():
            if (
                name != node
                and other.role == role
                and other.state is State.ACTIVE
                and local(name) < other.acts_until
                and not self.is_misled(name)
            ):
                return f"{node} ({claim}) and {name} ({other.claim}) both have a lease"
        return self._judge_other_hosts(node, role) or self._note_act(node, role, claim[:2])

    def _judge_other_hosts(self, node: str, role: str) -> str | None:
        """A host acts by the lease that it was told, as long as its session is open."""
        plant = self._plant
        for name, host in plant.hosts.items():
            sidecar = plant.sidecar_of(name)
            if (
                sidecar != node
                and parts.ROLES[sidecar] == role
                and plant.world.local(name) < host.until
                and not host.is_autonomous
                and not self.is_misled(sidecar)
            ):
                return f"{node} has a lease, and so has {name} (epoch {host.epoch})"
        return None

    def _note_act(self, node: str, role: str, key: Key) -> str | None:
        former, by = self._acted.get(role, ((0, -1), ""))
        if key < former:
            return f"{node} acts at epoch {key}, after {by} did at {former}"
        if key > former:
            self._acted[role] = key, node
            self.takeovers += by not in ("", node)
        return None

    def _judge_autonomy(self, node: str, claim: Claim, now: float) -> str | None:
        cfms = self._plant.cfm_rules
        vouching = sum(cfms.named_lately(name, parts.ROLES[node], claim, now) for name in self._plant.homes)
        if vouching * 2 > len(self._plant.homes) or self.is_misled(node):
            return None
        return f"{node} acts without the log, and {vouching} CFMs know its claim as the highest"

    def _judge_host(self, step: WorldStep) -> str | None:
        host, name = self._plant.hosts[step.node], step.node
        if type(step.message) in (Started, Crashed):
            return None
        for effect in step.effects:
            if type(effect) is not Acted:
                continue
            if self._plant.world.local(name) >= host.until:
                return f"{name} acts after its lease"
            sidecar = self._plant.sidecar_of(name)
            fault = self._judge_epochs(sidecar, {effect.epoch})
            if fault is None and not host.is_autonomous:
                fault = self._judge_lease(sidecar, parts.ROLES[sidecar], Claim(effect.era, effect.epoch))
            if fault is not None:
                return fault
        return None
