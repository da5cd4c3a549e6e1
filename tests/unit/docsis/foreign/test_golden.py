"""Texts that the docsis tool (0.9.9-dev) encoded: what is imported of them encodes to its very bytes."""

import hashlib
from pathlib import Path

import pytest

from services.docsis.foreign.text import Imported, read_text
from services.docsis.text.document import compile_document

DATA = Path(__file__).parent / "data"
SECRET = (DATA / "secret.txt").read_bytes()
NAMES = ("basic", "classifiers", "legacy", "mta", "snmp", "vendor")

FLOWS = (
    "NetworkAccess 1; UsServiceFlow { UsServiceFlowRef 1; QosParamSetType 7; } "
    "DsServiceFlow { DsServiceFlowRef 2; QosParamSetType 7; }"
)
PRINTED = {
    # What the tool printed of files, and the CM MIC it computed over all their settings.
    "69c4ac44fe830e648e3b211233587bb2": FLOWS + "PHS { PHSClassifierRef 1; PHSDSCAction 1; PHSDBCAction 1; }",
    "d11cc663cd9b6b02070030cc0f7ddfd1": FLOWS
    + "CMTSStaticMulticastSessionEncodings { CMTSStaticMulticastSessionGroup 1.2.3.4; "
    "CMTSStaticMulticastSessionSource 5.6.7.8; CMTSStaticMulticastSessionCMIM 0xaabb; }",
    "c06e401e7aa35ec665e9a7690dc2f8f3": FLOWS
    + 'SNMPv1v2cCoexistenceConfig { SNMPv1v2cCommunityName "public"; SNMPv1v2cTransportAddressAccess { '
    "SNMPv1v2cTransportAddress 1.2.3.4/69; SNMPv1v2cTransportAddressMask 2002::2:2/23; } "
    'SNMPv1v2cAccessViewType 1; SNMPv1v2cAccessViewName "public"; }',
    "84149283b81e152cae15b8cbc233f940": "UsPacketClass { VendorSpecific { VendorIdentifier 0xffffff; "
    "L2VPNEncoding { NSIEncapsulationSubtype { ServiceMultiplexingValueIEEE8021Q 15; } } } "
    "ClassifierRef 1; ServiceFlowRef 1; }" + FLOWS,
    "07037e114dbc770c829862d4d7ac3cf0": "UsPacketClass { VendorSpecific { VendorIdentifier 0xffffff; "
    "L2VPNEncoding { NSIEncapsulation { NSIEncapsulationDualQTag 258,772; } } } "
    "ClassifierRef 1; ServiceFlowRef 1; }" + FLOWS,
    "d4a9a5ceac27b51bd47ed7443008ec7c": FLOWS + "UsPacketClass { VendorSpecific { VendorIdentifier 0xffffff; "
    "L2VPNEncoding { NSIEncapsulation { ServiceMultiplexingValueMPLSPW { MPLSPseudowireID 1; "
    "MPLSPeerIpAddress 1.1.1.1; MPLSPseudowireType 5; MPLSBackupPseudowireID 1; "
    "MPLSBackupPeerIpAddress 2002::2:1; } } } } ClassifierRef 1; ServiceFlowRef 1; }",
    "686b4233924b7809001ce7402d1d1366": FLOWS
    + "UsPacketClass { VendorSpecific { VendorIdentifier 0xffffff; L2VPNEncoding { NSIEncapsulation { "
    "ServiceMultiplexingValueOther 0x00; } } } ClassifierRef 1; ServiceFlowRef 1; }",
    "19ae4d2be718fe71c7932d9da214ca90": "UsPacketClass { VendorSpecific { VendorIdentifier 0xffffff; "
    "L2VPNEncoding { eSAFEDHCPSnooping 0x000000; CMInterfaceMaskCMIMSubtype 0x000080; "
    "AttachmentGroupID 0x0102; SourceAttachmentIndividualID 0x0102; TargetAttachmentIndividualID 0x0102; "
    "IngressUserPriority 1; UserPriorityRange 1,2; } } ClassifierRef 1; ServiceFlowRef 1; }" + FLOWS,
    # A node below experimental(3), which an older version printed by a name of its own.
    "23fb76e1e141a16ee0580f61d55d5b36": "DownstreamFrequency 123000000; UpstreamChannelId 1; "
    "NetworkAccess 1; ClassOfService { ClassID 1; MaxRateDown 512000; MaxRateUp 64000; PriorityUp 3; "
    "GuaranteedUp 32000; "
    "MaxBurstUp 1700; PrivacyEnable 1; } BaselinePrivacy { AuthTimeout 10; ReAuthTimeout 10; "
    "AuthGraceTime 600; OperTimeout 10; ReKeyTimeout 10; TEKGraceTime 600; AuthRejectTimeout 9; } "
    'SnmpMibObject sysContact.0 String "evvolve@users.sourceforge.net"; '
    'SnmpMibObject sysName.0 String "DCM105 test"; SnmpMibObject experimental83.1.6.3.0 Integer 1; '
    "SnmpMibObject experimental83.1.6.4.1.3.1 Integer 1; SnmpMibObject experimental83.1.6.4.1.4.1 Integer 0; "
    "SnmpMibObject experimental83.1.6.4.1.5.1 Integer 3; SnmpMibObject experimental83.1.6.4.1.6.1 Integer 2; "
    "SnmpMibObject experimental83.1.6.4.1.7.1 IPAddress 1.2.3.4; "
    "SnmpMibObject experimental83.1.6.4.1.8.1 IPAddress 255.128.0.0; "
    "SnmpMibObject experimental83.1.6.4.1.9.1 IPAddress 5.6.7.8; "
    "SnmpMibObject experimental83.1.6.4.1.10.1 IPAddress 255.255.0.0; "
    "SnmpMibObject experimental83.1.6.4.1.2.1 Integer 4; MaxCPE 3;",
    # An identifier that an older version took as a text.
    "e0c8990baedd2729d682dde0e4757cbf": "NetworkAccess 1; VendorSpecific { VendorIdentifier 0xffffff; "
    'L2VPNEncoding { VPNIdentifier "VLAN100"; NSIEncapsulation { NSIEncapsulationSingleQTag 16; } } } '
    "UsServiceFlow { UsServiceFlowRef 1; QosParamSetType 7; MaxRateSustained 256000; MaxConcatenatedBurst 0; "
    "SchedulingType 2; RequestOrTxPolicy 0x00000000; VendorSpecific { VendorIdentifier 0xffffff; "
    'L2VPNEncoding { VPNIdentifier "VLAN100"; } } } DsServiceFlow { DsServiceFlowRef 2; QosParamSetType 7; '
    "MaxRateSustained 2000000; VendorSpecific { VendorIdentifier 0xffffff; "
    'L2VPNEncoding { VPNIdentifier "VLAN100"; } } } UsPacketClass { ClassifierRef 5; ServiceFlowRef 1; '
    "RulePriority 2; ActivationState 1; LLCPacketClassifier { EtherType 0x018864; } "
    'VendorSpecific { VendorIdentifier 0xffffff; L2VPNEncoding { VPNIdentifier "VLAN100"; } } } '
    "DsPacketClass { ClassifierRef 6; ServiceFlowRef 2; RulePriority 2; ActivationState 1; "
    "LLCPacketClassifier { EtherType 0x040000; } VendorSpecific { VendorIdentifier 0xffffff; "
    'L2VPNEncoding { VPNIdentifier "VLAN100"; } } }',
    "1118a9d412289e174e22a33eb82f8aa6": "UsPacketClass { ClassifierRef 1; ServiceFlowRef 1; "
    "VendorSpecific { VendorIdentifier 0xffffff; L2VPNEncoding { L2VPNDSID 257; } } }" + FLOWS,
}


