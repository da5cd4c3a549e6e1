"""The fence: which rows and which seals count, by what was read from the log or kept on disk."""

from itertools import count
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Token
from bus.messages import Entry, LogBounds
from bus.routes import Column
from bus.wire.codec import pack_token
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, Claim, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.log.fence import (
    REMEMBERED_MAX,
    SEAL_GRACE_S,
    Fence,
    Known,
    StoreFence,
    Unlogged,
    Verdict,
)
from heartbeat.roles.log.records import NO_OFFSET, TYPE_OF, ClaimRecord, Era, Named, Record, Release
from tests.trusting import anybody
from tests.unit.heartbeat.verdicts import judge

ROLE, OTHER = "dhcp/lab", "mps/lab"
ROLES = {"dhcp-1": ROLE, "dhcp-2": ROLE, "mps-1": OTHER}
LOG = log_authority("")
VALID, STALE, UNVERIFIED = Verdict.VALID, Verdict.STALE, Verdict.UNVERIFIED
NUMBERS = count(1)
ID = {name: number * 16 for name, number in (("dhcp-1", "1"), ("dhcp-2", "2"))}


class Run:
    """A fence and the log it reads."""

    def __init__(
        self, kept: dict[str, list[Known]] | None = None, behind: list[Envelope] | None = None
    ) -> None:
        self.fence = Fence(ROLES, kept, writers=anybody)
        self.stored: list[StoreFence] = []
        self._offsets = count()
        self._seqs = count(1)
        for minter in ROLES:
            self.fence.hello(minter, Claim(), 100.0, is_proven=False)
        before = behind or []
        self._keep(self.fence.bounds(LogBounds("failover", 0, len(before)), 100.0))
        for envelope in before:
            self.read(envelope, 100.0)

    def read(self, envelope: Envelope | None, wall_s: float) -> int:
        """The next record; its offset."""
        offset = next(self._offsets)
        self._keep(self.fence.entry(Entry("failover", offset, envelope), wall_s))
        return offset

    def claims(self, source: str, prev: int, wall_s: float = 100.0) -> int:
        """This instance claims; its offset."""
        return self.read(claim(source, prev), wall_s)

    def judge(self, source: str, epoch: int, era: int = 0) -> Verdict:
        """What becomes of a row of this epoch."""
        return judge(self.fence, source, Token(era, epoch))

    def opens(self, source: str, epoch: int, minted_s: float) -> bool:
        """Whether a seal opens."""
        return self.fence.judge_seal(source, Token(0, epoch), minted_s) is VALID

    def _keep(self, effects: list[Any]) -> None:
        for effect in effects:
            assert isinstance(effect, StoreFence)
            self.stored.append(effect)
            self.fence.kept(effect)


def said(source: str, record: Record) -> Envelope:
    return Envelope(TYPE_OF[type(record)], source, 1, next(NUMBERS), 0, encode(record))


def claim(source: str, prev: int) -> Envelope:
    return said(source, ClaimRecord(role=ROLE, prev=prev, claim_id=ID[source], incarnation=1))


def test_the_holders_rows_count_and_nobody_elses() -> None:
    run = Run()
    epoch = run.claims("dhcp-1", NO_OFFSET)
    assert run.judge("dhcp-1", epoch) is VALID
    assert run.judge("dhcp-2", epoch) is STALE  # the same offset, but not its claim
    assert run.judge("dhcp-1", epoch + 1) is UNVERIFIED


def test_before_any_claim_nothing_is_verified() -> None:
    run = Run()
    assert run.judge("dhcp-1", 0) is UNVERIFIED


def test_a_later_claim_makes_the_one_before_stale() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    second = run.claims("dhcp-2", first)
    assert run.judge("dhcp-1", first) is STALE
    assert run.judge("dhcp-2", second) is VALID


def test_a_claim_that_lost_changes_nothing() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    lost = run.claims("dhcp-2", NO_OFFSET)
    assert run.judge("dhcp-1", first) is VALID
    assert run.judge("dhcp-2", lost) is UNVERIFIED


