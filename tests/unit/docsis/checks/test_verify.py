"""Verification: every damage is noticed by the check that is there for it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.checks.verify import inspect, verify
from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.text.template import compile_template
from services.docsis.tlv import FileKind, Tlv, read, write

SECRET = b"shared"
CM = compile_template({
    "kind": "cm",
    "body": [
        {"network_access": 1},
        {"max_cpe": 4},
        {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "attic"}},
        {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
        {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
        {"tlv": 103, "hex": "0102"},
    ],
}).build(b"", address=bytes((10, 0, 0, 1)), timestamp_s=1_700_000_000, secret=SECRET)  # fmt: skip
MTA = compile_template({
    "kind": "mta",
    "hash": "na",
    "body": [
        {"snmp_set": {"oid": "1.3.6.1.4.1.4491.2.2.1.1.1.6.0", "integer": 1}},
        {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "x" * 300}},
    ],
}).build(b"", address=b"", timestamp_s=0, secret=b"")  # fmt: skip

BARE = MTA[:3] + MTA[3:-45] + MTA[-3:]
"""The adapter's file without its hash."""


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]


def rewritten(file: bytes, kind: FileKind, change: dict[int, bytes | None]) -> bytes:
    """The file with the values of some types replaced, or those TLVs taken out; nothing made anew."""
    kept = [
        Tlv(tlv.type, change.get(tlv.type, tlv.value) or b"")
        for tlv in read(file, kind)
        if change.get(tlv.type, b"") is not None
    ]
    return b"".join(write(tlv, kind) for tlv in kept) + (b"\xff" if kind == "cm" else b"")


@pytest.mark.parametrize("secrets", [[SECRET], [b"old", SECRET], [SECRET, b"new"]])
def test_any_of_the_secrets_will_do(secrets: list[bytes]) -> None:
    assert verify(CM, secrets) == "ok"


@pytest.mark.parametrize("secrets", [[], [b""], [b"sharee"], [b"old", b"new"]])
def test_a_wrong_secret_fails_the_cmts_mic(secrets: list[bytes]) -> None:
    assert verify(CM, secrets) == "cmts-mic"


def test_an_adapters_file_needs_no_secret() -> None:
    assert verify(MTA, []) == "ok"


@pytest.mark.parametrize("at", range(len(read(CM, "cm"))))
def test_a_changed_value_breaks_the_check_over_it(at: int) -> None:
    tlv = read(CM, "cm")[at]
    position = tlv.offset + (3 if tlv.type == 103 else 2) + len(tlv.value) - 1
    expected = "cmts-mic" if tlv.type == 7 else "cm-mic"
    assert verify(flipped(CM, position), [SECRET]) == expected


@pytest.mark.parametrize("at", range(len(read(MTA, "mta"))))
def test_a_changed_value_breaks_the_hash(at: int) -> None:
    tlv = read(MTA, "mta")[at]
    position = tlv.offset + (3 if tlv.type == 64 else 2) + len(tlv.value) - 1
    assert verify(flipped(MTA, position), []) == ("structure" if tlv.type == 254 else "hash")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        CM[: CM.rindex(b"\xff")],  # no end of data
        CM[:40],
        rewritten(CM, "cm", {6: None}),
        rewritten(CM, "cm", {7: None}),
        rewritten(CM, "cm", {6: None, 7: None}),
        rewritten(CM, "cm", {6: bytes(15)}),
        rewritten(CM, "cm", {19: bytes(3)}),
        rewritten(CM, "cm", {20: bytes(16)}),
        CM[: CM.rindex(b"\xff")] + b"\x12\x01\x04\xff",  # something after the MICs
        CM[: CM.rindex(b"\xff")] + b"\x07\x10" + bytes(16) + b"\xff",  # the MIC twice
        b"\x14\x04\x0a\x00\x00\x02" + CM,  # two addresses
        MTA[:-3],
        MTA + b"\x00",
        MTA + MTA,
        MTA + b"\x0b\x01\x00",
        MTA[:-3] + MTA[-45:-3] + MTA[-3:],  # the hash twice
        BARE + b"\x00",
        b"\xfe\x01\x01",
    ],
)
def test_a_file_that_is_not_one_is_structure(data: bytes) -> None:
    assert verify(data, [SECRET]) == "structure"


