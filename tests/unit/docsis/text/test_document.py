"""Documents: a file as text and back to the same bytes, whoever wrote it."""

import hmac
from typing import Any

import pytest

from services.docsis.checks.mic import CMTS_MIC_ORDER, HASH_OBJECT, cm_mic, mta_hash
from services.docsis.checks.verify import verify
from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.mib.names import object_oid
from services.docsis.text.document import Document, compile_document, decode_document
from services.docsis.tlv import FILE_BYTES_MAX
from tests.unit.docsis.test_vectors import V1, V2, V3

SECRET = b"shared"
FLOW = [{"reference": 1}, {"qos_parameter_set_type": 7}]


def document(definition: object) -> Document:
    found, errors = compile_document(definition)
    assert errors == []
    assert found is not None
    return found


def built(definition: object, secret: bytes = SECRET, **values: object) -> bytes:
    return document(definition).build(values, secret)


def cm(body: str | bytes, tail: str | None = None, secret: bytes = SECRET) -> bytes:
    """A signed file, made without the code under test but for the order of the CMTS MIC's types."""
    body = bytes.fromhex(body) if isinstance(body, str) else body
    mic = b"\x06\x10" + cm_mic(body)
    tlvs, at = [(6, mic)], 0
    while at < len(body):
        size = 1 if body[at] == 0 else 2 + body[at + 1]
        tlvs.append((body[at], body[at : at + size]))
        at += size
    covered = b"".join(tlv for type in CMTS_MIC_ORDER for own, tlv in tlvs if own == type)
    file = body + mic + b"\x07\x10" + hmac.digest(secret, covered, "md5")
    return file + (b"\xff" + bytes(-(len(file) + 1) % 4) if tail is None else bytes.fromhex(tail))


def mta(body: str, hashed: str = "", tail: str = "") -> bytes:
    return bytes.fromhex(f"fe0101{body}{hashed}fe01ff{tail}")


def decoded(data: bytes) -> dict[str, Any]:
    """The document of `data`, after seeing that it encodes to the same bytes."""
    definition, warning = decode_document(data)
    assert warning == ""
    assert built(definition) == data
    return definition


@pytest.mark.parametrize(("data", "secret"), [(V1, b"DOCSIS"), (V2, b"s3cret-for-tests"), (V3, b"")])
def test_the_files_two_programs_agree_on(data: bytes, secret: bytes) -> None:
    definition, warning = decode_document(data)
    assert warning == ""
    body: Any = definition["body"]
    assert "hex" not in str([item for item in body if "vendor_specific" not in item])
    assert built(definition, secret) == data


def test_what_is_computed_is_left_out() -> None:
    assert decoded(cm("030101 120104")) == {"kind": "cm", "body": [{"network_access": 1}, {"max_cpe": 4}]}


def test_order_and_repeats_stay() -> None:
    found = decoded(cm("120104 030101 120105 1806060107060102"))
    assert found["body"] == [
        {"max_cpe": 4},
        {"network_access": 1},
        {"max_cpe": 5},
        {"upstream_service_flow": [{"qos_parameter_set_type": 7}, {"qos_parameter_set_type": 2}]},
    ]


def test_the_types_of_one_download_may_stand_in_a_document() -> None:
    body = "13046553f100 14040a000001 3b1020010db8000000000000000000000001 030101"
    names = [name for item in decoded(cm(body))["body"] for name in item]
    assert names == [
        "tftp_server_timestamp",
        "tftp_server_provisioned_modem_ipv4_address",
        "tftp_server_provisioned_modem_ipv6_address",
        "network_access",
    ]


@pytest.mark.parametrize(
    ("body", "item"),
    [
        ("0300", {"tlv": 3, "hex": ""}),
        ("2bff" + "aa" * 255, {"tlv": 43, "hex": "aa" * 255}),
        ("03020001", {"tlv": 3, "hex": "0001"}),  # too wide
        ("030105", {"tlv": 3, "hex": "05"}),  # out of range
        ("e20101", {"tlv": 226, "hex": "01"}),  # without a name
        ("1800", {"tlv": 24, "hex": ""}),
        ("18020102", {"tlv": 24, "hex": "0102"}),  # no sub-TLVs
        ("180301ff00", {"tlv": 24, "hex": "01ff00"}),
        ("180401020000", {"upstream_service_flow": [{"tlv": 1, "hex": "0000"}]}),
        (
            "18060101 05 060107",
            {"upstream_service_flow": [{"tlv": 1, "hex": "05"}, {"qos_parameter_set_type": 7}]},
        ),
        ("1803ff0105", {"upstream_service_flow": [{"tlv": 255, "hex": "05"}]}),
        ("18020000", {"upstream_service_flow": [{"tlv": 0, "hex": ""}]}),
        ("0b03020101", {"tlv": 11, "hex": "020101"}),  # no varbind
        ("0b023000", {"tlv": 11, "hex": "3000"}),
        ("090761247b6e7d2e62", {"tlv": 9, "hex": "61247b6e7d2e62"}),  # a${n}.b would be a placeholder
    ],
)
def test_what_would_not_encode_to_the_same_bytes_stays_hexadecimal(body: str, item: dict[str, Any]) -> None:
    assert decoded(cm(body))["body"] == [item]


