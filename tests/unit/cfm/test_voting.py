"""A CFM's vote on who holds which role: what it promised is kept, and without a record it abstains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.effects import Publish, Reply, Send
from bus.envelope import Stamp
from bus.errors import ConfigError, UnavailableError
from bus.messages import LocalRequest, Received
from bus.runtime.runner import Runner, boottime
from bus.telemetry.keeping import AGAIN_S
from bus.telemetry.own_faults import OwnFaults
from fileid.row import HELLO
from heartbeat.roles.claim import BY_GRANTS, Claim
from heartbeat.roles.granted.grants import VOTER_LEASE_S, Ask, Promise, Refused, Release, StorePromises, Voter
from heartbeat.roles.granted.messages import GRANTED, REFUSED, pack_grant, unpack_answer
from heartbeat.roles.hello import pack_hello
from heartbeat.roles.log.fence import Fence
from services.cfm.machine import Cfm
from services.cfm.promises_file import FILE, load_promises, save_promises
from services.cfm.voting import Voting
from tests.unit.disk import FULL, Disk

Build = Callable[..., Cfm]
ROLE = "dhcp/lab"
ROLES = {"dhcp-1": ROLE, "dhcp-2": ROLE}
LOW, HIGH = Claim(1, 64, "a" * 16, BY_GRANTS), Claim(1, 129, "b" * 16, BY_GRANTS)
READY = VOTER_LEASE_S


class OneMessage:
    """A poller that has this message."""

    def __init__(self, message: Received) -> None:
        self.faults = OwnFaults(("message", "effect"))
        self._message = message

    def poll(self, _wait_s: float) -> list[Received]:
        return [self._message]


def voting_cfm(build: Build, promises: dict[str, Promise] | None, now: float = 0.0) -> Cfm:
    stamp = Stamp("cfm-1", "lab", 4)
    voter = Voter("cfm-1", {ROLE}, promises, now)
    fence = Fence(ROLES, writers=None)
    return build(stamp=stamp, voting=Voting(stamp, voter, ROLES), fence=fence)


def asks(ballot: Claim = LOW, candidate: str = "dhcp-1", role: str = ROLE) -> Received:
    envelope = pack_grant(Stamp(candidate, "lab", 1), Ask(role, ballot, candidate, 1))
    return Received(envelope, candidate)


def admit(cfm: Cfm, now: float = 0.0, **body: Any) -> tuple[list[Any], dict[str, Any]]:
    """What is done before the answer, and the answer."""
    disk, request = Disk(), LocalRequest(1, {"op": "failover.admit", "id": 3, **body})
    (reply,) = disk.receive(cfm, request, now)
    assert isinstance(reply, Reply)
    return disk.kept, reply.body


def told(cfm: Cfm, message: Any, now: float, disk: Disk | None = None) -> list[Any]:
    """What is left to do once everything is on the disk."""
    return (disk or Disk()).receive(cfm, message, now)


def status(cfm: Cfm) -> dict[str, Any]:
    found: dict[str, Any] = cfm.status.describe(0.0)["failover"]
    return found


def test_a_promise_is_stored_before_it_is_answered(build: Build) -> None:
    (keep,) = voting_cfm(build, {}).receive(asks(), READY)
    (sent,) = keep.then
    assert keep.record == StorePromises({ROLE: Promise(LOW, "dhcp-1")})
    assert isinstance(sent, Send)
    assert (sent.to, sent.envelope.type) == ("dhcp-1", GRANTED)


def test_another_candidate_is_refused_and_told_why(build: Build) -> None:
    cfm = voting_cfm(build, {})
    told(cfm, asks(), READY)
    (sent,) = told(cfm, asks(HIGH, "dhcp-2"), READY)
    assert sent.to == "dhcp-2"
    assert unpack_answer(sent.envelope, ["cfm-1"], ROLE) == Refused(ROLE, HIGH, 1, "cfm-1", LOW)


def test_a_role_that_was_given_back_is_granted_at_once(build: Build) -> None:
    cfm = voting_cfm(build, {})
    told(cfm, asks(), READY)
    resigned = pack_grant(Stamp("dhcp-1", "lab", 1), Release(ROLE, LOW, "dhcp-1"))
    assert cfm.receive(Received(resigned, "dhcp-1"), READY) == []
    assert told(cfm, asks(HIGH, "dhcp-2"), READY)[-1].envelope.type == GRANTED


def test_who_asks_for_a_role_that_is_not_his_is_counted_and_not_answered(build: Build) -> None:
    cfm = voting_cfm(build, {})
    assert cfm.receive(asks(candidate="mps-1"), READY) == []
    assert cfm.counts["undecodable"] == 1


def test_without_a_record_it_abstains_and_is_degraded(build: Build) -> None:
    cfm = voting_cfm(build, None)
    assert cfm.receive(asks(), 1000.0) == []
    assert status(cfm)["votes"] is False
    assert cfm.status.missing() == []
    assert cfm.status.degraded() == [
        "its vote, without which a role may find no majority: see provbus failover admit",
        "no minter is alive",
    ]


def test_a_person_admits_it_once(build: Build) -> None:
    cfm = voting_cfm(build, None)
    assert admit(cfm) == ([StorePromises({})], {"id": 3, "votes": True})
    assert status(cfm)["votes"] is True
    assert cfm.status.degraded() == ["no minter is alive"]
    assert told(cfm, asks(), READY)[-1].envelope.type == GRANTED
    effects, answer = admit(cfm)
    assert (effects, answer["error"]) == ([], "refused")


def test_it_grants_nothing_up_to_the_floor_that_the_person_named(build: Build) -> None:
    cfm = voting_cfm(build, None)
    stored, _ = admit(cfm, floors={ROLE: {"era": 1, "epoch": 64}})
    assert stored == [StorePromises({ROLE: Promise(Claim(1, 64, "", BY_GRANTS), "")})]
    (sent,) = told(cfm, asks(), READY)
    assert sent.envelope.type == REFUSED
    assert told(cfm, asks(HIGH, "dhcp-2"), READY)[-1].envelope.type == GRANTED


@pytest.mark.parametrize(("epoch", "floor"), [(1, LOW), (100, Claim(1, 100, "", BY_GRANTS))])
def test_the_claim_it_takes_rows_under_is_a_floor_too(build: Build, epoch: int, floor: Claim) -> None:
    cfm = voting_cfm(build, None)
    hello = Stamp("dhcp-1", "lab", 1).envelope(HELLO, pack_hello(LOW, 0.0), time_ms=0)
    told(cfm, Received(hello, "dhcp-1"), 0.0)
    stored, _ = admit(cfm, floors={ROLE: {"era": 1, "epoch": epoch}})
    assert stored == [StorePromises({ROLE: Promise(floor, "")})]


@pytest.mark.parametrize(
    "floors", [[], {ROLE: 64}, {ROLE: {"era": 1}}, {ROLE: {"era": 1, "epoch": -1}}, {"mps/lab": {}}], ids=repr
)
def test_floors_that_are_none_admit_nobody(build: Build, floors: Any) -> None:
    cfm = voting_cfm(build, None)
    effects, answer = admit(cfm, floors=floors)
    assert (effects, answer["error"]) == ([], "bad_request")
    assert status(cfm)["votes"] is False


def test_a_floor_of_a_role_that_nobody_shares_is_refused(build: Build) -> None:
    _, answer = admit(voting_cfm(build, None), floors={"mps/lab": {"era": 1, "epoch": 1}})
    assert "is not one of dhcp/lab" in answer["detail"]


def test_status_shows_what_was_promised(build: Build) -> None:
    cfm = voting_cfm(build, {})
    told(cfm, asks(), READY)
    assert status(cfm)["promises"] == {
        ROLE: {"era": 1, "epoch": 64, "claim_id": "a" * 16, "authority": BY_GRANTS, "candidate": "dhcp-1"}
    }


def test_a_restart_keeps_what_was_promised(build: Build, tmp_path: Path) -> None:
    disk = Disk()
    told(voting_cfm(build, {}), asks(HIGH, "dhcp-2"), READY, disk)
    save_promises(tmp_path, disk.kept[-1])
    cfm = voting_cfm(build, load_promises(tmp_path), now=100.0)
    assert told(cfm, asks(HIGH, "dhcp-2"), 101.0)[-1].envelope.type == GRANTED
    assert told(cfm, asks(LOW), 1000.0)[-1].envelope.type == REFUSED


def test_an_admission_without_floors_is_a_record(tmp_path: Path) -> None:
    save_promises(tmp_path, StorePromises({}))
    assert load_promises(tmp_path) == {}


def test_a_cfm_that_grants_nothing_has_no_vote(build: Build) -> None:
    cfm = build()
    assert cfm.receive(asks(), READY) == []
    assert cfm.counts["undecodable"] == 0
    _, answer = admit(cfm)
    assert answer["error"] == "bad_request"
    assert "votes" not in status(cfm)


def test_no_file_is_no_record(tmp_path: Path) -> None:
    assert load_promises(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"promises": {"dhcp/lab": {"era": 1, "epoch": -1, "claim_id": "", "candidate": ""}}}'],
)
def test_a_record_that_cannot_be_read_is_not_forgotten(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(UnavailableError, match=rf"{FILE} is damaged: .*; restore it, or see"):
        load_promises(tmp_path)


def test_a_record_that_is_no_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        load_promises(tmp_path)


def test_a_promise_that_cannot_be_kept_is_not_answered_and_ends_no_process(
    build: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_bytes(b"in the way")
    cfm = voting_cfm(build, {}, now=boottime() - READY)
    sent: list[Send] = []
    runner = Runner(
        cfm,
        OneMessage(asks()),  # type: ignore[arg-type]
        {
            StorePromises: lambda effect: save_promises(tmp_path / "state", effect),
            Send: sent.append,
            Publish: lambda beat: None,
        },
    )
    runner.round()
    assert sent == []
    assert f"cannot write {tmp_path}/state/promises.json: " in caplog.text
    reason = cfm.status.degraded()[0]
    assert reason.startswith("a disk for its promises, so it may abstain from a vote (")
    (tmp_path / "state").unlink()
    runner.round()
    assert [one.envelope.type for one in sent] == [GRANTED]
    assert not any("disk" in one for one in cfm.status.degraded())


def test_who_cannot_be_admitted_is_told_so_and_abstains(build: Build) -> None:
    cfm, disk = voting_cfm(build, None), Disk()
    disk.is_full = True
    (reply,) = told(cfm, LocalRequest(1, {"op": "failover.admit", "id": 3}), 0.0, disk)
    assert reply.body == {
        "id": 3,
        "error": "try_again",
        "detail": f"nothing was changed: its promises cannot be kept on disk ({FULL})",
    }
    assert status(cfm)["votes"] is False
    disk.is_full = False
    assert disk.tick(cfm, AGAIN_S) is not None
    assert (status(cfm)["votes"], disk.kept) == (False, [])
