"""The grammar of a text: what is a setting, where comments go, and every mistake with its line."""

import pytest

from services.docsis.errors import PROBLEMS_MAX
from services.docsis.foreign.statement import DEPTH_MAX
from services.docsis.foreign.text import TEXT_BYTES_MAX, Imported, read_text
from services.docsis.text.document import compile_document


def imported(settings: str, model: str = "none") -> Imported:
    found, problems = read_text(f"Main {{\n{settings}\n}}".encode("latin-1"), model)
    assert [str(problem) for problem in problems] == []
    assert found is not None
    return found


def body(settings: str) -> str:
    """The settings in hexadecimal, by way of the document."""
    document, errors = compile_document({**imported(settings).definition, "mic": "none", "tail": ""})
    assert document is not None
    assert not errors
    return document.build({}).hex()


def problems(text: str) -> list[str]:
    found, problems = read_text(text.encode("latin-1"))
    assert found is None
    return [str(problem) for problem in problems]


def notes(settings: str) -> list[str]:
    return [str(note) for note in imported(settings).notes]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("MaxCPE 016;", "120110"),  # not octal
        ("MaxClassifiers 65536;", "1c020000"),
        ("GlobalPrivacyEnable -1;", "1d01ff"),
        ("ManagementEventControl 4294967295;", "4204ffffffff"),
        ("SwUpgradeServer 010.0.2.1;", "150408000201"),
        ("SwUpgradeFilename fw.bin;", "090666772e62696e"),
        ('SwUpgradeFilename "";', "0900"),
        ('SwUpgradeFilename "a\\"b c";', "09056122622063"),
        ('SwUpgradeFilename "a\\b";', "0903612062"),
        ('SwUpgradeFilename "/* x */";', "0907" + b"/* x */".hex()),
        ('SwUpgradeFilename "\xe9";', "0901e9"),
        ('VendorSpecific { VendorIdentifier "0xFFFFFF"; }', "2b050803ffffff"),
        ('VPNIdentifier "VLAN100";', "0107" + b"VLAN100".hex()),
        ("VPNIdentifier 0x00010203;", "010400010203"),
        ("UpstreamDropClassifierGroupID 5;", "3e0105"),
        ("UpstreamDropClassifierGroupID 5,6;", "3e020506"),
        ("SubMgmtFilters 1,2,3,4;", "25080001000200030004"),
        ("SwUpgradeServer6 ::ffff:192.0.2.1;", "3a1000000000000000000000ffffc0000201"),
        (
            "CMTSStaticMulticastSessionEncodings { CMTSStaticMulticastSessionGroup ::1; }",
            "40120110" + 15 * "00" + "01",
        ),
        ("GenericTLV TlvCode 200 TlvLength 3 TlvValue 0xAABBcc;", "c803aabbcc"),
        ('GenericTLV TlvCode 200 TlvString "ab";', "c8026162"),
        ('GenericTLV TlvCode 200 TlvStringZero "ab";', "c803616200"),
        ("GenericTLV TlvCode 200 TlvType Integer TlvValue 1;", "c80400000001"),
        ("GenericTLV TlvCode 200 TlvType Short TlvValue 1;", "c8020001"),
        ("GenericTLV TlvCode 200 TlvType Char TlvValue 1;", "c80101"),
        ("GenericTLV TlvCode 200 TlvType IPAddress TlvValue 192.0.2.1;", "c804c0000201"),
        ("GenericTLV TlvCode 200 { GenericTLV TlvCode 1 TlvLength 1 TlvValue 0x05; }", "c803010105"),
        ("MfgCVCData 0x" + 254 * "01" + "; MfgCVCData 0x02;", "20fe" + 254 * "01" + "200102"),
    ],
)
def test_a_setting_has_the_bytes_of_the_tool(settings: str, expected: str) -> None:
    assert body(settings) == expected


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("MaxClassifiers 65536;", "does not fit into 2 byte(s): the tool writes 0"),
        ("SwUpgradeServer 010.0.2.1;", "010.0.2.1 is 8.0.2.1: the tool reads a leading zero as octal"),
        ('SwUpgradeFilename "a\\b";', "a backslash in this text becomes a space"),
        ("SnmpMibObject sysServices.0 Integer 4294967295;", "the tool writes -1"),
        ("SnmpMibObject sysServices.0 Gauge32 -1;", "-1 is no Gauge32: the tool writes 4294967295"),
    ],
)
def test_what_the_tool_changes_silently_is_noted(settings: str, note: str) -> None:
    (found,) = notes(settings)
    assert found.startswith("2: ")
    assert note in found


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("MaxCPU 5;", "no version of the tool read here has a setting of this name; did you mean MaxCPE?"),
        ('include "x.txt";', "the tool reads no other text, and neither does an import"),
        ("MaxCPE;", "takes one value (uint8), not 0 words"),
        ("MaxCPE 5", "here a `;` is missing"),
        ("MaxCPE 5 NetworkAccess 1;", "a `;` is missing before NetworkAccess"),
        ('MaxCPE "5";', "takes a number, not a text in quotes ('5')"),
        ("MaxCPE 4294967296;", "'4294967296' does not fit into 32 bits"),
        ("MaxCPE 99999999999999999999999;", "does not fit into 32 bits"),
        ("UsServiceFlow 5;", "takes a block: UsServiceFlow { ... }"),
        ("UsServiceFlow { }", "the block of UsServiceFlow is empty"),
        ("TrafficPriority 5;", "is TLV 7 here, which is the CMTS MIC"),
        ("GenericTLV TlvCode 6 TlvLength 1 TlvValue 0x00;", "is TLV 6 here, which is the CM MIC"),
        ("GenericTLV TlvCode 300 TlvLength 1 TlvValue 0x00;", "TlvCode takes 0 to 255"),
        ("GenericTLV TlvCode 9 TlvLength 2 TlvValue 0x00;", "TlvLength says 2 bytes, TlvValue has 1"),
        ('GenericTLV TlvCode 9 TlvStringZero "";', "has no value, which the tool refuses"),
        ('GenericTLV TlvCode 9 TlvString "";', "has no value, which the tool refuses"),
        ("GenericTLV TlvCode 9;", "takes TlvLength N TlvValue 0x..."),
        ("GenericTLV 9;", "begins with TlvCode and its number"),
        ("MfgCVCData 0x123;", "takes pairs of hexadecimal digits"),
        ("SwUpgradeServer 192.0.2.256;", "takes an IPv4 address"),
        ("SwUpgradeServer 192.0.2.08;", "takes an IPv4 address"),
        ("SwUpgradeServer6 2001:db8:::1;", "takes an IPv6 address"),
        ("CpeMacAddress 00:00:00:00:00;", "takes a MAC address"),
        (
            'VPNIdentifier "0x00010203";',
            "versions of the tool read digits in quotes differently; write 0x00010203",
        ),
        ("SnmpMibObject 83.1.6.3.0 Integer 1;", "no object identifier starts with 83.1"),
        ("SwUpgradeFilename 5;", 'takes a text in quotes: "5"'),
        (f'SwUpgradeFilename "{256 * "x"}";', "has 256 bytes; a TLV takes 255, and the tool leaves it out"),
        ("IEEE802Classifier { UserPriority 3; }", "versions of the tool read a single one differently"),
        ("SnmpWriteControl .1.3.6.1.2 2000;", "takes 0 (allow) or 1 (deny)"),
        ("SnmpMibObject sysContact.0 noc;", "takes an object, the type of its value and one value"),
        ("SnmpMibObject sysContact Integer 1;", "a name takes its instance"),
        ("SnmpMibObject 1.3.6.1 Integer 1;", "write .1.3.6.1"),
        ("SnmpMibObject sysServices.0 Integer 1.5;", "takes a number, not an object identifier"),
        ("SnmpMibObject sysServices.0 Integer up;", "takes a number, not a name ('up')"),
        ("SnmpMibObject sysContact.0 String 5;", "String takes another value than a number ('5')"),
        ("SnmpMibObject sysContact.0 Text 5;", "'Text' is no type of the tool"),
        ("SnmpMibObject sysContact.0 BitString 5;", "the tool cannot encode a BitString"),
        ("SnmpMibObject system.ifIndex.0 Integer 5;", "does not stand below"),
        ("MtaConfigDelimiter 255;", "it begins a PacketCable text with 1"),
        ("VendorSpecific { MaxCPE 5; } }", "follows the end of `Main`"),
        ("5;", "here must be the name of a setting, not '5'"),
        ('MaxCPE "5;', "this text in quotes does not end on its line"),
        ("/**/ MaxCPE 5;", "this comment does not end"),
        ("MaxCPE 5-6;", "between '5' and what follows it a blank is missing"),
        ("MaxCPE #5;", "the tool knows no word that begins with '#'"),
    ],
)
def test_what_cannot_be_said_is_named_with_its_line(settings: str, reason: str) -> None:
    found = problems(f"Main {{\nNetworkAccess 1;\n{settings}\n}}")
    assert found[0].split(":")[0] in ("2", "3", "4")
    assert any(reason in one for one in found)