def test_a_role_that_was_given_back_keeps_its_rows_until_the_next_claim() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    run.read(said("dhcp-1", Release(role=ROLE, epoch=first, claim_id=ID["dhcp-1"])), 100.0)
    assert run.judge("dhcp-1", first) is VALID
    assert run.fence.answer("dhcp-1") == Answer(Claim(0, first, ID["dhcp-1"], LOG), True, 1)


def test_an_era_makes_every_earlier_token_stale() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    at = run.read(said("anybody", Era(number=2, authority="an operator")), 100.0)
    assert run.judge("dhcp-1", first) is STALE
    assert run.judge("dhcp-1", 7, era=2) is UNVERIFIED
    again = run.claims("dhcp-1", at)
    assert run.judge("dhcp-1", again, era=2) is VALID


def test_a_minter_without_a_role_is_not_fenced() -> None:
    fence = Fence({}, writers=anybody)
    assert judge(fence, "dhcp-1", Token(1, 1)) is VALID
    assert fence.tokens("dhcp-1") is None
    assert fence.answer("dhcp-1") is None


def test_roles_do_not_mix() -> None:
    run = Run()
    epoch = run.claims("dhcp-1", NO_OFFSET)
    assert run.judge("mps-1", epoch) is UNVERIFIED


def test_before_its_hello_nothing_of_a_minter_is_verified() -> None:
    run = Run()
    epoch = run.claims("dhcp-1", NO_OFFSET)
    again = Fence(ROLES, run.stored[-1].known, writers=anybody)
    assert judge(again, "dhcp-1", Token(0, epoch)) is UNVERIFIED
    assert judge(again, "dhcp-2", Token(0, 0)) is UNVERIFIED
    assert again.judge_seal("dhcp-1", Token(0, epoch), 10.0) is VALID  # its minter may be gone for good


def test_a_claim_at_an_offset_that_is_used_twice_is_told_by_its_id() -> None:
    run = Run()
    epoch = run.claims("dhcp-1", NO_OFFSET)
    assert run.fence.hello("dhcp-1", Claim(0, epoch, "f" * 16, LOG), 100.0, is_proven=False) == []
    assert run.judge("dhcp-1", epoch) is STALE
    assert run.fence.tokens("dhcp-1") == (b"", pack_token(Token(0, epoch)).to_bytes(8, "big"))
    assert run.fence.hello("dhcp-1", Claim(0, epoch, ID["dhcp-1"], LOG), 100.0, is_proven=False) == []
    assert run.judge("dhcp-1", epoch) is VALID


def test_a_seal_of_a_deposed_primary_opens_if_it_was_minted_in_time() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET, 100.0)
    run.claims("dhcp-2", first, 200.0)
    assert run.opens("dhcp-1", first, 200.0 + SEAL_GRACE_S)
    assert not run.opens("dhcp-1", first, 200.1 + SEAL_GRACE_S)
    assert not run.opens("dhcp-2", first, 150.0)


def test_a_seal_is_judged_by_the_claim_that_came_next_and_not_by_the_last() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET, 100.0)
    second = run.claims("dhcp-2", first, 200.0)
    run.claims("dhcp-1", second, 300.0)
    assert not run.opens("dhcp-1", first, 250.0)
    assert run.opens("dhcp-2", second, 250.0)


def test_who_learnt_of_a_claim_by_catching_up_opens_no_older_seal() -> None:
    run = Run(behind=[claim("dhcp-1", NO_OFFSET), claim("dhcp-2", 0)])
    assert not run.opens("dhcp-1", 0, 10.0)
    assert run.opens("dhcp-2", 1, 10.0)


def test_what_is_known_is_stored_when_it_changes() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET, 150.0)
    run.read(None, 151.0)
    assert run.stored == [
        StoreFence({ROLE: [Known(Claim(0, first, ID["dhcp-1"], LOG), "dhcp-1", False, 150.0)], OTHER: []})
    ]