@pytest.mark.parametrize(
    ("oid", "octets", "said"),
    [
        ("docsDevNmAccessInterfaces.1", "40", {"hex": "40"}),
        ("docsDevEvReporting.1", "60", {"hex": "60"}),
        ("docsDevFilterTosOrMask.1", "40", {"hex": "40"}),
        ("vacmViewTreeFamilyMask.1", "", {"hex": ""}),
        ("docsDevEvSyslogAddress.0", "41424344", {"hex": "41424344"}),
        ("docsDevEvSyslogAddress.0", b"log.example".hex(), {"string": "log.example"}),
        ("docsDevNmAccessCommunity.1", "40", {"string": "@"}),
        ("sysContact.0", "40", {"string": "@"}),
        ("enterprises.32473.1.0", "40", {"string": "@"}),
        ("1.3.9", "00", {"hex": "00"}),
    ],
)
def test_octets_are_a_text_where_the_object_can_hold_one(oid: str, octets: str, said: dict[str, Any]) -> None:
    content = bytes.fromhex(octets)
    value = ber.varbind(object_oid(oid), ber.OCTET_STRING, content)
    assert decoded(cm((bytes((11, len(value))) + value).hex()))["body"] == [
        {"snmp_set": {"oid": oid, **said}}
    ]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("080300000c 0b020102", [{"vendor_id": "00000c"}, {"tlv": 11, "hex": "0102"}]),
        ("080300000c 05050103aabbcc", [{"vendor_id": "00000c"}, {"tlv": 5, "hex": "0103aabbcc"}]),
        ("080300000c", [{"vendor_id": "00000c"}]),
        ("080300000c 0b00", "080300000c0b00"),  # no class takes an empty TLV
        ("080300000c ff0101", "080300000cff0101"),
        ("080300000c 0b0201", "080300000c0b0201"),  # no TLVs
        ("080200000b0102", "080200000b0102"),
        ("0b0102080300000c", "0b0102080300000c"),
    ],
)
@pytest.mark.parametrize("parent", [0, 22, 24])
def test_a_field_of_a_vendor_has_its_identifier_and_no_names_of_ours(
    field: str, said: object, parent: int
) -> None:
    value = bytes.fromhex(field)
    inner = bytes((43, len(value))) + value
    data = cm((bytes((parent, len(inner))) + inner if parent else inner).hex())
    (item,) = decoded(data)["body"]
    (found,) = [item] if not parent else next(iter(item.values()))
    assert found == {"vendor_specific": said}
    raw = {"vendor_specific": value.hex()}  # as earlier builds wrote it
    whole = raw if not parent else {next(iter(item)): [raw]}
    assert built({**decode_document(data)[0], "body": [whole]}) == data


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("020104", {"integer": 4}),
        ("0201ff", {"integer": -1}),
        ("02020004", {"ber": "02020004"}),  # not minimal
        ("0281 0104", {"ber": "02810104"}),
        ("0200", {"ber": "0200"}),
        ("02057fffffffff", {"ber": "02057fffffffff"}),
        ("4204ffffffff", {"ber": "4204ffffffff"}),  # an unsigned number as if it were negative
        ("420500ffffffff", {"gauge32": 2**32 - 1}),
        ("4101 05", {"counter32": 5}),
        ("4301 05", {"timeticks": 5}),
        ("460105", {"ber": "460105"}),  # Counter64
        ("0500", {"ber": "0500"}),  # NULL
        ("40040a000001", {"ipaddress": "10.0.0.1"}),
        ("40020a00", {"ber": "40020a00"}),
        ("0403616263", {"string": "abc"}),
        ("0400", {"string": ""}),
        ("0402c3ab", {"string": "ë"}),
        ("0402ff00", {"hex": "ff00"}),
        ("0404247b617d", {"hex": "247b617d"}),  # ${a}
        ("06032b0601", {"object_id": "1.3.6.1"}),
        ("06022b80", {"ber": "06022b80"}),
    ],
)
def test_values_of_varbinds(value: str, said: dict[str, Any]) -> None:
    content = bytes.fromhex("06082b06010401a30b63" + value)
    data = bytes((11, len(content) + 2, 0x30, len(content))) + content
    (item,) = decoded(cm(data))["body"]
    if "object_id" in said:
        assert item["snmp_set"].keys() == {"oid", "object_id"}
    else:
        assert item["snmp_set"] == {"oid": item["snmp_set"]["oid"], **said}


