"""What the insider forges is what readers refuse, each for the reason that he names."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bus.contract import decode, encode
from bus.envelope import Stamp
from bus.fleet.trust import Trust, UnprovenError
from bus.routes import SIGNED
from heartbeat.liveness.beat import Beat
from heartbeat.roles.log.records import Logged
from heartbeat.roles.log.writers import Writers
from services.lab.faults.insider.forgery import (
    FOREIGN_SERVER,
    INCARNATION_MAX,
    KINDS,
    STRANGER,
    Forged,
    Forger,
    HeldClaim,
)
from services.settings.catalogue import parse, record
from services.settings.record import GENERATION_MAX
from tests.fleets import ROOT, fleet_of, member, signing_of

SERVICES = {"dhcp-1": "dhcp", "dhcp-2": "dhcp", "cfm-1": "cfm", "insider-1": "cfm"}
FLEET = fleet_of({
    name: member(name, service, [str(number) * 40])
    for number, (name, service) in enumerate(SERVICES.items())
})  # fmt: skip
TRUE = record({"gold": {"kind": "cm", "template": {}}}, 1)
MANY = 200
READERS = {"heartbeat": ("dhcp", "mps", "cfm"), "config": ("dhcp", "mps")}


def forger(mode: str = "bus") -> Forger:
    signer = signing_of("insider-1", FLEET.member("insider-1")).signer()
    own = Stamp("insider-1", "lab", 7_000)
    own.signs(signer, SIGNED)
    return Forger(own, signer, SERVICES, encode(TRUE), [HeldClaim("dhcp/lab", 4, "a" * 16)], mode)


def many(kind: str, mode: str = "bus") -> list[Forged]:
    one = forger(mode)
    return [one.next(kind) for _ in range(MANY)]


@pytest.mark.parametrize("mode", KINDS)
def test_a_reader_refuses_each_message_for_its_reason(mode: str) -> None:
    trust = Trust(FLEET)
    for kind in KINDS[mode]:
        for reason, envelope in many(kind, mode):
            if envelope.traffic not in READERS:
                continue
            before = trust.counts[reason]
            with pytest.raises(UnprovenError):
                trust.check(envelope, 0.0, READERS[envelope.traffic])
            assert trust.counts[reason] == before + 1


def test_no_reader_of_the_role_log_counts_a_record() -> None:
    writers = Writers(ROOT.public, FLEET.signing_keys())
    records = [Logged.of(at, envelope) for at, (_, envelope) in enumerate(many("role_records"))]
    assert {type(one.record).__name__ for one in records} == {"Release", "Era", "ClaimRecord", "Checkpoint"}
    assert {one.source for one in records} == {"insider-1", "dhcp-1", "dhcp-2"}
    assert [writers.key_of(one) for one in records] == [""] * MANY


def test_every_other_instance_is_named_and_a_stranger() -> None:
    assert {one.envelope.source for one in many("beats")} == {"dhcp-1", "dhcp-2", "cfm-1", STRANGER}


def test_no_message_is_a_repetition_of_another() -> None:
    for kind in KINDS["bus"]:
        seen = [one.envelope for one in many(kind)]
        assert len({(one.source, one.incarnation, one.seq, one.data, one.proof) for one in seen}) == MANY


def test_beats_say_what_would_do_harm() -> None:
    beats = [decode(Beat, one.envelope.data) for one in many("beats")]
    assert any(one.endpoints.get("tftp") == FOREIGN_SERVER for one in beats)
    assert any(one.leaves for one in beats)
    assert {one.envelope.incarnation for one in many("incarnations")} == {INCARNATION_MAX}
    assert all(decode(Beat, one.envelope.data).log for one in many("digests"))


def test_the_forged_settings_would_be_in_force_if_they_were_believed() -> None:
    forged = parse(many("catalogues")[0].envelope.data)
    assert (forged.generation, forged.classes) == (GENERATION_MAX, TRUE.classes)


def test_the_insider_has_no_key_but_his_own() -> None:
    keys = {key for name, keys in FLEET.signing_keys().items() if name != "insider-1" for key in keys}
    own = signing_of("insider-1", FLEET.member("insider-1")).secret
    assert Ed25519PrivateKey.from_private_bytes(own).public_key().public_bytes_raw() not in keys
