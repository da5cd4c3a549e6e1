"""Settings with secrets at a minter: sealed on the topic and on the disk, under the key of the day."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from bus.effects import Publish, Reply
from bus.envelope import Envelope
from bus.fleet.fleet import SERVICES
from bus.fleet.trust import UnprovenError
from bus.messages import CaughtUp, LocalRequest, Received, User
from services.settings.catalogue import Classes, StoreCatalogue, parse, record, version
from services.settings.history import StoreHistory
from services.settings.record import CATALOGUE, CatalogueRecord
from services.settings.secret_values import MASK
from services.settings.vault import KEY_BYTES, Vault, sealed_with
from services.sidecar.minter import Minter
from services.sidecar.offering import PUBLISH_EVERY_S, UNSEALED
from tests.trusting import Anybody
from tests.unit.disk import Disk

Build = Callable[..., Minter]
Make = Callable[..., Any]
OLD, NEW = (1, bytes(range(KEY_BYTES))), (2, bytes(range(1, KEY_BYTES + 1)))
ANN = User(1234, "ann")
COMMUNITY = {"oid": "docsDevNmAccessCommunity.1", "string": "c0mmunity"}


@pytest.fixture
def secret(classes: Classes) -> Classes:
    data = classes["data"]
    return classes | {"data": data | {"body": [*data["body"], {"snmp_set": COMMUNITY}]}}


@pytest.fixture
def sealed(secret: Classes) -> CatalogueRecord:
    """Generation 3 as it travels under the old key."""
    vault = Vault([OLD])
    return vault.seal(vault.make(secret, 3, ()))


def written(effects: list[Any]) -> list[CatalogueRecord]:
    return [
        parse(one.envelope.data)
        for one in effects
        if isinstance(one, Publish) and one.envelope.type == CATALOGUE
    ]


def reply(effects: list[Any]) -> dict[str, Any]:
    (body,) = [one.body for one in effects if isinstance(one, Reply)]
    return dict(body)


def ask(minter: Minter, op: str, now: float = 5.0, **more: Any) -> dict[str, Any]:
    return reply(minter.receive(LocalRequest(1, {"op": op, **more}, ANN), now))


def caught_up(minter: Minter, publication: Make, *found: CatalogueRecord, disk: Disk | None = None) -> None:
    """It has read these from the topic to its end."""
    disk = disk or Disk()
    for one in found:
        disk.receive(minter, publication(one), 0.5)
    disk.receive(minter, CaughtUp("config"), 1.0)


def test_what_an_operator_applies_is_sealed_on_the_topic_and_on_the_disk(
    build: Build, publication: Make, secret: Classes
) -> None:
    minter, disk = build(vault=Vault([OLD])), Disk()
    caught_up(minter, publication, record(minter.parts.offering.record.classes, 3), disk=disk)
    minter.receive(LocalRequest(1, {"op": "settings.apply", "classes": secret}, ANN), 2.0)
    (found,) = written(minter.tick(2.0))
    assert sealed_with(found) == {1}
    assert "c0mmunity" not in str(found)
    disk.receive(minter, publication(found), 2.1)
    assert reply(minter.tick(2.1))["applied"] is True
    assert "c0mmunity" not in str(disk.kept)
    assert disk.kept[-2] == StoreCatalogue(found)
    minter.receive(LocalRequest(1, {"op": "settings.apply", "classes": secret}, ANN), 3.0)
    assert written(minter.tick(3.0)) == []


def test_without_a_key_no_secret_is_written_and_its_readiness_says_so(
    build: Build, publication: Make, secret: Classes
) -> None:
    minter = build(catalogue=None, publish=record(secret, 1))
    caught_up(minter, publication)
    assert written(minter.tick(1.0)) == []
    assert [one.code for one in minter.status.missing()] == ["no-settings", "settings-unsealed", "no-cfm"]
    minter.parts.offering.use([OLD])
    (found,) = written(minter.tick(2.0))
    assert (found.author, sealed_with(found)) == ("dhcp-1", frozenset({1}))


def test_an_apply_with_secrets_needs_a_key(build: Build, publication: Make, secret: Classes) -> None:
    minter = build()
    caught_up(minter, publication)
    detail = ask(minter, "settings.apply", classes=secret)["detail"]
    assert detail == f"these settings have secrets, and {UNSEALED}"


def test_settings_under_a_key_that_is_not_here_wait_for_it(
    build: Build, publication: Make, classes: Classes, sealed: CatalogueRecord
) -> None:
    minter = build(catalogue=record(classes, 2), vault=Vault([NEW]))
    caught_up(minter, publication, sealed)
    assert minter.parts.offering.generation == 2
    assert [str(one) for one in minter.status.degraded() if one.code == "settings-locked"] == [
        "settings key 1, which generation 3 needs: generation 2 is in force"
    ]
    assert ask(minter, "settings.apply", classes=classes | {"more": classes["data"]})["error"] == "try_again"
    assert written(minter.tick(3.0)) == []  # nobody overwrites what he cannot read
    minter.parts.offering.use([NEW, OLD])
    assert minter.deadline() == 0.0
    disk = Disk()
    effects = disk.tick(minter, 4.0)
    assert minter.parts.offering.generation == 3
    assert disk.kept[0] == StoreCatalogue(sealed)
    assert [one for one in minter.status.degraded() if one.code == "settings-locked"] == []
    (again,) = written(effects)  # under the key that is in use here
    assert (version(again), sealed_with(again)) == (version(sealed), frozenset({2}))


def test_with_a_new_key_in_use_the_settings_in_force_are_written_anew(
    build: Build, publication: Make, sealed: CatalogueRecord
) -> None:
    minter, disk = build(catalogue=None, vault=Vault([OLD, NEW])), Disk()
    caught_up(minter, publication, sealed, disk=disk)
    assert written(minter.tick(1.0)) == []
    assert minter.parts.offering.held.needs() == "01"
    minter.parts.offering.use([NEW, OLD])
    (again,) = written(minter.tick(2.0))
    assert (version(again), sealed_with(again)) == (version(sealed), frozenset({2}))
    assert len(written(minter.tick(2.0 + PUBLISH_EVERY_S))) == 1  # until it is read back
    disk.receive(minter, publication(again), 5.1)
    assert written(minter.tick(9.0)) == []
    assert minter.parts.offering.held.needs() == "02"
    history = [one for one in disk.kept if isinstance(one, StoreHistory)][-1]
    assert [sealed_with(parse(past.data)) for past in history.kept] == [{2}]


def test_a_copy_that_the_disk_refused_is_still_under_the_former_key(
    build: Build, publication: Make, sealed: CatalogueRecord
) -> None:
    minter, disk = build(catalogue=sealed, vault=Vault([NEW, OLD])), Disk()
    disk.is_full = True
    again = Vault([NEW]).seal(Vault([OLD]).open(sealed))
    caught_up(minter, publication, again, disk=disk)
    assert minter.parts.offering.held.needs() == "0102"
    disk.is_full = False
    disk.tick(minter, 3.0)
    assert minter.parts.offering.held.needs() == "02"


def test_a_minter_that_is_behind_does_not_seal_the_former_way_again(
    build: Build, publication: Make, sealed: CatalogueRecord
) -> None:
    minter = build(catalogue=None, vault=Vault([OLD, NEW]))
    caught_up(minter, publication, sealed)
    minter.tick(1.0)
    minter.receive(publication(Vault([NEW]).seal(Vault([OLD]).open(sealed))), 2.0)
    assert written(minter.tick(2.0)) == []
    assert written(minter.tick(50.0)) == []


def test_a_generation_whose_key_is_gone_does_not_come_back(
    build: Build, publication: Make, sealed: CatalogueRecord, classes: Classes
) -> None:
    minter = build(catalogue=None, vault=Vault([NEW]))
    caught_up(minter, publication, sealed, record(classes, 4))
    assert minter.parts.offering.generation == 4
    minter.receive(publication(sealed), 2.0)  # what it read before is in its history all the same
    answer = ask(minter, "settings.rollback", generation=3)
    assert answer["error"] == "refused"
    assert (
        answer["detail"] == "generation 3 is sealed with settings key 1, which dhcp-1 does not have any more"
    )


def test_a_forged_copy_of_what_is_in_force_takes_its_place_nowhere(
    build: Build, publication: Make, sealed: CatalogueRecord
) -> None:
    minter, disk = build(catalogue=None, vault=Vault([OLD])), Disk()
    caught_up(minter, publication, sealed, disk=disk)
    kept = len(disk.kept)
    forged = sealed.model_copy(update={"salt": "AAAA"})
    disk.receive(minter, publication(forged), 2.0)
    assert len(disk.kept) == kept
    assert minter.counts["undecodable"] == 1
    assert minter.parts.offering.held.copy() == StoreCatalogue(sealed)


def test_secrets_are_masked_unless_they_are_asked_for_and_audit_says_who_did(
    build: Build, sealed: CatalogueRecord
) -> None:
    minter = build(catalogue=sealed, vault=Vault([OLD]))
    shown = ask(minter, "settings")
    assert (shown["masked"], shown["digest"]) == (1, sealed.digest)
    assert shown["classes"]["data"]["body"][-1]["snmp_set"]["string"] == MASK
    revealed = ask(minter, "settings", reveal=True)
    assert (revealed["masked"], revealed["classes"]["data"]["body"][-1]["snmp_set"]) == (0, COMMUNITY)
    (told,) = [
        one
        for one in minter.tick(9.0)
        if isinstance(one, Publish) and b"settings.revealed" in one.envelope.data
    ]
    assert b'"user":"ann"' in told.envelope.data
    assert b"c0mmunity" not in told.envelope.data


def test_what_was_shown_masked_cannot_be_applied_by_mistake(
    build: Build, sealed: CatalogueRecord, publication: Make
) -> None:
    minter = build(catalogue=sealed, vault=Vault([OLD]))
    caught_up(minter, publication, sealed)
    answer = ask(minter, "settings.apply", classes=ask(minter, "settings")["classes"])
    assert answer["error"] == "bad_settings"
    assert answer["problems"] == [
        [
            "classes.data.body[4].snmp_set.string",
            "is the mask of a secret: write the secret itself, which `settings show --reveal` shows",
        ]
    ]


def test_a_mistake_in_a_secret_is_told_without_it(build: Build, publication: Make, secret: Classes) -> None:
    minter = build(vault=Vault([OLD]))
    caught_up(minter, publication)
    wrong = secret | {
        "x": {"kind": "cm", "body": [{"snmp_v3_kickstart": [{"manager_public_number": "hush-hush"}]}]}
    }
    answer = ask(minter, "settings.apply", classes=wrong)
    assert answer["error"] == "bad_settings"
    assert "hush" not in str(answer)
    assert MASK in str(answer)


class Uses(Anybody):
    """Believes everybody; `in_use` are the proofs by keys that their writers still use."""

    def __init__(self, *in_use: bytes) -> None:
        super().__init__()
        self.in_use = {*in_use}

    def is_current(self, envelope: Envelope) -> bool:
        return envelope.proof in self.in_use


def test_settings_that_were_signed_by_a_key_of_the_past_are_written_anew(
    build: Build, publication: Make, classes: Classes
) -> None:
    """Else a CFM that starts after the key was dropped would believe no settings."""
    trust = Uses(b"first", b"second")
    minter = build(catalogue=None, trust=trust)

    def signed(proof: bytes) -> Received:
        received = publication(record(classes, 3))
        return Received(received.envelope._replace(proof=proof, seq=len(proof)), "")

    minter.receive(signed(b"first"), 0.5)
    caught_up(minter, publication)
    assert written(minter.tick(1.0)) == []
    trust.in_use = {b"second"}
    assert written(minter.tick(5.0)) == []  # only with new keys of our own, or two would write for ever
    minter.parts.offering.use([])
    assert [version(one)[0] for one in written(minter.tick(6.0))] == [3]
    assert len(written(minter.tick(6.0 + PUBLISH_EVERY_S))) == 1  # until it is read back
    minter.receive(signed(b"second"), 9.1)
    assert written(minter.tick(20.0)) == []


def test_settings_that_waited_for_a_key_are_judged_by_their_own_signature(
    build: Build, publication: Make, classes: Classes, sealed: CatalogueRecord
) -> None:
    minter = build(catalogue=None, vault=Vault([NEW]), trust=Uses(b"first"))

    def signed(written: CatalogueRecord, proof: bytes) -> Received:
        received = publication(written)
        return Received(received.envelope._replace(proof=proof, seq=len(proof)), "")

    minter.receive(signed(record(classes, 2), b"first"), 0.5)
    caught_up(minter, publication)
    minter.receive(signed(sealed, b"by another key"), 1.0)
    assert minter.parts.offering.generation == 2
    minter.parts.offering.use([OLD, NEW])
    disk = Disk()
    again = written(disk.tick(minter, 4.0))
    assert minter.parts.offering.generation == 3
    assert [version(one)[0] for one in again or written(minter.tick(5.0))] == [3]


class Doubts(Anybody):
    """Believes no settings."""

    def check(self, envelope: Envelope, now: float, services: Collection[str] = SERVICES) -> None:
        if envelope.type == CATALOGUE:
            self.refused.add("config")
            raise UnprovenError("signed by a key that we do not have")


def test_a_topic_whose_settings_are_not_believed_is_not_empty(
    build: Build, publication: Make, classes: Classes
) -> None:
    """A new minter without the others' keys would write generation 1 over what is in force everywhere."""
    minter = build(catalogue=None, publish=record(classes, 1), trust=Doubts())
    caught_up(minter, publication, record(classes, 7))
    assert written(minter.tick(2.0)) == []
    missing = [reason.code for reason in minter.status.missing()]
    assert missing[:2] == ["no-settings", "settings-unbelieved"]
