"""Values against the MIB of their object: only what contradicts it is named."""

import pytest

from services.docsis.judge.assignment import Assignment
from services.docsis.judge.contradictions import contradictions
from services.docsis.mib import ber
from services.docsis.mib.names import BUILT_IN, object_oid
from services.docsis.mib.syntax import TAGS


def reasons(name: str, tag: int, content: bytes = b"\1") -> list[str]:
    setting = Assignment("body[0].snmp_set", object_oid(name), tag, content)
    return [reason for _, reason in contradictions([setting])]


@pytest.mark.parametrize(
    ("name", "tag", "content", "reason"),
    [
        ("sysContact.0", ber.INTEGER, b"\1", "sysContact is an OCTET STRING, not an INTEGER"),
        (
            "docsDevNmAccessIp.1",
            ber.OCTET_STRING,
            b"abcd",
            "docsDevNmAccessIp is an IpAddress, not",
        ),
        ("docsDevMaxCpe.0", ber.INTEGER, b"\1", "docsDevMaxCpe is a Gauge32 or Unsigned32, not an INTEGER"),
        ("docsDevNmAccessStatus.1", 0x05, b"", "docsDevNmAccessStatus is an INTEGER, not of the type 0x05"),
        ("docsDevNmAccessControl.1", ber.INTEGER, b"\7", "docsDevNmAccessControl has no value 7; there"),
        ("pktcMtaDevEnabled.0", ber.INTEGER, b"\0", "pktcMtaDevEnabled has no value 0; there are true(1)"),
        ("ifAdminStatus.1", ber.INTEGER, b"\xff", "ifAdminStatus has no value -1;"),
        ("docsDevEvReporting.1", ber.INTEGER, b"\1", "docsDevEvReporting is an OCTET STRING, not"),
    ],
)
def test_what_contradicts_is_named(name: str, tag: int, content: bytes, reason: str) -> None:
    (found,) = reasons(name, tag, content)
    assert found.startswith(reason)


@pytest.mark.parametrize("name", ["enterprises.32473.1.0", "docsDevFilter", "1.3.9.1", "mib-2.69.1.2.1.99.1"])
def test_what_is_not_known_is_not_judged(name: str) -> None:
    assert reasons(name, 0x05) == []


def test_every_known_object_takes_its_own_type_and_no_other() -> None:
    for one in BUILT_IN:
        if one.syntax is not None:
            content = bytes([min(one.syntax.labels.values(), default=1)])
            for tag in set(TAGS.values()):
                assert bool(reasons(f"{one.oid}.1", tag, content)) == (tag != one.syntax.tag), one