@pytest.mark.parametrize(
    "name", ["80 2b0601", "2b8001", "2b8fffffffff7f"], ids=["leading zeros", "inner zeros", "too large"]
)
def test_an_object_identifier_that_is_not_minimal_keeps_its_tlv(name: str) -> None:
    oid = bytes.fromhex(name)
    content = b"\x06" + bytes((len(oid),)) + oid + b"\x02\x01\x01"
    data = bytes((11, len(content) + 2, 0x30, len(content))) + content
    assert decoded(cm(data))["body"] == [{"tlv": 11, "hex": data[2:].hex()}]


@pytest.mark.parametrize("size", [1, 254, 255, 508, 509, 1500])
def test_a_long_certificate_is_one_value_in_successive_tlvs(size: int) -> None:
    value = bytes(at % 251 for at in range(size))
    pieces = [value[at : at + 254] for at in range(0, size, 254)]
    body = b"".join(bytes((32, len(piece))) + piece for piece in pieces)
    (item,) = decoded(cm(body))["body"]
    assert list(item.values()) == [value.hex()]


def test_certificates_that_were_not_split_at_254_stay_apart() -> None:
    body = bytes((32, 3)) + b"abc" + bytes((32, 254)) + bytes(254) + bytes((33, 2)) + b"de"
    found = decoded(cm(body))["body"]
    assert [len(bytes.fromhex(next(iter(item.values())))) for item in found] == [3, 254, 2]
    assert len(decoded(cm(bytes((32, 255)) + bytes(255) + bytes((32, 1, 7))))["body"]) == 2
    assert len(decoded(cm(bytes((32, 254)) + bytes(254) + bytes((32, 0))))["body"]) == 2


def test_padding_between_tlvs_has_a_length() -> None:
    data = cm("00 030101 000000 120104 00")
    assert decoded(data)["body"] == [
        {"pad": 1},
        {"network_access": 1},
        {"pad": 3},
        {"max_cpe": 4},
        {"pad": 1},
    ]
    assert verify(data, [SECRET]) == "ok"


@pytest.mark.parametrize("body", ["030101", "03010100", "0301010000", "030101000000"])
@pytest.mark.parametrize("zeros", range(6))
def test_the_tail_is_kept_only_if_it_is_not_the_standards(body: str, zeros: int) -> None:
    data = cm(body, "ff" + "00" * zeros)
    assert ("tail" not in decoded(data)) == (data == cm(body))


@pytest.mark.parametrize("tail", ["", "ffff", "0000ff00", "ff0a", "0a", "0d0a", "ff030101", "00"])
def test_any_other_tail_is_kept(tail: str) -> None:
    assert decoded(cm("030101", tail))["tail"] == tail


@pytest.mark.parametrize("end", ["", "ff", "00", "0000ff000000", "ff01"])
def test_a_file_may_be_unsigned(end: str) -> None:
    data = bytes.fromhex("030101" + end)
    assert decoded(data)["mic"] == "none"
    assert verify(data, [SECRET]) == "structure"


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\0\0\0", cm(""), mta("")])
def test_a_file_may_be_empty(data: bytes) -> None:
    assert decoded(data)["body"] == []


MICS = cm("")[:36]


@pytest.mark.parametrize(
    "data",
    [
        b"\x03",
        b"\x03\x05\x01",
        cm("030101")[:20],
        MICS[:18] + b"\xff",  # only one
        MICS[18:] + b"\xff",
        MICS[18:] + MICS[:18] + b"\xff",  # the wrong way round
        MICS + b"\x03\x01\x01\xff",  # not last
        MICS + MICS + b"\xff",
        MICS[:18] + b"\0" + MICS[18:] + b"\xff",  # apart
        b"\x06\x0f" + MICS[2:17] + MICS[18:] + b"\xff",  # too short
        b"\x03\x01\x01" + MICS[:18] + b"\x07\x00\xff",
        bytes(FILE_BYTES_MAX + 1),
        b"\xfe\x01\x01",  # without its closing TLV
        mta("fe0102"),
        mta("fe0101"),
        mta("00"),
        mta("ff0100"),
        mta("0b05"),
    ],
)
def test_what_is_no_file_is_refused(data: bytes) -> None:
    with pytest.raises(DocsisError):
        decode_document(data)
    assert verify(data, [SECRET]) == "structure"