def test_without_the_log_the_claim_on_disk_is_the_only_one() -> None:
    kept = {ROLE: [Known(Claim(0, 5, ID["dhcp-1"], LOG), "dhcp-1", read_s=50.0)]}
    fence = Fence(ROLES, kept, writers=anybody)
    for minter in ROLES:
        fence.hello(minter, Claim(), 100.0, is_proven=False)
    assert fence.is_from_disk
    assert judge(fence, "dhcp-1", Token(0, 5)) is VALID
    assert judge(fence, "dhcp-2", Token(0, 6)) is UNVERIFIED
    assert judge(fence, "dhcp-1", Token(0, 4)) is STALE
    assert fence.answer("dhcp-1") == Answer(Claim(0, 5, ID["dhcp-1"], LOG), False, -1)


def test_catching_up_does_not_go_back_behind_the_disk() -> None:
    kept = {ROLE: [Known(Claim(0, 1, ID["dhcp-2"], LOG), "dhcp-2", read_s=50.0)]}
    run = Run(kept, behind=[claim("dhcp-1", NO_OFFSET), claim("dhcp-2", 0)])
    assert run.stored == []
    assert run.judge("dhcp-2", 1) is VALID
    assert run.judge("dhcp-1", 0) is STALE


@pytest.mark.parametrize(
    "on_disk", [Claim(0, 9, ID["dhcp-2"], LOG), Claim(0, 0, "f" * 16, LOG), Claim(4, 0, ID["dhcp-1"], LOG)]
)
def test_a_log_that_says_less_than_the_disk_is_not_believed(on_disk: Claim) -> None:
    run = Run({ROLE: [Known(on_disk, "dhcp-2")]}, behind=[claim("dhcp-1", NO_OFFSET)])
    assert run.stored == []
    assert "our disk" in run.fence.describe()["reason"]
    assert run.judge("dhcp-1", 0) is STALE
    run.claims("dhcp-1", 0)
    assert run.stored == []


def test_a_log_that_was_cut_and_has_grown_again_is_still_not_believed() -> None:
    kept = {ROLE: [Known(Claim(0, 1, "f" * 16, LOG), "dhcp-1")]}
    run = Run(kept, behind=[claim("dhcp-2", NO_OFFSET), claim("dhcp-1", 0), claim("dhcp-2", 1)])
    assert run.stored == []
    assert "at offset 1 stands another record" in run.fence.reason
    assert run.judge("dhcp-2", 2) is UNVERIFIED


def test_a_person_who_begins_an_era_thaws_what_was_frozen() -> None:
    run = Run({ROLE: [Known(Claim(0, 9, ID["dhcp-2"], LOG), "dhcp-2")]}, behind=[claim("dhcp-1", NO_OFFSET)])
    assert run.fence.reason
    run.read(said("dhcp-1", Era(number=1, authority="a person")), 100.0)
    assert run.fence.reason == ""
    epoch = run.claims("dhcp-1", 1)
    assert run.judge("dhcp-1", epoch, era=1) is VALID


def test_an_era_that_is_not_above_the_disk_thaws_nothing() -> None:
    run = Run({ROLE: [Known(Claim(2, 9, ID["dhcp-2"], LOG), "dhcp-2")]}, behind=[claim("dhcp-1", NO_OFFSET)])
    run.read(said("dhcp-1", Era(number=2, authority="a person")), 100.0)
    epoch = run.claims("dhcp-1", 1)
    assert run.fence.reason
    assert run.judge("dhcp-1", epoch, era=2) is STALE


@pytest.mark.parametrize("authority", [BY_APPOINTMENT, BY_GRANTS, log_authority("the one before")])
def test_after_another_authority_the_log_waits_for_an_era_above_it(authority: str) -> None:
    kept = Known(Claim(1, 64, "e" * 16, authority), "dhcp-2")
    run = Run({ROLE: [kept]}, behind=[claim("dhcp-1", NO_OFFSET)])
    assert (run.fence.reason, run.stored) == ("", [])
    assert "era 1" in run.fence.behind()
    assert run.judge("dhcp-1", 0) is STALE
    assert run.fence.answer("dhcp-1") == Answer(kept.claim, False, 0)
    run.read(said("dhcp-1", Era(number=2, authority="a machine")), 100.0)
    epoch = run.claims("dhcp-1", 1)
    assert run.judge("dhcp-1", epoch, era=2) is VALID
    assert (run.fence.reason, run.fence.behind()) == ("", "")


