"""Who may write the role log: the verdict is the same for every reader, whatever its fleet file says."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Stamp
from bus.routes import SIGNED
from bus.wire.signature import verify
from heartbeat.roles.log.fold import Roles
from heartbeat.roles.log.reader import Reader
from heartbeat.roles.log.records import (
    NO_OFFSET,
    TYPE_OF,
    Checkpoint,
    ClaimRecord,
    Era,
    Logged,
    Probe,
    Record,
    Release,
    Renew,
)
from heartbeat.roles.log.start import NoStartError, start
from heartbeat.roles.log.writers import Writers
from tests.fleets import ROOT, member, signing_of, signs

ROLE, SOUTH = "dhcp/lab", "dhcp/south"
MEMBERS = {
    "dhcp-1": member("dhcp-1", "dhcp", ["a" * 40]),
    "dhcp-2": member("dhcp-2", "dhcp", ["b" * 40]),
    "dhcp-9": member("dhcp-9", "dhcp", ["c" * 40], "south"),
    "cfm-1": member("cfm-1", "cfm", ["d" * 40]),
}
LISTED = {name: [one.key_bytes for one in each.sign] for name, each in MEMBERS.items()}
STAMPS = {name: Stamp(name, each.site, 7) for name, each in MEMBERS.items()}
for name, each in MEMBERS.items():
    STAMPS[name].signs(signing_of(name, each).signer(), SIGNED)


def key(name: str) -> str:
    return signs(name).public.hex()


def said(name: str, record: Record) -> Envelope:
    return STAMPS[name].envelope(TYPE_OF[type(record)], encode(record), time_ms=0)


def forged(name: str, record: Record) -> Envelope:
    """By somebody who may write to the topic, and has another instance's key."""
    return said("cfm-1", record)._replace(source=name)


def claim(prev: int, number: int = 1, role: str = ROLE) -> ClaimRecord:
    return ClaimRecord(role=role, prev=prev, claim_id=f"{number:016x}", incarnation=7)


def writers(listed: Mapping[str, Sequence[bytes]] = LISTED) -> Writers:
    return Writers(ROOT.public, listed)


def read(log: Sequence[Envelope], proof: Writers | None = None, first: int = 0) -> Roles:
    """What a reader makes of a log from this offset on; from the first one on it reads live."""
    reader = Reader(proof or writers())
    reader.begin(first, len(log) if first else 1)
    for offset, envelope in list(enumerate(log))[first:]:
        reader.read(Logged.of(offset, envelope))
    assert reader.roles is not None
    return reader.roles


HELD = [said("dhcp-1", claim(NO_OFFSET))]
RENEW = Renew(role=ROLE, epoch=0, claim_id=f"{1:016x}")
RELEASE = Release(role=ROLE, epoch=0, claim_id=f"{1:016x}")


@pytest.mark.parametrize(
    "record",
    [claim(0, 2), RENEW, RELEASE, Era(number=9, authority="somebody"), Probe(nonce="0" * 16)],
    ids=lambda record: type(record).__name__,
)
@pytest.mark.parametrize(
    "write",
    [
        forged,
        lambda name, record: said(name, record)._replace(proof=b""),
        lambda name, record: said("cfm-1", record),
    ],
    ids=["forged", "unsigned", "of a CFM"],
)
def test_what_is_not_proven_changes_nothing_but_the_position(
    record: Record, write: Callable[[str, Record], Envelope]
) -> None:
    proof = writers()
    after = read([*HELD, write("dhcp-1", record)], proof)
    assert after == read(HELD)._replace(position=1)
    assert proof.unproven == 1, "records are counted, not looks at them"
    assert after.role(ROLE).last == 0  # so a right claim that has not read it still wins
    won = read([*HELD, write("dhcp-1", record), said("dhcp-2", claim(0, 2))])
    assert won.role(ROLE).holder == "dhcp-2"


def test_a_role_is_for_those_who_have_it_in_their_certificate() -> None:
    log = [said("dhcp-9", claim(NO_OFFSET)), said("dhcp-9", claim(NO_OFFSET, 2, SOUTH))]
    assert {name: one.holder for name, one in read(log).held.items()} == {SOUTH: "dhcp-9"}


def test_an_era_revokes_a_key_for_whoever_reads_on_and_for_whoever_begins_there() -> None:
    revokes = said("dhcp-1", Era(number=1, authority="a person", revoked=[key("dhcp-2")]))
    log = [*HELD, revokes, said("dhcp-2", claim(1, 2)), said("dhcp-1", claim(1, 3))]
    assert read(log).role(ROLE).holder == "dhcp-1"
    assert read(log).digest() == read(log, first=1).digest()


