"""The three files that two independent programs agree on, byte for byte."""

import pytest

from services.docsis.checks.mic import cm_mic, cmts_mic
from services.docsis.checks.verify import verify
from services.docsis.text.template import compile_template
from services.docsis.tlv import read

V1 = bytes.fromhex(
    "0301010b123010060b2b0601020145010201070102010418070102000106010719070102000206010706101c4670ca4768ce"
    "6c11973a03cbf5a1bf07109d9b01ae4ce1d52b5ca435bcbb4dc721ff0000"
)
V2 = bytes.fromhex(
    "1201041d01012b0908030011ee0a02beef191301020002060107080405f5e100090400040000180d01020001060107080400"
    "989680180a0102000306010707010503010114040a63010713046553f1000b18301606082b06010201010600040a68656164"
    "2d656e6420370610a81ed540f5ea830087c025e330c7e4160710187a630086fe2779e2dbcef97cbb581eff00"
)
V3 = bytes.fromhex(
    "fe01010b153013060e2b06010401a30b020201010106000201010b25302306102b06010401a30b020202010201010109040f"
    "636d732e6578616d706c652e6e65740b283026060e2b06010401a30b020201010207000414d4957e19ed85202ac2a98878ea"
    "f5c25f958b2d84fe01ff"
)

BODY1: list[object] = [
    {"network_access": 1},
    {"snmp_set": {"oid": ".1.3.6.1.2.1.69.1.2.1.7.1", "integer": 4}},
    {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
    {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
]
BODY2: list[object] = [
    {"max_cpe": 4},
    {"privacy_enable": 1},
    {"vendor_specific": "08030011ee0a02beef"},
    {
        "downstream_service_flow": [
            {"reference": 2},
            {"qos_parameter_set_type": 7},
            {"max_sustained_rate": "100 Mbit/s"},
            {"max_traffic_burst": 262144},
        ]
    },
    {
        "upstream_service_flow": [
            {"reference": 1},
            {"qos_parameter_set_type": 7},
            {"max_sustained_rate": "10 Mbit/s"},
        ]
    },
    {"upstream_service_flow": [{"reference": 3}, {"qos_parameter_set_type": 7}, {"traffic_priority": 5}]},
    {"network_access": 1},
    {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "head-end 7"}},
]
ADDRESS2 = bytes.fromhex("14040a630107")
TIMESTAMP2 = bytes.fromhex("13046553f100")


def close(body: bytes, secret: bytes) -> bytes:
    """Body, MICs, end of data and padding."""
    file = body + b"\x06\x10" + cm_mic(body)
    file += b"\x07\x10" + cmts_mic(read(file + b"\xff", "cm"), secret) + b"\xff"
    return file + bytes(-len(file) % 4)


def compiled_body(body: list[object]) -> bytes:
    """What a template writes before the timestamp."""
    template = compile_template({"kind": "cm", "body": body})
    file = template.build(b"", address=bytes(4), timestamp_s=0, secret=b"")
    return file[: file.index(bytes.fromhex("130400000000140400000000"))]


def test_first_modem_file() -> None:
    assert close(compiled_body(BODY1), b"DOCSIS") == V1
    assert verify(V1, [b"DOCSIS"]) == "ok"


def test_second_modem_file_has_its_types_out_of_order() -> None:
    body = compiled_body(BODY2)
    varbind = body[body.index(b"\x0b\x18\x30") :]
    body = body.removesuffix(varbind) + ADDRESS2 + TIMESTAMP2 + varbind
    assert close(body, b"s3cret-for-tests") == V2
    assert verify(V2, [b"s3cret-for-tests"]) == "ok"


def test_packetcable_file() -> None:
    template = compile_template({
        "kind": "mta",
        "hash": "na",
        "placeholders": {"agent": {"kind": "string"}},
        "body": [
            {"snmp_set": {"oid": "1.3.6.1.4.1.4491.2.2.1.1.1.6.0", "integer": 1}},
            {"snmp_set": {"oid": "1.3.6.1.4.1.4491.2.2.2.1.2.1.1.1.9", "string": "${agent}"}},
        ],
    })  # fmt: skip
    packed = template.pack({"agent": "cms.example.net"})
    assert template.build(packed, address=b"", timestamp_s=0, secret=b"") == V3
    assert verify(V3, []) == "ok"


@pytest.mark.parametrize(("body", "secret"), [(BODY1, b"DOCSIS"), (BODY2, b"s3cret-for-tests"), (BODY1, b"")])
@pytest.mark.parametrize("stuffing", range(4))
def test_build_is_the_closed_body(body: list[object], secret: bytes, stuffing: int) -> None:
    """Every length modulo four, so that all paddings occur."""
    body = [*body, {"tlv": 200, "hex": "aa" * (1 + stuffing)}]
    template = compile_template({"kind": "cm", "body": body})
    built = template.build(b"", address=ADDRESS2[2:], timestamp_s=0x6553F100, secret=secret)
    assert built == close(compiled_body(body) + TIMESTAMP2 + ADDRESS2, secret)
    assert len(built) % 4 == 0