VARBIND = "0b153013060e2b06010401a30b02020101010700020101"


@pytest.mark.parametrize("model", HASH_OBJECT)
def test_the_hash_is_computed_where_it_belongs(model: str) -> None:
    data = built({"kind": "mta", "hash": model, "body": [{"tlv": 11, "hex": VARBIND[4:]}]})
    assert verify(data, []) == "ok"
    assert decoded(data)["hash"] == model
    assert len(decoded(data)["body"]) == 1
    assert data[-23:-3] == mta_hash(mta(VARBIND))


def test_a_hash_elsewhere_stands_in_the_body_as_it_was() -> None:
    data = built({"kind": "mta", "hash": "na", "body": [{"tlv": 11, "hex": VARBIND[4:]}]})
    hash_tlv = data[26:-3]
    moved = data[:3] + hash_tlv + data[3:26] + data[-3:]
    found = decoded(moved)
    assert (found["hash"], len(found["body"])) == ("none", 2)
    assert decoded(mta(VARBIND))["hash"] == "none"
    longer = data[:26] + b"\x40\x00" + hash_tlv[1:] + data[-3:]  # in a TLV 64
    assert decoded(longer)["hash"] == "none"


def hash_varbind(model: str, digest: str = "11" * 20) -> str:
    content = ber.varbind(HASH_OBJECT[model], ber.OCTET_STRING, bytes.fromhex(digest))
    return bytes((11, len(content))).hex() + content.hex()


def test_two_hashes_are_nobodys_to_compute_and_stay_as_they_were() -> None:
    twice = "0b283026060e2b06010401a30b020201010207000414" + "11" * 20
    assert hash_varbind("na") == twice
    assert decoded(mta(twice * 2)) == {
        "kind": "mta",
        "hash": "none",
        "body": [{"snmp_set": {"oid": "pktcMtaDevProvConfigHash.0", "hex": "11" * 20}}] * 2,
    }


@pytest.mark.parametrize("last", HASH_OBJECT)
@pytest.mark.parametrize("first", HASH_OBJECT)
def test_so_do_the_hashes_of_two_models(first: str, last: str) -> None:
    found = decoded(mta(VARBIND + hash_varbind(first) + hash_varbind(last)))
    assert (found["hash"], len(found["body"])) == ("none", 3)


def test_a_hash_object_without_a_hash_beside_the_hash_stays_as_well() -> None:
    odd = ber.varbind(HASH_OBJECT["na"], ber.INTEGER, b"\1")
    for tlv in (bytes((11, len(odd))) + odd, bytes((64, 0, len(odd))) + odd):
        assert decoded(mta(tlv.hex() + hash_varbind("na")))["hash"] == "none"


def test_a_long_varbind_of_an_adapter_is_tlv_64() -> None:
    varbind = {"oid": "1.3.6.1.2.1.1.6.0", "string": "x" * 300}
    data = built({"kind": "mta", "hash": "eu", "body": [{"snmp_set": varbind}]})
    assert data[3] == 64
    (item,) = decoded(data)["body"]
    assert item["snmp_set"]["string"] == "x" * 300
    short = mta("4000" + VARBIND[2:])  # in a TLV 64 although it is short
    assert decoded(short)["body"] == [{"tlv": 64, "hex": VARBIND[4:]}]


@pytest.mark.parametrize("tail", ["00", "ff", "fe01ff"])
def test_the_tail_of_an_adapters_file(tail: str) -> None:
    assert decoded(mta(VARBIND, tail=tail))["tail"] == tail


def test_a_static_multicast_session_of_a_modem_has_one_byte_of_length() -> None:
    (item,) = decoded(cm("400a 0104e0000001 02020001"))["body"]
    assert item.keys() != {"pad"}


@pytest.mark.parametrize("type", [103, 104])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 3000])
def test_two_bytes_of_length(type: int, size: int) -> None:
    body = bytes((type,)) + size.to_bytes(2, "big") + b"\xee" * size
    data = body + b"\xff" + bytes(-(len(body) + 1) % 4)
    assert "tail" not in decoded(data)
    (item,) = decoded(data)["body"]
    assert list(item.values())[-1] == "ee" * size