@pytest.mark.parametrize("text", ["s3cret word", "#s3cret", "'s3cret", "/* s3cret"])
def test_nothing_is_repeated_of_what_is_no_text_of_the_tool(text: str) -> None:
    assert problems(text) == ["1: a text of the tool begins with `Main {`"]


@pytest.mark.parametrize(
    "text", ["", "NetworkAccess 1;", "Main NetworkAccess 1;", "Main { NetworkAccess 1;", "{ }"]
)
def test_a_text_is_one_block(text: str) -> None:
    assert problems(text)


def test_every_mistake_is_found_at_once() -> None:
    found = problems("Main {\n MaxCPE 0;\n MaxCPU 1;\n UsServiceFlow {\n  5;\n  Nope 1;\n }\n MaxCPE x;\n}")
    assert [one.split(":")[0] for one in found] == ["2", "3", "5", "6", "8"]
    assert found[3].startswith("6: UsServiceFlow.Nope: ")


def test_mistakes_and_texts_are_bounded() -> None:
    assert len(problems("Main { " + "5; " * 1000 + "}")) == PROBLEMS_MAX
    assert len(problems("Main { " + "Nope 1; " * 1000 + "}")) == PROBLEMS_MAX
    assert problems("x" * (TEXT_BYTES_MAX + 1)) == [
        f"1: the text exceeds the limit of {TEXT_BYTES_MAX} bytes"
    ]
    deep = "VendorSpecific { " * (DEPTH_MAX + 1)
    assert any("nested more than" in one for one in problems(f"Main {{ {deep} MaxCPE 5;"))


