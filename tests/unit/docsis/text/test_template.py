"""Templates: values of every kind, placeholders in every place; errors are in test_template_errors."""

import re
from typing import Any

import pytest

from services.docsis.checks.verify import inspect, verify
from services.docsis.errors import DocsisError
from services.docsis.text.template import Template, compile_template
from services.docsis.tlv import Tlv, read

BUILD = {"address": bytes((10, 1, 2, 3)), "timestamp_s": 1_700_000_000, "secret": b"s"}
EVERY_KIND: dict[str, object] = {
    "small": {"kind": "uint8"},
    "middle": {"kind": "uint16"},
    "large": {"kind": "uint32"},
    "line": {"kind": "string"},
    "server": {"kind": "ipv4"},
}


def template(*body: object, kind: str = "cm", **placeholders: object) -> Template:
    definition: dict[str, object] = {"kind": kind, "placeholders": placeholders, "body": list(body)}
    return compile_template({**definition, "hash": "na"} if kind == "mta" else definition)


def build(template: Template, **values: object) -> bytes:
    return template.build(template.pack(values), **BUILD)  # type: ignore[arg-type]


def first(*body: object, kind: str = "cm") -> Tlv:
    """The first TLV of the body as it is built."""
    tlvs = inspect(build(template(*body, kind=kind))).tlvs
    return tlvs[1] if kind == "mta" else tlvs[0]


@pytest.mark.parametrize(
    ("entry", "type", "value"),
    [
        ({"network_access": 1}, 3, "01"),
        ({"downstream_frequency": 603_000_000}, 1, "23f10cc0"),
        ({"upstream_channel_id": 3}, 2, "03"),
        ({"max_classifiers": 300}, 28, "012c"),
        ({"software_upgrade_filename": "fw.bin"}, 9, b"fw.bin".hex()),
        ({"software_upgrade_server": "192.0.2.1"}, 21, "c0000201"),
        ({"subscriber_management_control": "000403"}, 35, "000403"),
        ({"subscriber_management_cpe_table": ["192.0.2.1", "192.0.2.2"]}, 36, "c0000201c0000202"),
        ({"subscriber_management_filters": [1, 2, 3, 65_535]}, 37, "000100020003ffff"),
        ({"vendor_specific": "08030011EE"}, 43, "08030011ee"),
        ({"tlv": 43, "hex": "0803ffffff"}, 43, "0803ffffff"),
        ({"tlv": 64, "hex": "0102"}, 64, "0102"),
        ({"tlv": 103, "hex": "aa" * 300}, 103, "aa" * 300),
        ({"class_of_service": [{"class_id": 1}, {"max_upstream_burst": 1522}]}, 4, "010101060205f2"),
        ({"baseline_privacy": [{"tek_grace_time": 600}]}, 17, "060400000258"),
        ({"upstream_service_flow": [{"service_class_name": "up"}]}, 24, "0403757000"),
        ({"upstream_service_flow": [{"max_sustained_rate": 5}]}, 24, "080400000005"),
        ({"upstream_service_flow": [{"max_sustained_rate": "5bit/s"}]}, 24, "080400000005"),
        ({"upstream_service_flow": [{"max_sustained_rate": "128 kbit/s"}]}, 24, "08040001f400"),
        ({"upstream_service_flow": [{"max_sustained_rate": "1.5 Mbit/s"}]}, 24, "08040016e360"),
        ({"downstream_service_flow": [{"peak_traffic_rate": "4 Gbit/s"}]}, 25, "1b04ee6b2800"),
        ({"upstream_service_flow": [{"tlv": 43, "hex": "0803ffffff"}]}, 24, "2b050803ffffff"),
        (
            {"upstream_packet_classifier": [{"reference": 1}, {"ipv4": [{"protocol": 17}]}]},
            22,
            "01010109040202 0011",
        ),
        (
            {"downstream_packet_classifier": [{"ethernet": [{"source_mac": "00:1A:2c-00:00:01"}]}]},
            23,
            "0a080206001a2c000001",
        ),
        ({"payload_header_suppression": [{"index": 1}, {"mask": "fc"}]}, 26, "0801010901fc"),
    ],
)
def test_values_are_encoded(entry: dict[str, object], type: int, value: str) -> None:
    assert first(entry)[:2] == (type, bytes.fromhex(value))


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ({"integer": -1}, "0201ff"),
        ({"string": "é"}, "0402c3a9"),
        ({"string": ""}, "0400"),
        ({"hex": "40"}, "040140"),
        ({"ipaddress": "192.0.2.1"}, "4004c0000201"),
        ({"counter32": 128}, "41020080"),
        ({"gauge32": 2**32 - 1}, "420500ffffffff"),
        ({"timeticks": 0}, "430100"),
        ({"object_id": "1.3.6.1"}, "06032b0601"),
    ],
)
@pytest.mark.parametrize("kind", ["cm", "mta"])
def test_varbinds_are_encoded(value: dict[str, object], content: str, kind: str) -> None:
    body = bytes.fromhex("06082b06010201010600" + content)
    tlv = first({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", **value}}, kind=kind)
    assert tlv[:2] == (11, bytes((0x30, len(body))) + body)


def test_a_long_varbind_is_type_64_for_an_adapter_and_an_error_for_a_modem() -> None:
    entry = {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "x" * 300}}
    tlv = first(entry, kind="mta")
    assert (tlv.type, len(tlv.value)) == (64, 4 + 10 + 4 + 300)
    assert verify(build(template(entry, kind="mta")), []) == "ok"
    with pytest.raises(DocsisError) as caught:
        template(entry)
    assert caught.value.path == "body[0].snmp_set"


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ({"max_cpe": "${small}"}, {"small": 9}),
        ({"max_classifiers": "${small}"}, {"small": 9}),  # zeros before it
        ({"downstream_frequency": "${middle}"}, {"middle": 500}),
        ({"software_upgrade_server": "${server}"}, {"server": "192.0.2.9"}),
        ({"subscriber_management_cpe_table": ["192.0.2.1", "${server}"]}, {"server": "192.0.2.9"}),
        ({"subscriber_management_filters": [1, "${middle}", 3, "${small}"]}, {"middle": 7, "small": 5}),
        ({"software_upgrade_filename": "fw-${small}-${line}"}, {"small": 9, "line": "a"}),
        ({"upstream_service_flow": [{"max_sustained_rate": "${large}"}]}, {"large": 20_000_000}),
        ({"upstream_service_flow": [{"service_class_name": "${line}"}]}, {"line": "gold"}),
        (
            {"upstream_packet_classifier": [{"ipv4": [{"source_address": "${server}"}]}]},
            {"server": "10.0.0.1"},
        ),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "${line}"}}, {"line": "Zoë"}),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "at ${server}!"}}, {"server": "10.0.0.1"}),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "${line}"}}, {"line": "x" * 150}),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "gauge32": "${large}"}}, {"large": 2**31}),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "integer": "${small}"}}, {"small": 0}),
        ({"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "ipaddress": "${server}"}}, {"server": "10.0.0.1"}),
    ],
)
@pytest.mark.parametrize("around", [{"network_access": 1}, {"vendor_specific": "0803ffffff"}])
def test_a_placeholder_gives_what_its_value_would(
    entry: dict[str, object], values: dict[str, object], around: dict[str, object]
) -> None:
    declared: dict[str, Any] = {name: EVERY_KIND[name] for name in values}
    filled = build(template(around, entry, around, **declared), **values)
    assert filled == build(template(around, substituted(entry, values), around))
    assert verify(filled, [b"s"]) == "ok"