def test_a_wrong_check_is_said_and_put_right() -> None:
    right = cm("030101")
    definition, warning = decode_document(right[:5] + bytes(16) + right[21:])
    assert "CM MIC" in warning
    assert built(definition) == right
    adapter = built({"kind": "mta", "hash": "na", "body": [{"tlv": 11, "hex": VARBIND[4:]}]})
    definition, warning = decode_document(adapter[:-4] + b"\0" + adapter[-3:])
    assert "hash" in warning
    assert built(definition) == adapter


def test_another_secret_gives_another_cmts_mic_only() -> None:
    data = cm("030101")
    other = built(decode_document(data).definition, b"other")
    assert (other[:23], other[39:]) == (data[:23], data[39:])
    assert (verify(other, [SECRET]), verify(other, [b"other"])) == ("cmts-mic", "ok")


FLAGS = {"network_access", "privacy_enable"}


def test_each_number_can_be_edited_and_the_file_verifies() -> None:
    definition, _ = decode_document(V2)
    edited = 0
    for item in definition["body"]:  # type: ignore[attr-defined]
        for children in item.values():
            for child in children if isinstance(children, list) else [item]:
                for name, value in child.items():
                    if isinstance(value, int):
                        child[name] = value - 1 if value > 1 or name in FLAGS else value + 1
                        changed = built(definition)
                        assert (changed != V2, verify(changed, [SECRET])) == (True, "ok"), name
                        child[name] = value
                        edited += 1
    assert edited >= 10


def test_each_changed_byte_is_noticed_by_the_check_over_it() -> None:
    data = cm("030101 120104 180701020001060107", "ff")
    mics = len(data) - 37
    for at in range(len(data)):
        changed = data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]
        verdict = verify(changed, [SECRET])
        assert verdict != "ok"
        if mics + 2 <= at < mics + 18:
            assert verdict == "cm-mic"
        if mics + 20 <= at < mics + 36:
            assert verdict == "cmts-mic"
        if at in (2, 5, 10, 13):
            assert verdict == "cm-mic"


def test_placeholders_have_values_defaults_or_an_error() -> None:
    definition = {
        "kind": "cm",
        "placeholders": {"n": {"kind": "uint8", "default": 4}, "s": {"kind": "string"}},
        "body": [{"max_cpe": "${n}"}, {"software_upgrade_filename": "${s}.bin"}],
    }
    assert built(definition, s="a").startswith(bytes.fromhex("1201040905612e62696e"))
    assert built(definition, s="a", n=9).startswith(bytes.fromhex("120109"))
    for values in ({}, {"s": "a", "t": 1}, {"s": "a", "n": 256}, {"s": "x" * 251}):
        with pytest.raises(DocsisError):
            built(definition, **values)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"tail": "f"}, "tail"),
        ({"tail": 0}, "tail"),
        ({"mic": "some"}, "mic"),
        ({"hash": "na"}, "hash"),
        ({"body": [{"pad": 0}]}, "body[0].pad"),
        ({"body": [{"pad": True}]}, "body[0].pad"),
        ({"body": [{"upstream_service_flow": [{"pad": 1}]}]}, "body[0].upstream_service_flow[0]"),
        ({"body": [{"tlv": 6, "hex": "00"}]}, "body[0].tlv"),
        ({"body": [{"tlv": 0, "hex": "00"}]}, "body[0].tlv"),
        ({"body": [{"tlv": 255, "hex": "00"}]}, "body[0].tlv"),
        ({"body": [{"tlv": 43, "hex": "00" * 256}]}, "body[0].hex"),
        ({"body": [{"max_cpe": 300}]}, "body[0].max_cpe"),
        ({"body": [{"snmp_set": {"oid": "1.3.6.1", "ber": "x"}}]}, "body[0].snmp_set.ber"),
        ({"body": [{"pad": 65_000}, {"pad": 65_000}]}, "body"),
    ],
)
def test_a_mistake_names_its_path(change: dict[str, object], path: str) -> None:
    found, errors = compile_document({"kind": "cm", "body": [{"max_cpe": 4}], **change})
    assert found is None
    assert [error.path for error in errors] == [path]


def test_an_adapters_document_holds_no_padding_and_no_frame() -> None:
    for item in ({"pad": 1}, {"tlv": 254, "hex": "01"}, {"max_cpe": 1}):
        assert compile_document({"kind": "mta", "hash": "na", "body": [item]})[1]


def test_the_limit_of_a_file_is_that_of_its_reader() -> None:
    body = [{"pad": FILE_BYTES_MAX - 36}]
    data = built({"kind": "cm", "tail": "", "body": body})
    assert len(data) == FILE_BYTES_MAX
    assert decoded(data)["body"] == body
    with pytest.raises(DocsisError, match="limit"):
        built({"kind": "cm", "body": body})
