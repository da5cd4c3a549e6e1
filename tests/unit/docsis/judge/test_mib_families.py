"""Families of PacketCable MIBs: a file of one family is left alone, one with a stranger in it is named."""

import pytest

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.judge.assignment import Assignment
from services.docsis.judge.mib_families import family, mixed_families
from services.docsis.mib import ber
from services.docsis.mib.names import object_oid

ENABLED = {
    "na": "pktcMtaDevEnabled.0",
    "eu": "PKTC-EXCENTIS-MTA-MIB::pktcMtaDevResetNow.0",
    "ietf": "PKTC-IETF-MTA-MIB::pktcMtaDevEnabled.0",
}
NEUTRAL = ("sysContact.0", "docsDevNmAccessStatus.1", "1.3.6.1.4.1.4491.2.2.6.1.1.0", "1.3.6.1.4.1.32473.1.0")


def setting(*names: str) -> list[Assignment]:
    return [
        Assignment(f"body[{at}].snmp_set", object_oid(name), ber.INTEGER, b"\1")
        for at, name in enumerate(names)
    ]


@pytest.mark.parametrize("model", HASH_OBJECT)
def test_the_objects_of_the_hash_are_at_home(model: str) -> None:
    assert list(mixed_families(setting(*NEUTRAL, ENABLED[model]), model)) == []
    assert list(mixed_families(setting(*NEUTRAL, ENABLED[model]), "none")) == []


@pytest.mark.parametrize("stranger", HASH_OBJECT)
@pytest.mark.parametrize("model", HASH_OBJECT)
def test_an_object_of_another_family_than_the_hash_is_named(model: str, stranger: str) -> None:
    found = list(mixed_families(setting("sysContact.0", ENABLED[stranger]), model))
    assert [path for path, _ in found] == ([] if model == stranger else ["body[1].snmp_set"])


def test_a_cablelabs_object_beside_the_hash_of_the_ietf() -> None:
    (found,) = mixed_families(setting("pktcMtaDevEnabled.0"), "ietf")
    assert found == (
        "body[0].snmp_set",
        "is of the PacketCable MIBs of CableLabs (na); the hash of this file is of those of the IETF (ietf)",
    )


def test_a_family_is_named_once_with_the_number_of_its_objects() -> None:
    names = ["pktcMtaDevEnabled.0", "pktcSigDefCallSigTos.0", "pktcNcsEndPntConfigMWD.9", ENABLED["eu"]]
    found = list(mixed_families(setting(*names), "ietf"))
    assert [path for path, _ in found] == ["body[0].snmp_set", "body[3].snmp_set"]
    assert ", like 2 more;" in found[0].reason
    assert ", like" not in found[1].reason


def test_without_a_hash_most_objects_decide() -> None:
    names = [ENABLED["ietf"], "pktcMtaDevEnabled.0", "pktcSigDefCallSigTos.0"]
    (found,) = mixed_families(setting(*names), "none")
    assert found.path == "body[0].snmp_set"
    assert found.reason.endswith("; most objects of this file are of those of CableLabs (na)")


def test_a_hash_among_the_objects_decides_as_well() -> None:
    names = ["pktcMtaDevEnabled.0", "pktcSigDefCallSigTos.0", HASH_OBJECT["ietf"]]
    (found,) = mixed_families(setting(*names), "none")
    assert (found.path, "(na), like 1 more" in found.reason) == ("body[0].snmp_set", True)


@pytest.mark.parametrize("oid", ["1.3.6.1.2.1.1400.1", "1.3.6.1.4.1.7432.11", "1.3.6.1.4.1.4491.2.2.10", ""])
def test_a_longer_number_is_not_below(oid: str) -> None:
    assert family(oid) == ""


def test_a_file_that_sets_nothing_mixes_nothing() -> None:
    assert list(mixed_families([], "na")) == []
    assert list(mixed_families(setting(*NEUTRAL), "none")) == []
