"""The proof of who wrote a message: over all that a reader acts upon, by a key that somebody pins."""

from dataclasses import dataclass

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Stamp, Token
from bus.errors import DecodeError
from bus.fleet.fleet import MINTERS
from bus.fleet.trust import Trust, UnprovenError
from bus.routes import ROUTES, SIGNED, Proof, route
from bus.wire.codec import DATAGRAM_KINDS, PROOF_BYTES_MAX, from_frame, from_headers, to_frame, to_headers
from bus.wire.datagram import DATAGRAM_BYTES_MAX, HEADER, SEAL_BYTES
from bus.wire.signature import Certified, is_signed, verify, writer_of
from heartbeat.liveness.beat import BEAT, Beat, KeyIds, LogPosition, RoleState
from heartbeat.roles.log.records import TYPE_OF, Probe
from services.settings.record import CATALOGUE
from tests.fleets import ROOT, fleet_of, member, signing_of, signs

MEMBERS = {
    "cfm-1": member("cfm-1", "cfm", ["a" * 40]),
    "cfm-2": member("cfm-2", "cfm", ["b" * 40]),
    "dhcp-1": member("dhcp-1", "dhcp", ["c" * 40]),
}
PROBE = TYPE_OF[Probe]


@dataclass
class Speaker:
    """An instance that signs."""

    name: str

    def says(self, type_: str, data: bytes = b"{}", incarnation: int = 7) -> Envelope:
        stamp = Stamp(self.name, "lab", incarnation)
        stamp.signs(signing_of(self.name, MEMBERS[self.name]).signer(), SIGNED)
        stamp.speaks_for(lambda: Token(2, 9))
        return stamp.envelope(type_, data, time_ms=1_800_000_000_000)


PLACES = {"fileid": f"tcp://[{'f' * 4}{':ffff' * 7}]:65535", "tftp": f"{'f' * 4}{':ffff' * 7}"}
STANDING = RoleState(role="dhcp/" + "a" * 63, state="autonomous", era=65535, epoch=2**48)
CFM, DHCP = Speaker("cfm-1"), Speaker("dhcp-1")


def refusal(trust: Trust, envelope: Envelope, *services: str) -> str:
    """Under which reason it is counted; empty if it is believed."""
    before = dict(trust.counts)
    try:
        trust.check(envelope, 0.0, *((services,) if services else ()))
    except UnprovenError:
        (reason,) = (one for one in trust.counts if trust.counts[one] != before[one])
        return reason
    return ""


def test_what_travels_by_topic_is_signed_and_a_hand_off_is_not() -> None:
    assert {"heartbeat", "failover", "config"} == SIGNED
    assert CFM.says("provbus.fileid.ack.v1").proof == b""
    assert all(ROUTES[traffic].proof is not Proof.CONNECTION for traffic in SIGNED)


