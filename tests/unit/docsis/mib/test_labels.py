"""Labels of values, as net-snmp prints them, mean the numbers of the object's MIB."""

import pytest

from services.docsis.errors import DocsisError
from services.docsis.text.body import compile_item
from services.docsis.text.template import problems


def encoded(oid: str, **value: object) -> bytes:
    return compile_item({"snmp_set": {"oid": oid, **value}}, "cm", ())


@pytest.mark.parametrize(
    ("oid", "label", "number"),
    [
        ("docsDevNmAccessStatus.1", "active(1)", 1),
        ("docsDevNmAccessStatus.1", "active", 1),
        ("docsDevFilterIpStatus.1", "createAndGo(4)", 4),
        ("1.3.6.1.2.1.69.1.6.4.1.2.1", "createAndGo", 4),
        ("docsDevFilterIpControl.1", "accept", 2),
        ("docsDevNmAccessControl.1", "roWithTraps(4)", 4),
        ("docsDevSwAdminStatus.0", "ignoreProvisioningUpgrade(3)", 3),
        ("snmpCommunityStorageType.'public'", "volatile(2)", 2),
        ("pktcMtaDevEnabled.0", "true(1)", 1),
        ("PKTC-IETF-MTA-MIB::pktcMtaDevCmsIpsecCtrl.1", "false", 2),
        ("pktcSigTosFormatSelector.0", "dscpCodepoint", 2),
        ("vacmAccessContextMatch.\"g\".\"\".3.authPriv", "exact", 1),
    ],
)  # fmt: skip
def test_a_label_is_its_number(oid: str, label: str, number: int) -> None:
    assert encoded(oid, integer=label) == encoded(oid, integer=number)


@pytest.mark.parametrize(
    ("oid", "value", "reason"),
    [
        (
            "docsDevNmAccessStatus.1",
            "actve",
            "'actve' is no label of docsDevNmAccessStatus; there are active(1), notInService(2), "
            "notReady(3), createAndGo(4), createAndWait(5), destroy(6)",
        ),
        ("docsDevNmAccessStatus.1", "active(2)", "'active(2)' is no label of docsDevNmAccessStatus;"),
        ("docsDevNmAccessStatus.1", "Active", "'Active' is no label of"),
        ("docsDevNmAccessStatus.1", "1", "'1' is no label of"),
        ("docsDevNmAccessStatus.1", "active(1) ", "'active(1) ' is no label of"),
        ("docsDevEvReporting.1", "local", "docsDevEvReporting has no labels of numbers"),
        ("docsDevMaxCpe.0", "active", "must be a number from -2147483648 to 2147483647, not 'active'"),
        ("1.3.6.1.4.1.32473.1.0", "active(1)", "must be a number from"),
    ],
)
def test_any_other_word_is_refused_with_those_that_there_are(oid: str, value: str, reason: str) -> None:
    with pytest.raises(DocsisError) as caught:
        encoded(oid, integer=value)
    assert caught.value.path.endswith("snmp_set.integer")
    assert caught.value.reason.startswith(reason)


def test_a_label_is_for_integers() -> None:
    with pytest.raises(DocsisError, match="must be a number"):
        encoded("docsDevNmAccessStatus.1", gauge32="active")


def test_a_placeholder_is_no_label() -> None:
    entry = {"snmp_set": {"oid": "docsDevNmAccessControl.1", "integer": "${control}"}}
    definition = {"kind": "cm", "placeholders": {"control": {"kind": "uint8"}}, "body": [entry]}
    assert problems(definition) == []


@pytest.mark.parametrize(
    ("labels", "content"),
    [
        ("local(0) traps(1) syslog(2)", "e0"),
        ("local, syslog", "a0"),
        ("localVolatile(8)", "0080"),
        ("stdInterface local", "8040"),
        ("", "00"),
    ],
)
def test_labels_of_bits_set_them_from_the_first_bit_of_the_first_byte(labels: str, content: str) -> None:
    oid = "docsDevEvReporting.emergency"
    assert encoded(oid, bits=labels) == encoded(oid, hex=content)


@pytest.mark.parametrize(
    ("oid", "value", "reason"),
    [
        (
            "docsDevEvReporting.1",
            "local tarps",
            "'tarps' is no label of docsDevEvReporting; there are local(0)",
        ),
        ("docsDevEvReporting.1", "local(1)", "'local(1)' is no label"),
        ("docsDevEvReporting.1", 3, "must be labels such as local(0)"),
        ("docsDevNmAccessStatus.1", "active", "no labels of bits are known for this object"),
        ("1.3.6.1.4.1.32473.1.0", "local", "no labels of bits are known for this object"),
    ],
)
def test_other_bits_are_refused(oid: str, value: object, reason: str) -> None:
    with pytest.raises(DocsisError) as caught:
        encoded(oid, bits=value)
    assert caught.value.reason.startswith(reason)