def test_an_adapters_hash_varbind_must_be_an_octet_string() -> None:
    at = MTA.rindex(b"\x04\x14")
    assert verify(flipped(MTA, at, 0x06), []) == "structure"
    assert verify(flipped(MTA, at + 1, 0x20), []) == "structure"


@pytest.mark.parametrize("file", [BARE, MTA[:3] + MTA[-3:]], ids=["a body", "empty"])
def test_an_adapters_file_without_a_hash_is_no_hash(file: bytes) -> None:
    assert verify(file, []) == "no-hash"


@pytest.mark.parametrize("model", HASH_OBJECT)
def test_a_hash_object_that_holds_no_hash_is_not_no_hash(model: str) -> None:
    varbind = ber.varbind(HASH_OBJECT[model], ber.INTEGER, b"\1")
    assert verify(BARE[:-3] + write(Tlv(11, varbind), "mta") + BARE[-3:], []) == "structure"


@pytest.mark.parametrize("tail", ["ff", "ff" + "00" * 5, "0000ff", "ff01", "00ff030101ff", "ff" * 20])
def test_behind_the_end_of_data_may_be_anything(tail: str) -> None:
    assert verify(CM[: CM.rindex(b"\xff")] + bytes.fromhex(tail), [SECRET]) == "ok"


@pytest.mark.parametrize("tail", ["", "0000", "01", "030101ff", "0600ff", "0a0d"])
def test_without_an_end_of_data_behind_the_mics_it_is_no_file(tail: str) -> None:
    assert verify(CM[: CM.rindex(b"\xff")] + bytes.fromhex(tail), [SECRET]) == "structure"


def test_inspect() -> None:
    found = inspect(CM)
    assert (found.kind, found.timestamp_s, found.address) == ("cm", 1_700_000_000, bytes((10, 0, 0, 1)))
    assert [tlv.type for tlv in found.tlvs] == [3, 18, 11, 24, 25, 103, 19, 20, 6, 7]
    found = inspect(MTA)
    assert (found.kind, found.timestamp_s, found.address) == ("mta", None, None)
    assert [tlv.type for tlv in found.tlvs] == [254, 11, 64, 11, 254]
    bare = inspect(b"\x03\x01\x01\xff")
    assert (bare.timestamp_s, bare.address) == (None, None)
    with pytest.raises(DocsisError):
        inspect(b"\x03\x01\x01")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, (CM.rindex(b"\xff") + 1) * 8 - 1))
def test_no_flipped_bit_of_a_modems_file_passes(bit: int) -> None:
    assert verify(flipped(CM, bit // 8, 1 << bit % 8), [SECRET]) in {"cm-mic", "cmts-mic", "structure"}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(MTA) * 8 - 1))
def test_no_flipped_bit_of_an_adapters_file_passes(bit: int) -> None:
    """A flip inside the object's identifier leaves a file without a hash, which says so."""
    at = bit // 8
    found = verify(flipped(MTA, at, 1 << bit % 8), [])
    allowed = {"hash", "structure"} | ({"no-hash"} if len(MTA) - 45 <= at < len(MTA) - 25 else set())
    assert found in allowed


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"", b"\xfe\x01\x01", CM[:50], MTA[:50], CM[-60:]]), st.binary(max_size=300))
def test_verify_never_raises(start: bytes, data: bytes) -> None:
    assert verify(start + data, [SECRET]) in {"structure", "cm-mic", "cmts-mic", "hash", "no-hash"}
