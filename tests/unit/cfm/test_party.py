"""What a switch does to a CFM's fence and to its vote."""

from bus.contract import encode
from bus.envelope import Envelope
from bus.messages import Entry, LogBounds
from bus.routes import Column
from bus.switch.carrying import single
from bus.switch.standing import StoreSwitch
from heartbeat.roles.claim import BY_GRANTS, Claim
from heartbeat.roles.granted.grants import Ask, Promise, Voter
from heartbeat.roles.log.fence import Fence
from heartbeat.roles.log.records import TYPE_OF, Era
from services.cfm.party import CfmParty
from tests.trusting import anybody

ROLE, READY = "dhcp/lab", 10.0
HELD = Claim(1, 64, "a" * 16, BY_GRANTS)


def test_once_an_era_of_the_log_was_read_it_renews_no_grant_though_its_disk_refuses_the_step() -> None:
    """Others count from its word that it has come to the era, and that needs no disk."""
    fence = Fence({"dhcp-1": ROLE}, writers=anybody, leads=Column.MULTICAST)
    voter = Voter("cfm-1", {ROLE}, {ROLE: Promise(HELD, "dhcp-1")}, 0.0)
    party = CfmParty(fence, voter, 1)
    renewal = Ask(ROLE, HELD, "dhcp-1", 1)
    party.note(is_overtaken=False, is_under_way=False)
    assert voter.receive(renewal, READY) != []
    era = Era(number=2, authority="a switch", leads=Column.BUS, plan="f" * 16)
    fence.bounds(LogBounds("failover", 0, 0), 0.0)
    fence.entry(Entry("failover", 0, Envelope(TYPE_OF[Era], "dhcp-2", 1, 1, 0, encode(era))), 0.0)
    party.note(is_overtaken=False, is_under_way=True)
    assert voter.receive(renewal, READY) == []
    party.begin(StoreSwitch(single(Column.MULTICAST), era=3), READY)  # a later era took it back
    party.note(is_overtaken=False, is_under_way=False)
    assert voter.receive(Ask(ROLE, Claim(3, 65, "b" * 16, BY_GRANTS), "dhcp-1", 1), READY + 5.0) != []