def test_an_era_below_that_of_another_authority_is_not_enough() -> None:
    run = Run({ROLE: [Known(Claim(3, 64, "e" * 16, BY_APPOINTMENT), "dhcp-2")]})
    run.read(said("dhcp-1", Era(number=2, authority="a person")), 100.0)
    epoch = run.claims("dhcp-1", 0)
    assert run.judge("dhcp-1", epoch, era=2) is STALE
    assert run.fence.behind()


def test_each_log_is_an_authority_of_its_own() -> None:
    fence = Fence(ROLES, writers=anybody)
    fence.bounds(LogBounds("failover", 0, 1, "cluster/topic"), 100.0)
    fence.entry(Entry("failover", 0, claim("dhcp-1", NO_OFFSET)), 100.0)
    answer = fence.answer("dhcp-1")
    assert answer is not None
    assert answer.highest.authority == log_authority("cluster/topic") != LOG


def test_a_missing_offset_freezes_what_is_known() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    run.fence.entry(Entry("failover", 50, claim("dhcp-2", first)), 100.0)
    assert run.judge("dhcp-1", first) is VALID
    assert "50" in run.fence.describe()["reason"]


def test_claims_that_are_remembered_are_bounded() -> None:
    run, prev = Run(), NO_OFFSET
    for turn in range(2 * REMEMBERED_MAX):
        prev = run.claims(("dhcp-1", "dhcp-2")[turn % 2], prev)
    assert len(run.stored[-1].known[ROLE]) == REMEMBERED_MAX
    assert run.judge("dhcp-2", prev) is VALID


def test_an_operator_sees_who_holds_what() -> None:
    run = Run()
    epoch = run.claims("dhcp-1", NO_OFFSET)
    told = run.fence.describe()
    found = {"era": 0, "epoch": epoch, "claim_id": ID["dhcp-1"], "authority": LOG, "holder": "dhcp-1"}
    assert told["roles"] == {ROLE: found}
    assert (told["from_disk"], told["position"]) == (False, epoch)


# A disk that refuses


def test_a_claim_that_is_not_on_the_disk_counts_for_nobody_and_ends_the_one_before() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    (stored,) = run.fence.entry(Entry("failover", 1, claim("dhcp-2", first)), 200.0)
    assert run.judge("dhcp-2", 1) is UNVERIFIED
    assert run.judge("dhcp-1", first) is STALE
    assert run.fence.judge_seal("dhcp-2", Token(0, 1), 200.0) is UNVERIFIED
    assert run.opens("dhcp-1", first, 200.0 + SEAL_GRACE_S)
    assert not run.opens("dhcp-1", first, 200.1 + SEAL_GRACE_S)
    assert run.fence.record() == stored
    run.fence.kept(stored)
    assert run.judge("dhcp-2", 1) is VALID
    assert run.judge("dhcp-1", first) is STALE


def test_it_is_vouched_for_as_little_as_one_that_was_released() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    assert run.fence.answer("dhcp-1") == Answer(Claim(0, first, ID["dhcp-1"], LOG), False, 0)
    (stored,) = run.fence.entry(Entry("failover", 1, claim("dhcp-2", first)), 200.0)
    found = Claim(0, 1, ID["dhcp-2"], LOG)
    assert run.fence.answer("dhcp-2") == Answer(found, True, 1)
    assert run.fence.answer("dhcp-2", once_kept=True) == Answer(found, False, 1)
    run.fence.kept(stored)
    assert run.fence.answer("dhcp-2") == Answer(found, False, 1)


def test_a_role_that_is_given_back_needs_no_disk() -> None:
    run = Run()
    first = run.claims("dhcp-1", NO_OFFSET)
    released = said("dhcp-1", Release(role=ROLE, epoch=first, claim_id=ID["dhcp-1"]))
    run.fence.entry(Entry("failover", 1, released), 200.0)
    assert run.judge("dhcp-1", first) is VALID
    assert run.fence.answer("dhcp-1") == Answer(Claim(0, first, ID["dhcp-1"], LOG), True, 1)