def test_who_is_revoked_cannot_take_it_back() -> None:
    revokes = said("dhcp-1", Era(number=1, authority="a person", revoked=[key("dhcp-2")]))
    log = [*HELD, revokes, said("dhcp-2", Era(number=2, authority="dhcp-2"))]
    assert read(log).era == 1
    assert read(log).digest() == read(log, first=1).digest()


def test_a_checkpoint_has_the_revoked_keys() -> None:
    revokes = said("dhcp-1", Era(number=1, authority="a person", revoked=[key("dhcp-2")]))
    log = [*HELD, revokes, said("dhcp-1", claim(1, 3))]
    log += [said("dhcp-1", read(log).checkpoint()), said("dhcp-2", claim(2, 4))]
    assert read(log).digest() == read(log, first=3).digest()
    assert read(log, first=3).role(ROLE).holder == "dhcp-1"


@pytest.mark.parametrize(
    "record",
    [Era(number=9, authority="somebody"), Checkpoint(as_of=1, era=9, floor=0, roles={})],
    ids=["an era", "a checkpoint"],
)
def test_nobody_begins_at_what_is_not_proven(record: Record) -> None:
    with pytest.raises(NoStartError):
        start(2, [Logged.of(2, forged("dhcp-1", record))], writers())


@pytest.mark.parametrize(
    "listed",
    [{}, {**LISTED, "dhcp-1": LISTED["dhcp-2"]}, {"dhcp-2": LISTED["dhcp-2"]}],
    ids=["an empty one", "another key", "without it"],
)
def test_two_fleet_files_a_dropped_key_and_a_fresh_reader_come_to_one_digest(
    listed: Mapping[str, Sequence[bytes]],
) -> None:
    log = [*HELD, said("dhcp-1", RENEW), said("dhcp-2", claim(1, 2))]
    log += [said("dhcp-2", read(log).checkpoint()), said("dhcp-1", claim(2, 3))]
    behind = writers(listed)
    digests = {read(log).digest(), read(log, behind).digest(), read(log, behind, first=3).digest()}
    assert len(digests) == 1
    assert [reason.code for reason in behind.lacks()] == ["role-writer-unlisted"]
    behind.use(LISTED)
    assert behind.lacks() == []


THIEF = key("dhcp-2")
DROPPED = {name: keys for name, keys in LISTED.items() if name != "dhcp-2"}


def test_nobody_begins_at_the_checkpoint_of_a_thief_whose_key_was_revoked() -> None:
    """It revokes nothing, so who begins there would count what the thief writes, and halt the others."""
    revokes = said("dhcp-1", Era(number=1, authority="a person", revoked=[THIEF]))
    log = [*HELD, revokes, said("dhcp-1", claim(1, 3))]
    true = read(log)
    lie = true._replace(position=3, revoked=(), held={}).checkpoint()
    log += [said("dhcp-2", lie), said("dhcp-1", RENEW), said("dhcp-1", read([*log, *log[-1:]]).checkpoint())]
    log += [said("dhcp-2", claim(5, 4))]
    fresh = read(log, writers(DROPPED), first=3)
    assert fresh.role(ROLE).holder == "dhcp-1"
    assert fresh.revoked == (THIEF,)


def test_nor_at_his_era() -> None:
    revokes = said("dhcp-1", Era(number=2, authority="a person", revoked=[THIEF]))
    his = said("dhcp-2", Era(number=65535, authority="the thief"))
    fresh = read([*HELD, his, revokes, said("dhcp-1", claim(2, 3))], writers(DROPPED), first=1)
    assert (fresh.era, fresh.role(ROLE).holder) == (2, "dhcp-1")


def test_where_no_key_of_our_fleet_file_is_left_a_certified_one_does() -> None:
    """All checkpoints are of before a rotation: better one of them than no start."""
    log = [*HELD, said("dhcp-1", RENEW)]
    log += [said("dhcp-1", read(log).checkpoint())]
    assert read(log, writers({}), first=2).digest() == read(log).digest()


def test_only_what_is_read_live_warns_of_a_key_that_is_not_listed() -> None:
    proof = writers({})
    reader = Reader(proof)
    reader.begin(0, 1)
    reader.read(Logged.of(0, HELD[0]))
    assert proof.lacks() == []
    reader.read(Logged.of(1, said("dhcp-1", RENEW)))
    assert [reason.code for reason in proof.lacks()] == ["role-writer-unlisted"]


def test_a_record_costs_its_reader_one_verification() -> None:
    checked: list[bytes] = []

    def counting(key: bytes, signature: bytes, content: bytes) -> bool:
        checked.append(content)
        return verify(key, signature, content)

    log = [*HELD, *(said("dhcp-1", RENEW) for _ in range(9))]
    read(log, Writers(ROOT.public, LISTED, counting))
    records = [content for content in checked if checked.count(content) == 1]
    assert len(records) == len(checked)
    assert len(checked) <= len(log) + 1  # and one for the certificate