def test_comments_go_to_the_setting_they_belong_to() -> None:
    text = """/* of the
    * file */ MAIN /* head */ {
      // of MaxCPE
      MaxCPE /* inside */ 5; // behind
      UsServiceFlow { /* of the flow */
        UsServiceFlowRef 1; /* of the reference */ QosParamSetType /* x */ 7;
        /* end of the flow */
      } /* of the downstream flow */
      DsServiceFlow { DsServiceFlowRef 2; }
      /* end of the settings */
    } /* end of the file */"""
    found, _ = read_text(text.encode())
    assert found is not None
    assert {path: (place.above, place.below) for path, place in found.places.items()} == {
        "": (("of the", "file", "head"), ("end of the settings", "end of the file")),
        "body[0]": (("of MaxCPE", "inside", "behind"), ()),
        "body[1]": (("of the flow",), ()),
        "body[1].upstream_service_flow[0]": (("of the reference",), ()),
        "body[1].upstream_service_flow[1]": (("x",), ("end of the flow",)),
        "body[2]": (("of the downstream flow",), ()),
        "body[2].downstream_service_flow[0]": ((), ()),
    }


def test_a_comment_may_hold_what_opens_one_and_any_bytes() -> None:
    found, _ = read_text(b"Main {\n /*** a /* b ** c\x07 \xe9 **/ MaxCPE 5; }")
    assert found is not None
    assert found.places["body[0]"].above == ("a /* b ** c\\x07 é",)


def test_the_comments_of_a_group_without_names_move_to_its_entry() -> None:
    generic = "GenericTLV TlvCode 1 TlvLength 1 TlvValue 0x05;"
    found = imported(f"VendorSpecific {{ /* a */ {generic} /* b */ VendorIdentifier 0x00000c; }}")
    assert found.definition["body"] == [{"vendor_specific": "010105080300000c"}]
    assert found.places["body[0]"].above[:2] == ("a", "b")
    assert found.places["body[0]"].above[2].startswith("VendorSpecific { GenericTLV TlvCode 1")


def test_a_vendors_block_keeps_its_entries_and_comments() -> None:
    generic = "GenericTLV TlvCode 11 TlvLength 2 TlvValue 0x0102;"
    found = imported(f"VendorSpecific {{\n/* a */ VendorIdentifier 0x00000c;\n/* b */ {generic} }}")
    assert found.definition["body"] == [
        {"vendor_specific": [{"vendor_id": "00000c"}, {"tlv": 11, "hex": "0102"}]}
    ]
    assert found.places["body[0].vendor_specific[0]"].above == ("a",)
    assert found.places["body[0].vendor_specific[1]"].above == ("b",)