def substituted(entry: object, values: dict[str, object]) -> object:
    """The entry with its placeholders written out."""
    if isinstance(entry, dict):
        return {key: substituted(value, values) for key, value in entry.items()}
    if isinstance(entry, list):
        return [substituted(item, values) for item in entry]
    whole = re.fullmatch(r"\$\{(\w+)\}", entry) if isinstance(entry, str) else None
    if whole:
        return values[whole[1]]
    return re.sub(r"\$\{(\w+)\}", lambda m: str(values[m[1]]), entry) if isinstance(entry, str) else entry


def test_a_text_decides_between_type_11_and_64() -> None:
    entry = {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "${line}"}}
    adapter = template(entry, kind="mta", line=EVERY_KIND["line"])
    types = {size: inspect(build(adapter, line="x" * size)).tlvs[1].type for size in (0, 230, 238, 239, 255)}
    assert types == {0: 11, 230: 11, 238: 11, 239: 64, 255: 64}


def test_pack_refuses_what_build_could_not_build() -> None:
    text = template({"upstream_service_flow": [{"service_class_name": "x${line}"}]}, line=EVERY_KIND["line"])
    assert verify(build(text, line="y" * 14), [b"s"]) == "ok"
    for line in ("y" * 15, "ë"):
        with pytest.raises(DocsisError) as caught:
            text.pack({"line": line})
        assert caught.value.path == "body[0].upstream_service_flow[0].service_class_name"
    narrow = template({"network_access": "${small}"}, small={"kind": "uint8"})
    with pytest.raises(DocsisError, match="0 to 1"):
        narrow.pack({"small": 2})
    with pytest.raises(DocsisError, match="packed"):
        narrow.build(b"\2", **BUILD)  # type: ignore[arg-type]