# Without a log


def test_without_a_log_the_latest_claim_is_the_latest_that_was_named() -> None:
    fence, first, second = Fence(ROLES, writers=None), Claim(1, 64, "1" * 16), Claim(1, 65, "2" * 16)
    assert not fence.is_from_disk
    (stored,) = fence.hello("dhcp-1", first, 100.0, is_proven=False)
    assert stored == StoreFence({ROLE: [Known(first, "dhcp-1", read_s=100.0)]})
    assert judge(fence, "dhcp-1", first.token) is UNVERIFIED
    fence.kept(stored)
    assert judge(fence, "dhcp-1", first.token) is VALID
    assert judge(fence, "dhcp-2", second.token) is UNVERIFIED
    assert fence.hello("dhcp-1", first, 101.0, is_proven=False) == []
    (stored,) = fence.hello("dhcp-2", second, 200.0, is_proven=False)
    fence.kept(stored)
    assert judge(fence, "dhcp-1", first.token) is STALE
    assert judge(fence, "dhcp-2", second.token) is VALID
    assert fence.hello("dhcp-1", first, 201.0, is_proven=False) == []
    assert fence.judge_seal("dhcp-1", first.token, 200.5) is VALID
    assert fence.judge_seal("dhcp-1", first.token, 202.0) is STALE


def test_a_claim_of_the_same_token_by_another_is_not_taken() -> None:
    fence = Fence(ROLES, writers=None)
    (stored,) = fence.hello("dhcp-1", Claim(1, 64, "1" * 16), 100.0, is_proven=False)
    fence.kept(stored)
    assert fence.hello("dhcp-2", Claim(1, 64, "2" * 16), 100.0, is_proven=False) == []
    assert judge(fence, "dhcp-2", Token(1, 64)) is STALE
    assert judge(fence, "dhcp-1", Token(1, 64)) is VALID


def test_who_holds_nothing_says_nothing_new() -> None:
    fence = Fence(ROLES, writers=None)
    assert fence.hello("dhcp-1", Claim(), 100.0, is_proven=False) == []
    assert judge(fence, "dhcp-1", Token(0, 0)) is UNVERIFIED


PLAN = "f" * 16


def switch_era(number: int, leads: Column, **holders: str) -> Envelope:
    """The era of a switch, in which these hold the roles of these services."""
    named = {
        f"{service}/lab": Named(instance=name, incarnation=1, claim_id=ID[name])
        for service, name in holders.items()
    }
    return said("dhcp-2", Era(number=number, authority="a switch", leads=leads, plan=PLAN, named=named))


def test_a_claim_that_begins_with_an_era_is_no_sign_of_a_cut() -> None:
    """After a restart the record at the offset of the claim is the era that named its holder."""
    behind = [
        claim("dhcp-1", NO_OFFSET),
        switch_era(1, Column.MULTICAST),
        switch_era(2, Column.BUS, dhcp="dhcp-1"),
    ]
    kept = Claim(2, 2, ID["dhcp-1"], LOG)
    for holder, is_cut in (("dhcp-1", False), ("dhcp-2", True)):
        known = kept._replace(claim_id=ID[holder])
        run = Run({ROLE: [Known(known, holder)]}, behind=behind)
        assert bool(run.fence.reason) is is_cut


def test_a_minter_that_is_not_fenced_in_the_group_is_answered_all_the_same() -> None:
    """Parity waits for messages of class `fileid` from every CFM, and these are the only ones."""
    in_group = Unlogged(BY_GRANTS, frozenset({ROLE}))
    fence = Fence(ROLES, writers=anybody, leads=Column.MULTICAST, in_group=in_group)
    assert fence.answer("mps-1") == Answer(Claim(), True, -1)
    assert fence.tokens("mps-1") is None
    assert fence.answer("cfm-1") is None