def test_a_signed_beat_is_believed_by_whoever_has_the_fleet_file() -> None:
    assert refusal(Trust(fleet_of(MEMBERS)), CFM.says(BEAT)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "cfm-2"},
        {"type": CATALOGUE},
        {"incarnation": 2**64 - 1},
        {"seq": 2},
        {"time_ms": 0},
        {"data": b'{"leaves":true}'},
        {"token": Token(3, 9)},
        {"proof": bytes(64)},
        {"proof": b"x"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_is_changed_in_it_it_is_forged(changes: dict[str, object]) -> None:
    envelope = CFM.says(BEAT)._replace(**changes)  # type: ignore[arg-type]
    assert refusal(Trust(fleet_of(MEMBERS)), envelope) == "forged"


def test_who_does_not_sign_and_who_is_not_in_the_fleet_are_told_apart() -> None:
    trust = Trust(fleet_of({name: MEMBERS[name] for name in ("cfm-2", "dhcp-1")}))
    assert refusal(trust, CFM.says(BEAT)) == "stranger"
    assert refusal(trust, DHCP.says(BEAT)._replace(proof=b"")) == "unsigned"


def test_what_only_minters_may_write_counts_from_nobody_else() -> None:
    trust = Trust(fleet_of(MEMBERS))
    assert refusal(trust, CFM.says(CATALOGUE), *MINTERS) == "wrong-service"
    assert refusal(trust, DHCP.says(CATALOGUE), *MINTERS) == ""


def test_a_key_that_a_reload_took_out_is_not_believed_any_more() -> None:
    trust = Trust(fleet_of(MEMBERS))
    beat = CFM.says(BEAT)
    signs_now = MEMBERS["cfm-1"].model_copy(update={"sign": MEMBERS["cfm-2"].sign})
    trust.use(fleet_of({**MEMBERS, "cfm-1": signs_now}))
    assert refusal(trust, beat) == "forged"


def test_what_is_not_believed_is_a_fault_for_a_minute_and_names_who_it_says_it_is() -> None:
    trust = Trust(fleet_of(MEMBERS))
    with pytest.raises(UnprovenError, match="forged, in the name of 'cfm-2'"):
        trust.check(CFM.says(BEAT)._replace(source="cfm-2"), 100.0)
    (reason,) = trust.degraded(159.0)
    assert (reason.code, "forged, in the name of 'cfm-2'" in str(reason)) == ("unproven", True)
    assert trust.degraded(160.0) == []


def test_a_record_of_the_role_log_brings_its_writers_key_and_its_certificate() -> None:
    record = DHCP.says(PROBE)
    assert writer_of(record, ROOT.public) == Certified(signs("dhcp-1").public, "dhcp/lab")
    assert is_signed(record, [signs("dhcp-1").public])


@pytest.mark.parametrize("at", [0, 63, 64, 95, 96, 159, 160])
def test_no_byte_of_that_proof_may_be_another(at: int) -> None:
    record = DHCP.says(PROBE)
    proof = bytearray(record.proof)
    proof[at] ^= 1
    assert writer_of(record._replace(proof=bytes(proof)), ROOT.public) is None


def test_a_certificate_is_for_one_instance() -> None:
    assert writer_of(DHCP.says(PROBE)._replace(source="cfm-1"), ROOT.public) is None


def test_another_root_key_certified_nothing_of_ours() -> None:
    assert writer_of(DHCP.says(PROBE), signs("cfm-2").public) is None


def test_bytes_that_are_no_key_verify_nothing() -> None:
    assert not verify(b"short", bytes(64), b"")


@pytest.mark.parametrize("type_", [BEAT, CATALOGUE, "provbus.failover.ask.v1"])
def test_the_proof_travels_in_both_columns(type_: str) -> None:
    sent = DHCP.says(type_)
    assert from_headers(to_headers(sent), sent.data) == sent
    assert from_frame(to_frame(sent), "dhcp-1", DATAGRAM_KINDS) == sent._replace(site="")


def test_a_proof_that_is_longer_than_any_of_ours_is_refused() -> None:
    sent = DHCP.says(BEAT)._replace(proof=bytes(PROOF_BYTES_MAX + 1))
    with pytest.raises(DecodeError, match="proof"):
        from_frame(to_frame(sent), "dhcp-1", DATAGRAM_KINDS)
    with pytest.raises(DecodeError):
        from_headers([*to_headers(sent), ("ce_proof", b"A" * 1_000)], b"")
    with pytest.raises(DecodeError, match="proof"):
        from_frame(to_frame(DHCP.says(BEAT))[:90], "dhcp-1", DATAGRAM_KINDS)


@pytest.mark.parametrize(("seals", "endpoints"), [(2, {}), (256, PLACES)], ids=["a minter's", "a CFM's"])
def test_the_largest_beat_with_its_signature_is_one_datagram(seals: int, endpoints: dict[str, str]) -> None:
    beat = Beat(
        service="dhcp",
        endpoints=endpoints,
        generation=2**32 - 1,
        draining=True,
        leaves=True,
        namesake="yielded",
        log=LogPosition(position=2**48, mark=2**48, digest="f" * 64),
        standing=None if endpoints else STANDING,
        verdict="not ready",
        reason="r" * 40,
        version="v" * 32,
        transport="multicast",
        keys=KeyIds(fleet="f" * 8, seal="00" * seals, group="00" * 16),
    )
    frame = to_frame(DHCP.says(BEAT, encode(beat)))
    assert HEADER.size + len(frame) + SEAL_BYTES <= DATAGRAM_BYTES_MAX
    assert route("heartbeat").is_readable


def test_an_instance_knows_its_own_signature_of_today() -> None:
    stamp = Stamp("dhcp-1", "lab", 7)
    unsigned = stamp.envelope(BEAT, b"{}", time_ms=0)
    stamp.signs(signing_of("dhcp-1", MEMBERS["dhcp-1"]).signer(), SIGNED)
    ours = stamp.envelope(BEAT, b"{}", time_ms=0)
    assert stamp.has_signed(ours)
    assert not stamp.has_signed(unsigned)
    stamp.signs(signing_of("cfm-2", MEMBERS["cfm-2"]).signer(), SIGNED)
    assert not stamp.has_signed(ours)


def test_who_signs_by_a_key_that_is_not_the_first_says_so() -> None:
    signing = signing_of("dhcp-1", MEMBERS["dhcp-1"])
    assert signing.lacks() == []
    assert [reason.code for reason in signing._replace(is_due=False).lacks()] == ["keys-behind"]