def test_a_certificate_in_pieces_is_one_entry_with_all_their_comments() -> None:
    found = imported("MfgCVCData 0x" + 254 * "01" + "; /* a */ MfgCVCData 0x02; /* b */ MaxCPE 5; /* c */")
    assert [path for path, place in found.places.items() if place.above] == ["body[0]", "body[1]"]
    assert found.places["body[0]"].above == ("a", "b")


def test_a_name_of_a_way_down_the_tree_is_an_object() -> None:
    by_way = 'SnmpMibObject .iso.org.dod.internet.mgmt.mib-2.system.sysContact.0 String "x";'
    assert body(by_way) == body('SnmpMibObject sysContact.0 String "x";')
    assert body("SnmpMibObject enterprises.4491.2 Integer 1;") == body(
        "SnmpMibObject .1.3.6.1.4.1.4491.2 Integer 1;"
    )


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("iso.3.6.1.2.1.1.7.0", ".1.3.6.1.2.1.1.7.0"),
        ("experimental.83.1", ".1.3.6.1.3.83.1"),
        ("experimental83.1", ".1.3.6.1.3.83.1"),
        (".iso.org.dod.internet.experimental.83.1", ".1.3.6.1.3.83.1"),
        ("transmission.127.1.0", ".1.3.6.1.2.1.10.127.1.0"),
    ],
)
def test_the_nodes_above_every_mib_have_their_names(name: str, numbers: str) -> None:
    assert body(f"SnmpMibObject {name} Integer 1;") == body(f"SnmpMibObject {numbers} Integer 1;")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Integer -1", "0201ff"),
        ("Unsigned32 4294967295", "420500ffffffff"),
        ("Gauge 5", "420105"),
        ("Counter32 128", "41020080"),
        ("TimeTicks 100", "430164"),
        ("TimeTicks 0:0:00:01.00", "430164"),
        ("Counter64 1", "460101"),
        ("IPAddress 192.0.2.1", "4004c0000201"),
        ("ObjectID .1.3.6.1.2", "06042b060102"),
        ("HexString 0xC0", "0401c0"),
        ('String ""', "0400"),
    ],
)
def test_a_varbind_has_the_type_that_the_text_says(value: str, expected: str) -> None:
    name = "06082b06010201010700"
    content = name + expected
    assert body(f"SnmpMibObject .1.3.6.1.2.1.1.7.0 {value};").endswith(f"30{len(content) // 2:02x}{content}")


@pytest.mark.parametrize(("size", "start"), [(109, "30{:02x}"), (110, "308200{:02x}")])
def test_a_long_text_has_the_long_header_of_the_tool(size: int, start: str) -> None:
    # The nine numbers of the object, the text and eight more are 126 units, or 127 and too many.
    content = f"06082b0601020101040004{size:02x}" + size * "78"
    value = start.format(len(content) // 2) + content
    assert body(f'SnmpMibObject sysContact.0 String "{size * "x"}";') == f"0b{len(value) // 2:02x}{value}"


def test_a_packetcable_text_has_long_varbinds_and_a_frame() -> None:
    settings = (
        f'MtaConfigDelimiter 1; SnmpMibObject sysContact.0 String "{300 * "x"}"; MtaConfigDelimiter 255;'
    )
    document, _ = compile_document(imported(settings).definition)
    assert document is not None
    file = document.build({})
    assert file.startswith(bytes.fromhex("fe010140013e3082013a"))
    assert file.endswith(bytes.fromhex("fe01ff"))
    assert imported(settings, "eu").definition["hash"] == "eu"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("MtaConfigDelimiter 1; MaxCPE 5;", "`MtaConfigDelimiter 255;` is missing at the end"),
        ("MtaConfigDelimiter 1;", "`MtaConfigDelimiter 255;` is missing at the end"),
        ("MtaConfigDelimiter 2; MtaConfigDelimiter 255;", "takes 1 at the beginning"),
    ],
)
def test_what_a_packetcable_text_lacks_is_said(settings: str, reason: str) -> None:
    (found,) = [one for one in problems(f"Main {{\n{settings}\n}}") if "PacketCable" in one]
    assert reason in found