def test_signature_is_kind_names_and_kinds_in_order_not_the_body() -> None:
    one = template({"max_cpe": "${a}"}, a={"kind": "uint8", "default": 4}, b={"kind": "string"})
    two = template({"network_access": 1}, a={"kind": "uint8"}, b={"kind": "string"})
    assert one.signature == two.signature == "cm(a:uint8,b:string)"
    assert template({"max_cpe": 1}).signature == "cm()"
    assert template({"tlv": 43, "hex": "00"}, kind="mta", b=EVERY_KIND["line"]).signature == "mta(b:string)"
    assert [entry.name for entry in one.placeholders] == ["a", "b"]
    assert one.placeholders[0].default == b"\4"


def test_download_values_are_in_the_file() -> None:
    found = inspect(build(template({"network_access": 1})))
    assert (found.kind, found.timestamp_s, found.address) == ("cm", 1_700_000_000, bytes((10, 1, 2, 3)))


def test_an_adapter_ignores_secret_address_and_time() -> None:
    adapter = template({"snmp_set": {"oid": "1.3.6.1", "integer": 1}}, kind="mta")
    files = {
        adapter.build(b"", address=b"", timestamp_s=-1, secret=b"a"),
        adapter.build(b"", address=bytes(4), timestamp_s=5, secret=b"b"),
    }
    assert len(files) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"address": b""},
        {"address": bytes(15)},
        {"timestamp_s": -1},
        {"timestamp_s": 2**32},
        {"packed": b"\0"},
    ],
)
def test_build_refuses_malformed_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(DocsisError):
        template({"network_access": 1}).build(**{"packed": b"", **BUILD, **arguments})  # type: ignore[arg-type]


def test_read_gives_the_body_in_file_order() -> None:
    body = [{"max_cpe": 4}, {"network_access": 1}, {"privacy_enable": 0}]
    assert [tlv.type for tlv in read(build(template(*body)), "cm")] == [18, 3, 29, 19, 20, 6, 7]


def extended(bitmap: str) -> dict[str, object]:
    """The extended CMTS MIC over these types, without a digest."""
    mic = [{"hmac_type": 1}, {"bitmap": bitmap}]
    return {"vendor_specific": [{"vendor_id": "ffffff"}, {"extended_cmts_mic": mic}]}


def test_the_extended_cmts_mic_covers_what_its_bitmap_says() -> None:
    made = template({"network_access": 1}, extended("10"))
    file = made.build(b"", address=bytes(4), timestamp_s=0, secret=b"s3cret")
    assert inspect(file).tlvs[-1] == Tlv(7, bytes.fromhex("d80c32d5d11332e748f96b23810e7d44"), len(file) - 20)
    assert verify(file, [b"s3cret"]) == "ok"


@pytest.mark.parametrize("address", [bytes((10, 1, 2, 3)), bytes(16)], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("type", [3, 6, 18, 19, 20, 43, 59])
def test_an_extended_mic_over_what_each_download_makes_is_read_back(type: int, address: bytes) -> None:
    bitmap = bytearray(8)
    bitmap[type // 8] = 0x80 >> type % 8
    made = template(
        {"network_access": 1}, {"max_cpe": "${small}"}, extended(bitmap.hex()), small={"kind": "uint8"}
    )
    file = made.build(made.pack({"small": 9}), address=address, timestamp_s=7, secret=b"s")
    assert verify(file, [b"s"]) == "ok"


def test_an_adapters_class_may_have_no_hash_of_ours() -> None:
    """The frame, the body with the device's values, and nothing that was computed."""
    entry = {"snmp_set": {"oid": "1.3.6.1.2.1.1.5.0", "string": "${line}"}}
    placeholders = {"line": {"kind": "string"}}
    bare = compile_template({"kind": "mta", "hash": "none", "placeholders": placeholders, "body": [entry]})
    hashed = compile_template({"kind": "mta", "hash": "na", "placeholders": placeholders, "body": [entry]})
    file, other = build(bare, line="a.example.net"), build(hashed, line="a.example.net")
    assert file == other[:-45] + bytes.fromhex("fe01ff")
    assert (verify(file, []), verify(other, [])) == ("no-hash", "ok")
    assert bare.signature == hashed.signature


def test_the_hash_of_another_stands_in_the_body_of_a_class_without_ours() -> None:
    entry = {"snmp_set": {"oid": "pktcMtaDevProvConfigHash.0", "hex": "11" * 20}}
    file = build(compile_template({"kind": "mta", "hash": "none", "body": [entry]}))
    assert file.hex() == "fe01010b283026060e2b06010401a30b020201010207000414" + "11" * 20 + "fe01ff"
    assert verify(file, []) == "hash"
