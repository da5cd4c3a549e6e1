"""Names of SNMP objects: right numbers, exact inverses, and the nearest name for a wrong one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis import snmp
from services.docsis.errors import DocsisError
from services.docsis.mic import HASH_OBJECT
from services.docsis.names import object_name, object_oid
from services.docsis.objects import OBJECTS

# Of every group one object, from its MIB.
KNOWN = {
    "sysLocation": "1.3.6.1.2.1.1.6",
    "ifAdminStatus": "1.3.6.1.2.1.2.2.1.7",
    "ifLinkUpDownTrapEnable": "1.3.6.1.2.1.31.1.1.1.14",
    "docsDevNmAccessTrapVersion": "1.3.6.1.2.1.69.1.2.1.8",
    "docsDevSwServerTransportProtocol": "1.3.6.1.2.1.69.1.3.8",
    "docsDevServerConfigFile": "1.3.6.1.2.1.69.1.4.5",
    "docsDevEvReporting": "1.3.6.1.2.1.69.1.5.7.1.2",
    "docsDevEvSyslogAddress": "1.3.6.1.2.1.69.1.5.10",
    "docsDevFilterLLCProtocol": "1.3.6.1.2.1.69.1.6.2.1.5",
    "docsDevFilterIpPolicyId": "1.3.6.1.2.1.69.1.6.4.1.20",
    "docsDevFilterPolicyPtr": "1.3.6.1.2.1.69.1.6.5.1.6",
    "docsDevFilterTosOrMask": "1.3.6.1.2.1.69.1.6.6.1.4",
    "docsDevCpeIpMax": "1.3.6.1.2.1.69.1.7.2",
    "docsDevCpeInetRowStatus": "1.3.6.1.2.1.69.1.7.4.1.4",
    "docsBpi2CmPrivacyEnable": "1.3.6.1.2.1.10.127.6.1.1.1.1.1",
    "docsBpi2CodeMfgOrgName": "1.3.6.1.2.1.10.127.6.1.4.3",
    "usmDHKickstartMgrPublic": "1.3.6.1.3.101.1.2.1.1.3",
    "snmpTargetAddrRowStatus": "1.3.6.1.6.3.12.1.2.1.9",
    "snmpTargetParamsSecurityLevel": "1.3.6.1.6.3.12.1.3.1.5",
    "snmpNotifyRowStatus": "1.3.6.1.6.3.13.1.1.1.5",
    "snmpNotifyFilterProfileName": "1.3.6.1.6.3.13.1.2.1.1",
    "vacmSecurityToGroupStatus": "1.3.6.1.6.3.16.1.2.1.5",
    "vacmAccessNotifyViewName": "1.3.6.1.6.3.16.1.4.1.7",
    "vacmViewTreeFamilyMask": "1.3.6.1.6.3.16.1.5.2.1.3",
    "snmpCommunityTransportTag": "1.3.6.1.6.3.18.1.1.1.6",
    "snmpTargetAddrTMask": "1.3.6.1.6.3.18.1.2.1.1",
    "esafeErouterInitModeControl": "1.3.6.1.4.1.4491.2.1.14.1.5.4",
    "docsIf3CmSpectrumAnalysisCtrlCmdEnable": "1.3.6.1.4.1.4491.2.1.20.1.34.1",
    "pktcMtaDevEnabled": "1.3.6.1.4.1.4491.2.2.1.1.1.7",
    "pktcMtaDevTimeServer": "1.3.6.1.4.1.4491.2.2.1.1.2.18",
    "pktcMtaDevRealmStatus": "1.3.6.1.4.1.4491.2.2.1.1.3.16.1.9",
    "pktcMtaDevCmsIpsecCtrl": "1.3.6.1.4.1.4491.2.2.1.1.3.17.1.10",
    "pktcSigTosFormatSelector": "1.3.6.1.4.1.4491.2.2.2.1.1.10",
    "pktcSigDevRtCadence": "1.3.6.1.4.1.4491.2.2.2.1.1.24",
    "pktcNcsEndPntConfigStatus": "1.3.6.1.4.1.4491.2.2.2.1.2.1.1.26",
    "PKTC-IETF-MTA-MIB::pktcMtaDevEnabled": "1.3.6.1.2.1.140.1.1.6",
    "PKTC-IETF-MTA-MIB::pktcMtaDevCmsStatus": "1.3.6.1.2.1.140.1.3.8.1.10",
    "PKTC-IETF-SIG-MIB::pktcSigDefMediaStreamDscp": "1.3.6.1.2.1.169.1.1.16",
    "PKTC-IETF-SIG-MIB::pktcSigEndPntConfigCallWaitingDelay": "1.3.6.1.2.1.169.1.2.1.1.28",
    "PKTC-EXCENTIS-MTA-MIB::pktcMtaDevResetNow": "1.3.6.1.4.1.7432.1.1.1.1",
    "PKTC-EXCENTIS-SIG-MIB::pktcSigDefMediaStreamDscp": "1.3.6.1.4.1.7432.2.1.1.16",
    "PKTC-EXCENTIS-SIG-MIB::pktcNcsEndPntConfigCallWaitingDelay": "1.3.6.1.4.1.7432.2.1.2.1.1.28",
}


@pytest.mark.parametrize(("name", "oid"), KNOWN.items())
def test_known_objects(name: str, oid: str) -> None:
    assert object_oid(f"{name}.0") == f"{oid}.0"
    assert object_name(f"{oid}.0") == f"{name}.0"


def test_every_name_stands_for_one_identifier() -> None:
    assert len(set(OBJECTS.values())) == len(OBJECTS)
    for name, oid in OBJECTS.items():
        assert re.fullmatch(r"([A-Z0-9-]+::)?[a-z][A-Za-z0-9-]*", name)
        assert snmp.object_id_text(snmp.object_id(oid)) == oid
        for instance in ("", ".0", ".4294967295.1"):
            assert object_oid(name + instance) == oid + instance
            assert object_name(oid + instance) == name + instance


def test_the_hash_of_every_model_has_a_name() -> None:
    assert {
        model: object_name(oid).rpartition("::")[2] for model, oid in HASH_OBJECT.items()
    } == dict.fromkeys(HASH_OBJECT, "pktcMtaDevProvConfigHash.0")


@pytest.mark.parametrize("oid", ["1.3.6.1.2", "0.0", "2.100.3", "1.3.6.1.2.10", "1.3.6.1.20.1", ""])
def test_what_has_no_name_stays_numeric(oid: str) -> None:
    assert object_name(oid) == oid


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sysLocaton.0", "'sysLocation'"),
        ("pktcMtaDevEnable", "'pktcMtaDevEnabled'"),
        ("PKTC-IETF-MTA-MIB::sysName", "PKTC-IETF-MTA-MIB::"),
        ("sysLocation.x", "numbers"),
        ("sysLocation.", "numbers"),
        ("sysLocation.0\n", "numbers"),
        ("", "numbers"),
        ("é", "numbers"),
    ],
)
def test_an_unknown_name_is_refused(name: str, hint: str) -> None:
    with pytest.raises(DocsisError, match=hint):
        object_oid(name)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(OBJECTS.values())), st.integers(0, 20), st.lists(st.integers(0, 2**32 - 1)))
def test_both_directions_are_exact_inverses(oid: str, cut: int, more: list[int]) -> None:
    text = ".".join([*oid.split(".")[: max(2, len(oid.split(".")) - cut)], *map(str, more[:60])])
    assert object_oid(object_name(text)) == text
