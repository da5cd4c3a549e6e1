"""Names of SNMP objects: right numbers, exact inverses, and the nearest name for a wrong one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.mib.names import BUILT_IN, Names, Object, object_name, object_oid
from services.docsis.mib.objects_cable import TWINS

HOMES = {(one.module, one.name) for one in BUILT_IN}
OIDS = sorted(one.oid for one in BUILT_IN)

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
    assert len(set(OIDS)) == len({str(one) for one in BUILT_IN}) == len(OIDS)
    for module, name, oid, *_ in BUILT_IN:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9-]*::[a-z][A-Za-z0-9-]*", f"{module}::{name}")
        assert ber.object_id_text(ber.object_id(oid)) == oid
        for instance in ("", ".0", ".4294967295.1"):
            assert object_oid(f"{module}::{name}{instance}") == oid + instance
            assert object_oid(object_name(oid + instance)) == oid + instance


def test_only_the_twins_of_cablelabs_mibs_show_their_module() -> None:
    for module, name, oid, *_ in BUILT_IN:
        assert object_name(oid) == (f"{module}::{name}" if module in TWINS else name)


def test_a_twins_name_without_its_module_is_cablelabs() -> None:
    assert object_oid("pktcMtaDevEnabled.0") == object_oid("PKTC-MTA-MIB::pktcMtaDevEnabled.0")
    assert object_oid("pktcMtaDevEnabled.0") != object_oid("PKTC-IETF-MTA-MIB::pktcMtaDevEnabled.0")


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
        ("sysLocaton.0", "did you mean 'sysLocation'?"),
        ("pktcMtaDevEnable", "did you mean 'pktcMtaDevEnabled'?"),
        ("docsDevNmAccessstatus.1", "did you mean 'docsDevNmAccessStatus'?"),
        ("sysLoaction.0", "did you mean 'sysLocation'?"),
        ("SNMPv2-MIB::sysContcat.0", "did you mean 'SNMPv2-MIB::sysContact'?"),
        ("SNMPv3-MIB::sysContact.0", "other modules have that name: SNMPv2-MIB::sysContact"),
        ("IF-MIBB::ifDescr.1", "did you mean 'IF-MIB::ifDescr'?"),
        ("IF-MIB::sysContact.0", "other modules have that name: SNMPv2-MIB::sysContact"),
        ("PKTC-IETF-MTA-MIB::sysName.0", "other modules have that name: SNMPv2-MIB::sysName"),
        (
            "pktcSigDefMediaStreamDscp.0",
            "other modules have that name: PKTC-IETF-SIG-MIB::pktcSigDefMediaStreamDscp, "
            "PKTC-EXCENTIS-SIG-MIB::pktcSigDefMediaStreamDscp",
        ),
        ("docsDevFilterIpaddr.1", "write its numbers"),  # Saddr or Daddr
        ("pktcMtaDevServerDns3.0", "write its numbers"),
        ("ifHighSpeed.1", "write its numbers"),
        ("ifInOctets.1", "write its numbers"),
        ("IF-MIB::ifHighSpeed.1", "write its numbers"),
        ("docsIfCmtsModulationControl.1.1", "write its numbers"),
        ("ACME-MIB::acmeThing.0", "write its numbers"),
        ("IF-MIB::", "write its numbers"),
        ("::ifDescr", "write its numbers"),
        ("IF-MIB::IF-MIB::ifDescr", "write its numbers"),
        ("", "write its numbers"),
        ("é", "write its numbers"),
    ],
)
def test_an_unknown_name_is_refused(name: str, hint: str) -> None:
    with pytest.raises(DocsisError) as caught:
        object_oid(name)
    assert re.match(
        r"'.*' is (not among the built-in objects|no name of an SNMP object): ", caught.value.reason
    )
    assert hint in caught.value.reason


@pytest.mark.parametrize(
    ("name", "oid"),
    [
        ("iso.3.6.1.2.1.1.4.0", "1.3.6.1.2.1.1.4.0"),
        ("internet.4.1.9", "1.3.6.1.4.1.9"),
        ("transmission.127.1", "1.3.6.1.2.1.10.127.1"),
        ("experimental.83.1", "1.3.6.1.3.83.1"),
        ("SNMPv2-SMI::private.1.9", "1.3.6.1.4.1.9"),
        ("mgmt.1", "1.3.6.1.2.1"),
        ("snmpV2.3", "1.3.6.1.6.3"),
        ("joint-iso-ccitt.5", "2.5"),
    ],
)
def test_the_nodes_above_every_mib_are_read_and_never_shown(name: str, oid: str) -> None:
    assert object_oid(name) == oid
    assert not object_name(oid).startswith(name.split(".")[0])


def test_no_object_takes_the_name_of_such_a_node() -> None:
    names = BUILT_IN.with_objects(
        [Object("OWN-MIB", "private", "1.3.6.1.4.1.5"), Object("SNMPv2-SMI", "mgmt", "1.3.6.1.2")],
        scope="all",
        advice="",
    )
    assert names.oid("private.1") == "1.3.6.1.4.1"
    assert names.name("1.3.6.1.4.1.5.0") == "OWN-MIB::private.0"
    assert names.name("1.3.6.1.2.9") == "mgmt.9"
    with pytest.raises(DocsisError, match="'IF-MIB::private' is not among"):
        names.oid("IF-MIB::private.1")


def test_no_hint_names_one_object_where_another_was_written() -> None:
    """Whoever leaves out one known object and asks for it is not sent to its neighbour of another number."""
    for left_out in BUILT_IN:
        others = Names(one for one in BUILT_IN if one.name != left_out.name)
        with pytest.raises(DocsisError) as caught:
            others.oid(left_out.name)
        assert "did you mean" not in caught.value.reason


@pytest.mark.parametrize("module", sorted({one.module for one in BUILT_IN}))
def test_a_name_is_looked_for_in_its_module_only(module: str) -> None:
    for one in BUILT_IN:
        if (module, one.name) not in HOMES:
            with pytest.raises(DocsisError):
                object_oid(f"{module}::{one.name}")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(OIDS), st.integers(0, 20), st.lists(st.integers(0, 2**32 - 1)))
def test_both_directions_are_exact_inverses(oid: str, cut: int, more: list[int]) -> None:
    text = ".".join([*oid.split(".")[: max(2, len(oid.split(".")) - cut)], *map(str, more[:60])])
    assert object_oid(object_name(text)) == text