def imported(text: bytes, model: str = "none") -> Imported:
    found, problems = read_text(text, model)
    assert problems == []
    assert found is not None
    return found


def encoded(found: Imported) -> bytes:
    document, errors = compile_document(found.definition)
    assert errors == []
    assert document is not None
    return document.build({}, SECRET)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_encodes_to_the_bytes_of_the_tool(name: str) -> None:
    found = imported((DATA / f"{name}.txt").read_bytes(), "na" if name == "mta" else "none")
    assert encoded(found) == (DATA / f"{name}.cm").read_bytes()


@pytest.mark.parametrize("mic", PRINTED)
def test_what_the_tool_printed_has_the_cm_mic_it_printed(mic: str) -> None:
    found = imported(f"Main {{ {PRINTED[mic]} /* CmMic {mic}; */ /*EndOfDataMkr*/ /* Pad */ }}".encode())
    assert [note.reason for note in found.notes] == ["is left out: `file encode` computes it"]
    document, _ = compile_document({**found.definition, "mic": "none", "tail": ""})
    assert document is not None
    assert hashlib.md5(document.build({})).hexdigest() == mic


def test_a_printed_mic_of_another_file_is_noted() -> None:
    found = imported(b"Main { NetworkAccess 0; /* CmMic 69c4ac44fe830e648e3b211233587bb2; */ }")
    assert "it is that of another file" in found.notes[0].reason


def test_the_comments_of_a_text_are_in_its_document() -> None:
    found = imported((DATA / "basic.txt").read_bytes())
    assert found.places["body[3]"].above == ("a comment that an importer keeps",)


def test_a_printed_hash_becomes_the_kind_of_the_document() -> None:
    plain = (DATA / "mta.txt").read_text()
    digest = (DATA / "mta.cm").read_bytes()[-23:-3].hex()
    printed = plain.replace(
        "\tMtaConfigDelimiter 255;",
        f"\tSnmpMibObject .1.3.6.1.4.1.4491.2.2.1.1.2.7.0 HexString 0x{digest};\n\tMtaConfigDelimiter 255;",
    )
    found = imported(printed.encode())
    assert found.definition["hash"] == "na"
    assert encoded(found) == (DATA / "mta.cm").read_bytes()
    wrong = imported(printed.replace(digest[:4], "0000").encode())
    assert wrong.definition["hash"] == "none"
    _, problems = read_text(printed.replace(digest[:4], "0000").encode(), "na")
    assert [problem.line for problem in problems] == [6]
